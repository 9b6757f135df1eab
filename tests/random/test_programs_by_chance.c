/* test_programs_by_chance.c - random programs over the registry: eager, planned by every choice of passes, explicit plans, again, differences.
 *
 *     TAPEGRAD_PROGRAMS=100000      how many; 2000 unless set
 *     TAPEGRAD_SEED=5               number of the first one; 0 unless set
 *     TAPEGRAD_TABLE=1              prints what the programs were made of */
#include "support.h"      /* first: it uses a name of the other */
#include "random/program.h"

#include <inttypes.h>
#include <time.h>

enum { PARTS = 4, USUAL = 2000 };

static long number_of(const char *name, long usual) { return getenv(name) != NULL ? atol(getenv(name)) : usual; }

static void print_table(const tally *t, double seconds) {
    fprintf(stderr, "%ld programs of %ld ops, %.0f a second; %ld with gradients, %ld not finite; %ld elements against differences, %ld at kinks; "
            "%ld second derivatives; %ld hits, %ld misses; %ld explained by roundings\n", t->programs, t->nodes, (double)t->programs / seconds,
            t->gradients, t->not_finite, t->elements, t->kinks, t->hessians, t->hits, t->misses, t->excused);
    for (int i = 0; i < tg_op_count(); i++) fprintf(stderr, "%-34s %8ld%s", tg_op_at(i)->name, t->ops[i], i % 3 == 2 ? "\n" : "   ");
    fprintf(stderr, "\n");
}

static void expect_counts(const tally *t, long count) {
    ck_assert_int_eq(t->programs, count);
    if (count < USUAL / PARTS) return;
    for (int i = 0; i < tg_op_count(); i++) ck_assert_msg(t->ops[i] > 0, "%s is in no program", tg_op_at(i)->name);
    ck_assert_msg(t->not_finite * 4 < count, "%ld of %ld programs are not finite", t->not_finite, count);
    ck_assert_msg(t->kinks * 5 < t->elements, "%ld of %ld elements lie at kinks", t->kinks, t->elements);
    ck_assert_msg(t->excused * 50 < count, "%ld of %ld programs differ by what roundings explain", t->excused, count);
    ck_assert_msg(t->elements > count && t->hessians * 3 > count, "%ld elements, %ld second derivatives", t->elements, t->hessians);
}

static void check_part(int part) {
    const long     all = number_of("TAPEGRAD_PROGRAMS", USUAL), count = all / PARTS + (part < all % PARTS ? 1 : 0);
    const uint64_t first = (uint64_t)number_of("TAPEGRAD_SEED", 0) + (uint64_t)(part * (all / PARTS) + (part < all % PARTS ? part : all % PARTS));
    static program p;
    failure        f;
    tally          t     = { 0 };
    char          *text;
    size_t         bytes;
    FILE          *report = open_memstream(&text, &bytes);
    const clock_t  begin  = clock();
    const bool     ok     = find_failing(first, count, &t, &p, &f) < 0;
    if (!ok) report_failure(&p, &f, report);
    fclose(report);
    if (!ok) fputs(text, stderr);      /* Check cuts long messages */
    if (getenv("TAPEGRAD_TABLE") != NULL) print_table(&t, (double)(clock() - begin) / CLOCKS_PER_SEC);
    ck_assert_msg(ok, "see above: %.300s", text);
    expect_counts(&t, count);
    free(text);
}

START_TEST(programs_a) { check_part(0); }
END_TEST
START_TEST(programs_b) { check_part(1); }
END_TEST
START_TEST(programs_c) { check_part(2); }
END_TEST
START_TEST(programs_d) { check_part(3); }
END_TEST

/* The limit on time is meson's. */
int main(void) {
    static const TTest *const *const tests[] = { &programs_a, &programs_b, &programs_c, &programs_d };
    Suite *suite = suite_create("by_chance");
    TCase *cases = tcase_create("by_chance");
    tcase_set_timeout(cases, 0);
    suite_add_tcase(suite, cases);
    for (size_t i = 0; i < PARTS; i++) tcase_add_test(cases, *tests[i]);
    return run_suite(suite);
}
