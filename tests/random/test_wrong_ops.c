/* test_wrong_ops.c - random programs find ops that are wrong in one way each, and what is left of the program is small; and one that is printed as C
 * compiles and computes the same. Each test registers its op in a process of its own. */
#include "support.h"
#include "random/program.h"

#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAMS = 2000, SMALL = 5 };

#define EACH_ELEMENT for (int64_t i = call->row_begin; i < call->row_end; i++) for (int64_t j = 0; j < call->cols; j++)
#define X(k) ((const double *)call->inputs[k].data)[i * call->inputs[k].row_stride + j * call->inputs[k].col_stride]
#define Y ((double *)call->output)[i * call->cols + j]
#define OP_OF(name_, arity_, ...) \
    static const tg_op name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = arity_, .flags = TG_OP_ELEMENTWISE, __VA_ARGS__ }

static void square(const tg_call *call) { EACH_ELEMENT Y = X(0) * X(0); }
static void square_in_passes(const tg_call *call) {
    EACH_ELEMENT Y = 1;
    EACH_ELEMENT Y *= X(0) * X(0);
}
static void square_and_count(const tg_call *call) {
    static int calls;
    calls++;
    EACH_ELEMENT Y = X(0) * X(0) + calls * 1e-9;
}
static void product(const tg_call *call) { EACH_ELEMENT Y = X(0) * X(1); }

static void right_rule(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_mul(g, tg_scale(a->inputs[0], 2)); }
static void wrong_rule(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_mul(g, tg_scale(a->inputs[0], 2.0001)); }
static void half_stopped_rule(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = tg_mul(g, tg_stop(a->inputs[1]));
    cotangents[1] = tg_mul(g, a->inputs[0]);
}
static tg_tensor wrong_algebra(const tg_application *a) { return tg_mul(a->inputs[0], tg_shift(a->inputs[0], 1e-9)); }

OP_OF(test_wrong_rule, 1, .f64 = square, .vjp = wrong_rule);
OP_OF(test_not_in_place, 1, .f64 = square_in_passes, .vjp = right_rule);
OP_OF(test_counts, 1, .f64 = square_and_count, .vjp = right_rule);
OP_OF(test_wrong_algebra, 1, .f64 = square, .vjp = right_rule, .simplify = wrong_algebra);
OP_OF(test_half_stopped, 2, .f64 = product, .vjp = half_stopped_rule);

static bool contains(const program *p, const tg_op *op) {
    for (int i = 0; i < p->node_count; i++)
        if (p->nodes[i].op == op) return true;
    return false;
}

static void expect_found(const tg_op *op, const char *check) {
    static program p;
    failure        f;
    char          *text;
    size_t         bytes;
    FILE          *report = open_memstream(&text, &bytes);
    ck_assert_int_eq(tg_register(op), TG_OK);
    ck_assert_msg(find_failing(0, PROGRAMS, NULL, &p, &f) >= 0, "%s is not found", op->name);
    report_failure(&p, &f, report);
    fclose(report);
    ck_assert_msg(strcmp(f.check, check) == 0, "%s is found by \"%s\"", op->name, f.check);
    ck_assert_msg(contains(&p, op) && op_nodes_of(&p) <= SMALL, "%d ops are left:\n%s", op_nodes_of(&p), text);
    ck_assert_ptr_nonnull(strstr(text, op->name));
    free(text);
}

START_TEST(a_wrong_derivative) { expect_found(&test_wrong_rule_op, "derivatives"); }
END_TEST
START_TEST(a_kernel_that_reads_what_it_wrote) { expect_found(&test_not_in_place_op, "passes"); }
END_TEST
START_TEST(a_kernel_with_a_state) { expect_found(&test_counts_op, "run twice"); }
END_TEST
START_TEST(algebra_that_is_nearly_right) { expect_found(&test_wrong_algebra_op, "passes"); }
END_TEST
START_TEST(a_derivative_without_derivative) { expect_found(&test_half_stopped_op, "second derivatives"); }
END_TEST

/* ---- printed as C ---- */

/* The numbers that the program prints, each line of them behind its shape. */
static void expect_numbers(const char *text, const char *end, const result *should) {
    size_t count = 0;
    for (const char *at = strchr(text, '['); at != NULL && at < end; at = strchr(at, '[')) {
        at = strchr(at, ']') + 1;
        for (char *next = NULL; *at == ' '; at = next, count++) {
            const double number = strtod(at, &next);
            if (next == at) break;      /* a sentence */
            ck_assert_msg(count < should->count && (number == should->at[count] || isnan(should->at[count])), "number %zu: %.17g", count, number);
        }
    }
    ck_assert_uint_eq(count, should->count);
}

static void run_command(const char *command) {
    const int status = system(command);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", command);
}

static void compile_and_run(const char *folder, char *text, size_t room) {
    char        command[2000];
    const char *flags = getenv("TAPEGRAD_TEST_FLAGS") != NULL ? getenv("TAPEGRAD_TEST_FLAGS") : "";
    snprintf(command, sizeof command, "%s -std=c11 -I%s/include %s %s/program.c -o %s/program %s -Wl,-rpath,%s -lm",
             getenv("CC") != NULL ? getenv("CC") : "cc", getenv("TAPEGRAD_SOURCE_ROOT"), flags, folder, folder, getenv("TAPEGRAD_TEST_LIBRARY"),
             getenv("TAPEGRAD_TEST_LIBRARY_FOLDER"));
    run_command(command);
    snprintf(command, sizeof command, "%s/program", folder);
    FILE *output = popen(command, "r");
    text[fread(text, 1, room - 1, output)] = '\0';
    ck_assert_int_eq(pclose(output), 0);
}

static void expect_printed(uint64_t seed) {
    static program p;
    static char    text[1 << 20];
    char           folder[] = "/tmp/tapegrad-program-XXXXXX", name[100];
    world          w;
    result         should = { 0 };
    tg_tape       *tape;
    make_program(&p, seed);
    tape = tg_tape_new(&(tg_tape_options){ .type = p.type, .eager = true, .seed = 17 });
    open_world(&w, &p);
    run_program(&p, &w, tape, &(manner){ 0 }, &should);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/program.c", folder);
    FILE *file = fopen(name, "w");
    print_program(&p, &(failure){ .check = "example", .passes = "none" }, file);
    fclose(file);
    compile_and_run(folder, text, sizeof text);
    const char *planned = strstr(text, "planned:"), *eager = strstr(text, "eager:");
    ck_assert(planned != NULL && eager != NULL && should.status == TG_OK);
    expect_numbers(planned, text + sizeof text, &should);
    expect_numbers(eager, planned, &should);
    unlink(name);
    snprintf(name, sizeof name, "%s/program", folder);
    unlink(name);
    rmdir(folder);
    release_result(&should);
    tg_tape_free(tape);
    close_world(&w);
}

START_TEST(a_printed_program_compiles) {
    if (getenv("TAPEGRAD_TEST_LIBRARY") == NULL) return;
    for (uint64_t seed = 3; seed < 7; seed++) expect_printed(seed);
}
END_TEST

int main(void) {
    return RUN_TESTS("wrong_ops", a_wrong_derivative, a_kernel_that_reads_what_it_wrote, a_kernel_with_a_state, algebra_that_is_nearly_right,
                     a_derivative_without_derivative, a_printed_program_compiles);
}
