/* source.c - plain and gzipped files through one function. Raw handles, because a FILE has memory of its own. */
#include "data/source.h"

#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- memory for zlib, which does not tell the size when it frees: it is kept in front ---- */

static void *stream_allocate(void *context, unsigned int count, unsigned int bytes) {
    (void)context;
    size_t total;
    if (!tg_multiply(count, bytes, &total) || total > SIZE_MAX - TG_ALIGNMENT) return NULL;
    total += TG_ALIGNMENT;
    unsigned char *memory = tg_allocate(total);
    if (memory == NULL) return NULL;
    memcpy(memory, &total, sizeof total);
    return memory + TG_ALIGNMENT;
}

static void stream_release(void *context, void *pointer) {
    (void)context;
    if (pointer == NULL) return;
    unsigned char *memory = (unsigned char *)pointer - TG_ALIGNMENT;
    size_t         total;
    memcpy(&total, memory, sizeof total);
    tg_release(memory, total);
}

/* ---- the file ---- */

static tg_status fail_read(const tg_source *source, int error) {
    return tg_fail_thread(TG_CANNOT_READ, "cannot read %.400s: %s", source->path, strerror(error));
}

/* Only a file has a size to be held to; and without O_NONBLOCK a pipe would keep us waiting. */
static int open_file(tg_source *source) {
    struct stat about;
    source->handle = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->handle < 0 || fstat(source->handle, &about) != 0) return errno;
    if (!S_ISREG(about.st_mode)) return S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
    source->file_bytes = (uint64_t)about.st_size;
    return 0;
}

/* Fills the empty input; nothing is left in it at the end of the file. */
static tg_status fill_input(tg_source *source) {
    ssize_t got;
    do got = read(source->handle, source->input, TG_SOURCE_BUFFER);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_read(source, errno);
    source->at  = 0;
    source->end = (size_t)got;
    return TG_OK;
}

static tg_status start_stream(tg_source *source) {
    source->zipped = source->end >= 2 && source->input[0] == 0x1f && source->input[1] == 0x8b;
    if (!source->zipped) return TG_OK;
    source->stream.zalloc = stream_allocate;
    source->stream.zfree  = stream_release;
    if (inflateInit2(&source->stream, 15 + 16) != Z_OK) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to unpack %.400s", source->path);
    source->stream_open = true;
    return TG_OK;
}

tg_source *tg_source_open(const char *path, const char *advice) {
    tg_source *source = tg_allocate(sizeof *source);
    if (source == NULL) {
        tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", path);
        return NULL;
    }
    source->path = path;
    int error    = open_file(source);
    if (error != 0) tg_fail_thread(TG_CANNOT_READ, "cannot read %.400s: %s%s", path, strerror(error), advice != NULL ? advice : "");
    if (error == 0 && fill_input(source) == TG_OK && start_stream(source) == TG_OK) return source;
    tg_source_close(source);
    return NULL;
}

void tg_source_close(tg_source *source) {
    if (source == NULL) return;
    if (source->stream_open) inflateEnd(&source->stream);
    if (source->handle >= 0) close(source->handle);
    tg_release(source, sizeof *source);
}

/* ---- reading ---- */

static tg_status read_plain(tg_source *source, unsigned char *to, size_t bytes, size_t *got) {
    while (*got < bytes) {
        tg_status status = source->at == source->end ? fill_input(source) : TG_OK;
        if (status != TG_OK) return status;
        size_t ready = source->end - source->at, wanted = bytes - *got, take = ready < wanted ? ready : wanted;
        if (take == 0) return TG_OK;
        memcpy(to + *got, source->input + source->at, take);
        source->at += take;
        *got += take;
    }
    return TG_OK;
}

static tg_status fail_stream(const tg_source *source, int result) {
    if (result == Z_MEM_ERROR) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to unpack %.400s", source->path);
    const char *text = source->stream.msg != NULL ? source->stream.msg : "it needs a dictionary";
    return tg_fail_thread(TG_BAD_FILE, "%.400s is no intact gzip file: %s", source->path, text);
}

/* One call of inflate: what is in the input, into at most bytes. */
static tg_status inflate_some(tg_source *source, unsigned char *to, size_t bytes, size_t *got) {
    z_stream    *stream = &source->stream;
    unsigned int room   = bytes < TG_SOURCE_BUFFER ? (unsigned int)bytes : TG_SOURCE_BUFFER;
    stream->next_in     = source->input + source->at;
    stream->avail_in    = (unsigned int)(source->end - source->at);
    stream->next_out    = to;
    stream->avail_out   = room;
    int result          = inflate(stream, Z_NO_FLUSH);
    source->at          = source->end - stream->avail_in;
    *got += room - stream->avail_out;
    if (result == Z_STREAM_END) source->at_member = true;
    else if (result != Z_OK && result != Z_BUF_ERROR) return fail_stream(source, result);
    return TG_OK;
}

/* gzip files may be concatenated. Anything else behind the end fails as a bad header. */
static tg_status next_member(tg_source *source) {
    source->at_member = false;
    return inflateReset(&source->stream) == Z_OK ? TG_OK : tg_fail_thread(TG_BUG, "inflateReset failed");
}

static tg_status read_zipped(tg_source *source, unsigned char *to, size_t bytes, size_t *got) {
    while (*got < bytes) {
        tg_status status = source->at == source->end ? fill_input(source) : TG_OK;
        if (status != TG_OK) return status;
        bool ended = source->at == source->end;
        if (ended && source->at_member) return TG_OK;
        if (source->at_member && (status = next_member(source)) != TG_OK) return status;
        size_t before = *got;
        status        = inflate_some(source, to + *got, bytes - *got, got);
        if (status != TG_OK) return status;
        /* Nothing comes in and nothing goes out: the stream waits for bytes that the file does not have. */
        if (ended && *got == before && !source->at_member) return tg_fail_thread(TG_BAD_FILE, "%.400s ends too early", source->path);
    }
    return TG_OK;
}

tg_status tg_source_read(tg_source *source, void *to, size_t bytes, size_t *got) {
    *got = 0;
    return source->zipped ? read_zipped(source, to, bytes, got) : read_plain(source, to, bytes, got);
}
