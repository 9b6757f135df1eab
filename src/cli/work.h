/* work.h - a computation as it is typed: values for names, and definitions such as "q = x + y; f = q*z". */
#ifndef TAPEGRAD_CLI_WORK_H
#define TAPEGRAD_CLI_WORK_H

#include "cli/numbers.h"

#include <tapegrad/tapegrad.h>

enum { TG_WORK_NAMES = 48, TG_WORK_NAME = 24, TG_WORK_TEXT = 1000 };

/* A name, what it stands for, and once tg_work_look has been called its numbers. */
typedef struct tg_quantity {
    char          name[TG_WORK_NAME];
    char         *text;            /* right of "="; NULL: it is given */
    tg_cli_matrix value;           /* given from the start */
    double       *gradient;        /* of the result, in the shape of value; NULL: it is not differentiated by */
    bool          is_wanted;       /* among what the result is to be differentiated by */
    tg_tensor     tensor;
} tg_quantity;

typedef struct tg_work {
    tg_tape    *tape;
    tg_quantity quantities[TG_WORK_NAMES];
    int         given, count;                 /* those that are given come first */
    tg_tensor   result;                       /* [1, 1] */
    char        sentence[TG_WORK_TEXT];       /* of the first failure */
    char        broken[TG_WORK_TEXT];         /* the formula that is none; "" */
    size_t      broken_at;                    /* the byte of it */
} tg_work;

/* Each of these returns false on failure, with a sentence. given: "x1=2, W=[1,2;3,4]". formula: definitions that ';' ends, of which the last may do
 * without a name. by: names to differentiate by; NULL: all that is given. */
bool tg_work_begin(tg_work *work, const char *given, const char *formula, const char *by);
bool tg_work_record(tg_work *work);           /* again, after given values have been changed; without a gradient */
bool tg_work_differentiate(tg_work *work);    /* records the gradient of the result, in one walk */
bool tg_work_look(tg_work *work);             /* computes all values and gradients */
void tg_work_end(tg_work *work);

/* What tg_work_begin is made of, for computations that are recorded otherwise. tg_work_add adds a name, NULL: refused. */
bool         tg_work_read_given(tg_work *work, const char *given);
bool         tg_work_read_by(tg_work *work, const char *by);
tg_quantity *tg_work_add(tg_work *work, const char *name, size_t length);

/* The first sentence is the one that is told; that of a status is what the library said. Both return false. */
bool tg_work_refuse(tg_work *work, const char *format, ...) TG_FORMAT(2, 3);
bool tg_work_refuse_status(tg_work *work, tg_status status);

/* NULL: there is none. */
tg_quantity *tg_work_find(const tg_work *work, const char *name, size_t length);

/* The number behind "q", "W1[2,1]" or, of a gradient, "d_q" and "d_W1[2,1]". */
bool tg_work_number(tg_work *work, const char *name, double *number);

/* The value of a formula of such numbers; of values alone, without gradients, if that is asked. */
bool tg_work_value(tg_work *work, const char *formula, bool with_gradients, double *value);

/* One more number that formulas may have, behind tg_work_look: nothing is recorded again after it. */
bool tg_work_add_number(tg_work *work, const char *prefix, const char *name, double value);

/* Steps of descent from what is given, whose outcome is given by the numbers after_w and so on; then tg_work_look of what was given before. */
bool tg_work_train(tg_work *work, int steps, double rate);

#endif
