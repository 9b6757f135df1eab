/* formula.h - formulas as trees: read from the texts of ops, rewritten as a teacher writes them, printed in four styles, evaluated, recorded.
 *
 *   sum      a + b, a - b               product   a * b, a / b, and a b, the matrix product
 *   power    a^b, to the right          sign      -a, which is weaker than a product: -x^2 = -(x^2)
 *   choice   c ? a : b                  question  a > b, >=, <, <=, ==, !=: 1 or 0
 *   call     tanh(a), max(a, b)         others    |a|, and a' for the transpose
 *   name     %0, %1 are the operands of an op and %y its value; x1, W1[2,1] and whatever the caller calls so; pi, infinity, nan
 *
 * Nodes are immutable, may be shared, and live until their arena is freed. What makes nodes takes and returns NULL for one that could not be
 * made; the arena remembers why. Depth and size of a tree are bounded, so that no text and no net brings recursion to the end of the stack. */
#ifndef TAPEGRAD_EXPLAIN_FORMULA_H
#define TAPEGRAD_EXPLAIN_FORMULA_H

#include <tapegrad/op.h>

typedef enum tg_formula_kind {
    TG_FORMULA_NUMBER, TG_FORMULA_NAME, TG_FORMULA_CALL,                                    /* any number of parts for a call */
    TG_FORMULA_NEGATIVE, TG_FORMULA_MAGNITUDE, TG_FORMULA_TRANSPOSE,                        /* one part */
    TG_FORMULA_ADD, TG_FORMULA_SUBTRACT, TG_FORMULA_MULTIPLY, TG_FORMULA_MATRIX_PRODUCT,    /* two parts */
    TG_FORMULA_DIVIDE, TG_FORMULA_POWER,
    TG_FORMULA_GREATER, TG_FORMULA_GREATER_EQUAL, TG_FORMULA_LESS, TG_FORMULA_LESS_EQUAL, TG_FORMULA_EQUAL, TG_FORMULA_NOT_EQUAL,
    TG_FORMULA_CHOICE                                                                       /* three: condition, where it is not 0, elsewhere */
} tg_formula_kind;

typedef struct tg_formula tg_formula;
struct tg_formula {
    tg_formula_kind          kind;
    int                      count;         /* of parts */
    int                      depth, size;   /* levels and nodes, counted as a tree */
    double                   number;
    int                      digits;        /* of a number that was rounded, with which it is printed; 0: the shortest */
    const char              *name;          /* of a name or a call */
    const tg_formula *const *parts;
};

/* Most levels and nodes of a tree, and arguments of a call. */
enum { TG_FORMULA_DEPTH = 1000, TG_FORMULA_SIZE = 100000, TG_FORMULA_ARGUMENTS = 16 };

/* ---- the arena (formula_tree.c) ---- */

typedef struct tg_formulas tg_formulas;

tg_formulas *tg_formulas_new(void);                                 /* NULL: no memory, told to tg_last_error */
void         tg_formulas_free(tg_formulas *formulas);
tg_status    tg_formulas_status(const tg_formulas *formulas);       /* why the first NULL: TG_OUT_OF_MEMORY, TG_TOO_LARGE; TG_OK: there was none */

void        *tg_formulas_fail(tg_formulas *formulas, tg_status status);  /* remembers why, if it is the first; returns NULL */

const tg_formula *tg_formula_number(tg_formulas *formulas, double number);
const tg_formula *tg_formula_rounded(tg_formulas *formulas, double number, int digits);     /* is the rounded number, zeros at its end included */
const tg_formula *tg_formula_name(tg_formulas *formulas, const char *name);
const tg_formula *tg_formula_call(tg_formulas *formulas, const char *name, const tg_formula *const parts[], int count);
const tg_formula *tg_formula_one(tg_formulas *formulas, tg_formula_kind kind, const tg_formula *a);
const tg_formula *tg_formula_two(tg_formulas *formulas, tg_formula_kind kind, const tg_formula *a, const tg_formula *b);
const tg_formula *tg_formula_choice(tg_formulas *formulas, const tg_formula *condition, const tg_formula *a, const tg_formula *b);

/* The same node with other parts; f itself where they are its own. */
const tg_formula *tg_formula_with(tg_formulas *formulas, const tg_formula *f, const tg_formula *const parts[]);

bool tg_formula_is_same(const tg_formula *a, const tg_formula *b);  /* node by node */
bool tg_formula_is_number(const tg_formula *f, double number);

/* A name, and what it stands for. */
typedef struct tg_formula_binding {
    const char       *name;
    const tg_formula *formula;
} tg_formula_binding;

/* f with formulas in the place of names. */
const tg_formula *tg_formula_substitute(tg_formulas *formulas, const tg_formula *f, const tg_formula_binding bindings[], int count);

/* ---- reading (formula_parse.c) ---- */

typedef struct tg_formula_failure {
    size_t      at;            /* byte of the text, counted from 0 */
    const char *expected;      /* "a formula", "')'": what should have been there; never NULL */
} tg_formula_failure;

/* Reads all [length] bytes. TG_BAD_ARGUMENT where they are no formula, TG_TOO_LARGE, TG_OUT_OF_MEMORY; failure (may be NULL) says where and what. */
tg_status tg_formula_parse(tg_formulas *formulas, const char *text, size_t length, const tg_formula **formula, tg_formula_failure *failure);

/* ---- rewriting (formula_rewrite.c) ---- */

