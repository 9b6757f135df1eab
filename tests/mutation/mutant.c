/* mutant.c - linked to every program of the mutated build: which mutant runs, which test, and which places it reaches. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MUTANTS_AT_MOST = 1 << 16 };

int            tg_mutant = 0;
unsigned char *tg_mutants_reached = NULL;

/* The file is mapped and not written at the end, so that the marks of a process that ends in its own way are not lost. */
static int map_marks(const char *path) {
    const int file = path != NULL ? open(path, O_RDWR | O_CREAT, 0666) : -1;
    if (file < 0 || ftruncate(file, MUTANTS_AT_MOST) != 0) return 0;
    void *marks = mmap(NULL, MUTANTS_AT_MOST, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (marks == MAP_FAILED) return 0;
    tg_mutants_reached = marks;
    return 1;
}

/* A mutant may loop for ever, or allocate for ever. */
static void set_limits(int seconds) {
    const struct rlimit time = { (rlim_t)seconds, (rlim_t)seconds }, memory = { (rlim_t)4 << 30, (rlim_t)4 << 30 }, core = { 0, 0 };
    setrlimit(RLIMIT_CPU, &time);
    setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &core);
}

__attribute__((constructor)) static void choose_mutant(void) {
    const char *number = getenv("TAPEGRAD_MUTANT"), *seconds = getenv("TAPEGRAD_MUTANT_SECONDS");
    if (number == NULL || (atoi(number) < 0 && !map_marks(getenv("TAPEGRAD_MUTANT_REACHED")))) return;
    tg_mutant = atoi(number);
    if (seconds != NULL) set_limits(atoi(seconds));
}

/* Check's own function, wrapped by the linker: of a program's tests only TAPEGRAD_TEST runs; "?": none, and their names are printed. A test's name is
 * its first member. */
void *__real__tcase_add_test(void *test_case, const void *test, int signal, int exit_value, int start, int end) __attribute__((weak));
void *__wrap__tcase_add_test(void *test_case, const void *test, int signal, int exit_value, int start, int end);
void *__wrap__tcase_add_test(void *test_case, const void *test, int signal, int exit_value, int start, int end) {
    const char *only = getenv("TAPEGRAD_TEST"), *name = *(const char *const *)test;
    if (only != NULL && strcmp(only, "?") == 0) fprintf(stderr, "%s\n", name);
    if (only != NULL && strcmp(only, name) != 0) return NULL;
    return __real__tcase_add_test(test_case, test, signal, exit_value, start, end);
}
