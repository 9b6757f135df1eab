/* source.h - the bytes of a file, unpacked if it is gzipped. */
#ifndef TAPEGRAD_DATA_SOURCE_H
#define TAPEGRAD_DATA_SOURCE_H

#include <tapegrad/status.h>
#include <zlib.h>

#define TG_SOURCE_BUFFER 65536

/* DEFLATE spends at least 1 bit on 258 bytes and at least 1 bit on its distance: nothing unpacks to more than 1032 times its size. */
#define TG_MOST_EXPANSION 1032u

typedef struct tg_source {
    const char   *path;           /* borrowed */
    int           handle;         /* -1: closed */
    uint64_t      file_bytes;     /* as it lies on the disk */
    bool          zipped;
    bool          stream_open;
    bool          at_member;      /* zipped: a new gzip member, or the end of the file, may follow here */
    z_stream      stream;
    unsigned char input[TG_SOURCE_BUFFER];
    size_t        at, end;        /* what of input is unread */
} tg_source;

/* Opens a regular file. advice (may be NULL) is appended to the sentence if it cannot be opened. NULL on failure. */
tg_source *tg_source_open(const char *path, const char *advice);
void       tg_source_close(tg_source *source);

/* Reads as many of the bytes as there are; fewer than asked for only at the end of the file. */
tg_status tg_source_read(tg_source *source, void *to, size_t bytes, size_t *got);

#endif
