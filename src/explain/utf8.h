/* utf8.h - names hold whatever bytes a program gave them. */
#ifndef TAPEGRAD_EXPLAIN_UTF8_H
#define TAPEGRAD_EXPLAIN_UTF8_H

#include <stddef.h>

/* Bytes of the character at text; 0: it is none, by RFC 3629. The end of text is one byte. */
static inline size_t tg_utf8_character(const char *text) {
    const unsigned char *b     = (const unsigned char *)text;
    const size_t         count = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < count; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] >= 0xa0)) return 0;      /* too long; halves of a pair */
    if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] >= 0x90)) return 0;
    return count;
}

#endif