/* What equals f for finite numbers, as a teacher writes it: 1 * x is x, -a + 1 is 1 - a, x * x is x^2, 2 * 0.5 * x is x. */
const tg_formula *tg_formula_rewrite(tg_formulas *formulas, const tg_formula *f);

/* ---- of ops (formula_op.c) ---- */

/* The value of op in its count operands, from its text, with numbers in the place of c, or of a and b. attributes NULL: they stay names. Where the
 * text is none, or no formula, the call name(%0, %1). */
const tg_formula *tg_formula_of_op(tg_formulas *formulas, const tg_op *op, const void *attributes, int count);

/* The local derivative by operand k, in %0, %1, ... and %y: what the op's rule records for a cotangent of 1, rewritten. shapes [count] of the
 * operands, NULL: all 1 x 1. What is longer than longest characters (0: no limit) becomes a call such as mish'(%0).
 * NULL where it has none that is a formula of elements: ops that are not elementwise, the sums and means apart, and those without a rule. That is no
 * failure of the arena. */
const tg_formula *tg_local_formula(tg_formulas *formulas, const tg_op *op, const void *attributes, const tg_shape shapes[], int count, int k,
                                   size_t longest);

enum { TG_LOCAL_LONGEST = 60 };

/* ---- text (formula_text.c) ---- */

/* Text that grows. Zeros are an empty one; what cannot grow stays as it is and says so in failed. */
typedef struct tg_text_buffer {
    char  *text;               /* with a zero behind it; NULL: nothing was put */
    size_t length, capacity;
    bool   failed;             /* no memory */
} tg_text_buffer;

void        tg_put(tg_text_buffer *buffer, const char *text);
void        tg_put_bytes(tg_text_buffer *buffer, const char *bytes, size_t count);
const char *tg_text_of(const tg_text_buffer *buffer);               /* never NULL */
void        tg_text_buffer_release(tg_text_buffer *buffer);

typedef enum tg_formula_style { TG_STYLE_TEXT, TG_STYLE_UNICODE, TG_STYLE_TEX, TG_STYLE_MATHML } tg_formula_style;

/* A number in any locale with a point: the shortest that reads back as the same double; or rounded to digits, with zeros at its end where it
 * takes them. NaN and infinity are words. */
void tg_put_number(tg_text_buffer *buffer, double number, tg_formula_style style);
void tg_put_rounded(tg_text_buffer *buffer, double number, int digits, tg_formula_style style);

/* The number that text, [length] bytes of digits, point and exponent, says in the C locale. */
double tg_number_of(const char *text, size_t length);

/* ---- printing (formula_print.c, formula_tex.c, formula_mathml.c) ---- */

/* With no parentheses but those that are needed. Text reads back as the same value; TeX needs amsmath, and no dollar signs are put; MathML
 * is an element <math>. */
void tg_formula_print(const tg_formula *f, tg_formula_style style, tg_text_buffer *buffer);

/* ---- value (formula_value.c) and recording (formula_record.c) ---- */

typedef struct tg_formula_number_binding {
    const char *name;
    double      number;
} tg_formula_number_binding;

/* Of scalars, in double. TG_UNKNOWN_NAME for names and functions that there are not, with a sentence for tg_last_error. A function is one of
 * arithmetic, an op whose text is a formula, or the derivative of such an op of one operand without numbers, such as mish'. */
tg_status tg_formula_value(const tg_formula *f, const tg_formula_number_binding names[], int count, double *value);

typedef struct tg_formula_tensor_binding {
    const char *name;
    tg_tensor   tensor;
} tg_formula_tensor_binding;

/* f as ops on tape. Failures are on the tape, as those of ops are, and the tensor is then a failed one. */
tg_tensor tg_formula_record(tg_tape *tape, const tg_formula *f, const tg_formula_tensor_binding names[], int count);

/* ---- what the files of formulas share ---- */

/* How strongly a kind holds its parts together, from weak to strong. */
enum { TG_BIND_CHOICE = 1, TG_BIND_QUESTION, TG_BIND_SUM, TG_BIND_SIGN, TG_BIND_PRODUCT, TG_BIND_MATRIX, TG_BIND_FRACTION, TG_BIND_POWER,
       TG_BIND_TRANSPOSE, TG_BIND_ATOM };

int  tg_formula_binding_of(const tg_formula *f);
bool tg_formula_is_negative(const tg_formula *f);                   /* begins with a minus: a sign, or a number below 0 */
bool tg_formula_is_question(const tg_formula *f);                   /* a comparison */
int  tg_formula_set_binding_of(const tg_formula *f);                /* the same where 1e-9 is a product, 10 to the power of -9: not in plain text */
void tg_put_formula_number(tg_text_buffer *buffer, const tg_formula *f, tg_formula_style style);
const char *tg_formula_sign(tg_formula_kind kind);                  /* "+" of two parts in plain text; NULL: another kind */
bool tg_is_function(const char *name);                              /* known to tg_formula_value by itself */

void tg_put_tex(const tg_formula *f, tg_text_buffer *buffer);
void tg_put_mathml(const tg_formula *f, tg_text_buffer *buffer);

/* The parts of a name such as W1[2,1]: letters, digits at their end, index without brackets. W1[] is the whole matrix, of which the digits are set as
 * those of its elements are; W1 alone is a variable with a digit. */
typedef struct tg_name_parts {
    const char *letters, *digits, *index;
    size_t      letter_count, digit_count, index_count;
} tg_name_parts;

tg_name_parts tg_name_parts_of(const char *name);

#endif
