/* loans.c - memory for a while. What comes back stays with the tape, by size, so that a step like one of the steps before allocates nothing. */
#include "core/tape.h"

#include <string.h>

/* Class c holds blocks of SMALLEST << c bytes. */
enum { SMALLEST = 64 };

typedef struct tg_loan { struct tg_loan *next; } tg_loan;

static int class_of(size_t bytes) {
    int class = 0;
    while (class < TG_LOAN_CLASSES && (size_t)SMALLEST << class < bytes) class++;
    return class;
}

void *tg_borrow(tg_tape *tape, size_t bytes) {
    const int class = class_of(bytes);
    if (class == TG_LOAN_CLASSES) return NULL;
    tg_loan *loan = tape->loans[class];
    if (loan == NULL) return tg_allocate((size_t)SMALLEST << class);
    tape->loans[class] = loan->next;
    return memset(loan, 0, bytes < sizeof *loan ? sizeof *loan : bytes);
}

void tg_give_back(tg_tape *tape, void *memory, size_t bytes) {
    if (memory == NULL) return;
    const int class    = class_of(bytes);
    tg_loan  *loan     = memory;
    loan->next         = tape->loans[class];
    tape->loans[class] = loan;
}

bool tg_borrow_more(tg_tape *tape, void **array, size_t *capacity, size_t needed, size_t element_bytes) {
    if (needed <= *capacity) return true;
    size_t larger = *capacity < 8 ? 16 : *capacity, bytes;
    while (larger < needed) {
        if (larger > SIZE_MAX / 2) return false;
        larger *= 2;
    }
    if (!tg_multiply(larger, element_bytes, &bytes)) return false;
    void *fresh = tg_borrow(tape, bytes);
    if (fresh == NULL) return false;
    if (*capacity > 0) memcpy(fresh, *array, *capacity * element_bytes);
    tg_give_back(tape, *array, *capacity * element_bytes);
    *array    = fresh;
    *capacity = larger;
    return true;
}

void tg_loans_release(tg_tape *tape) {
    for (int class = 0; class < TG_LOAN_CLASSES; class++)
        while (tape->loans[class] != NULL) {
            tg_loan *loan      = tape->loans[class];
            tape->loans[class] = loan->next;
            tg_release(loan, (size_t)SMALLEST << class);
        }
}
