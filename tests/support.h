/* support.h - what tests share: the runner, an allocator that checks its callers, and one that fails when it is told to. */
#ifndef TAPEGRAD_TESTS_SUPPORT_H
#define TAPEGRAD_TESTS_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/status.h>

/* ---- memory with guards: the allocator of every test that sets none. A size that is not that of the block, and what is written behind a block, end the
 * test. Sanitizers and valgrind see more without it ---- */

enum { TEST_GUARD = 64 };      /* bytes before a block, where its size stands, and behind it */

static inline void test_check_guard(const unsigned char *block, size_t size) {
    size_t known;
    memcpy(&known, block - TEST_GUARD, sizeof known);
    bool intact = known == size;
    for (size_t i = 0; intact && i < TEST_GUARD; i++) intact = block[size + i] == 0xa5;
    if (intact) return;
    fprintf(stderr, "a block of %zu bytes is released as one of %zu, or was written behind\n", known, size);
    abort();
}

static inline void *test_guarded_allocate(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    (void)context;
    unsigned char *fresh = NULL, *old = pointer;
    if (old != NULL) test_check_guard(old, old_size);
    if (new_size > 0) {
        if (alignment > TEST_GUARD || new_size > SIZE_MAX - 3 * TEST_GUARD) return NULL;
        fresh = aligned_alloc(TEST_GUARD, (new_size + 3 * TEST_GUARD - 1) / TEST_GUARD * TEST_GUARD);
        if (fresh == NULL) return NULL;
        fresh += TEST_GUARD;
        memcpy(fresh - TEST_GUARD, &new_size, sizeof new_size);
        memset(fresh + new_size, 0xa5, TEST_GUARD);
        if (old != NULL) memcpy(fresh, old, old_size < new_size ? old_size : new_size);
    }
    if (old != NULL) free(old - TEST_GUARD);
    return fresh;
}

static inline void test_guard_memory(void) {
#ifndef __SANITIZE_ADDRESS__
    if (getenv("TAPEGRAD_PLAIN_MEMORY") == NULL && tg_set_allocator(test_guarded_allocate, NULL) != TG_OK) abort();
#endif
}

/* ---- the runner: results as TAP on stdout ---- */

static inline int run_suite(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    test_guard_memory();
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline int run_tests(const char *name, const TTest *const tests[], size_t count) {
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 300);
    suite_add_tcase(suite, cases);
    for (size_t i = 0; i < count; i++) tcase_add_test(cases, tests[i]);
    return run_suite(suite);
}

/* RUN_TESTS("tape", one_test, another): the whole of main, where no test needs a fixture or a loop. */
#define RUN_TESTS(name, ...) \
    run_tests(name, (const TTest *const[]){ __VA_ARGS__ }, sizeof((const TTest *const[]){ __VA_ARGS__ }) / sizeof(const TTest *))

/* ---- memory that runs out ---- */

typedef struct test_memory {
    long calls_left;      /* that succeed; negative: all do */
    bool once;            /* only the next one fails, instead of all from then on */
    long failures;        /* counted */
    long held;            /* blocks not yet freed */
} test_memory;

static inline void *test_allocate(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    test_memory *memory = context;
    if (new_size == 0) {
        memory->held--;
        return test_guarded_allocate(NULL, pointer, old_size, 0, alignment);
    }
    if (memory->calls_left == 0) {
        memory->failures++;
        if (memory->once) memory->calls_left = -1;
        return NULL;
    }
    if (memory->calls_left > 0) memory->calls_left--;
    if (pointer == NULL) memory->held++;
    return test_guarded_allocate(NULL, pointer, old_size, new_size, alignment);
}

/* Calls program with the k-th allocation failing, for k = 0, 1, ... until it meets no failure, once and from then on. program frees what it made and
 * checks what it computed when nothing failed; it returns TG_OK or TG_OUT_OF_MEMORY. The number of allocations it takes must be at least `least`. */
static inline void let_each_allocation_fail(tg_status (*program)(void *context), void *context, long least) {
    for (int once = 0; once < 2; once++) {
        long        k      = 0;
        test_memory memory = { .failures = 1 };
        for (; memory.failures > 0; k++) {
            memory = (test_memory){ .calls_left = k, .once = once == 1 };
            ck_assert_int_eq(tg_set_allocator(test_allocate, &memory), TG_OK);
            const tg_status status = program(context);
            ck_assert_msg(status == TG_OUT_OF_MEMORY || status == TG_OK, "allocation %ld: %s", k, tg_status_name(status));
            ck_assert_msg(memory.held == 0, "allocation %ld: %ld blocks leak", k, memory.held);
            ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
            ck_assert_msg(memory.failures > 0 || status == TG_OK, "%s though no allocation failed", tg_status_name(status));
            tg_last_error(NULL);
        }
        ck_assert_int_ge(k, least);
    }
}

#endif
