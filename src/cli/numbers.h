/* numbers.h - numbers as they are typed: with a point, whatever the locale. */
#ifndef TAPEGRAD_CLI_NUMBERS_H
#define TAPEGRAD_CLI_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of text but the blanks around it, and finite. */
bool tg_cli_number(const char *text, size_t length, double *value);
bool tg_cli_whole(const char *text, int64_t least, int64_t most, int64_t *value);

/* Rows that ';' ends, of numbers that ',' ends: "0.05,0.10;1,2" is [2, 2]. */
typedef struct tg_cli_matrix {
    int64_t rows, cols;
    double *at;      /* the caller frees it */
} tg_cli_matrix;

/* NULL, or why it is none, in words that follow "option value: ". */
const char *tg_cli_read_matrix(const char *text, size_t length, tg_cli_matrix *matrix);

/* Four digits as a teacher writes them: "-0.06667", "3". */
enum { TG_CLI_DIGITS = 32 };
const char *tg_cli_short(double number, char text[TG_CLI_DIGITS]);

#endif
