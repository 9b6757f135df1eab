/* mutant.h - included before every file of the mutated build. Includes nothing, so that no name of a test or of the library meets one of the system. */
#ifndef TAPEGRAD_TESTS_MUTANT_H
#define TAPEGRAD_TESTS_MUTANT_H

/* 0: the program as it is; above: that mutant; -1: as it is, and marks what it reaches. */
extern int            tg_mutant;
extern unsigned char *tg_mutants_reached;

static inline int tg_is_mutant(int number) {
    if (tg_mutant < 0) tg_mutants_reached[number] = 1;
    return tg_mutant == number;
}

#endif
