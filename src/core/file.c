/* file.c - writing a file that is complete on the disk, or as it was before. */
#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_ATTEMPTS = 100 };

static tg_status fail_write(const char *what, const char *path, int error) {
    return tg_fail_thread(TG_CANNOT_WRITE, "cannot %s %.400s: %s", what, path, strerror(error));
}

/* The temporary file and the folder that it shares with path. */
typedef struct replacement {
    const char *path;
    char       *temporary;
    size_t      temporary_bytes;
    int         folder;
    bool        exists;
    mode_t      mode;      /* of the file that exists */
} replacement;

/* A device or pipe must not be replaced by a file: only what is a file already, or does not exist. */
static tg_status look_at_old_file(replacement *r) {
    struct stat old;
    if (stat(r->path, &old) != 0) return errno == ENOENT ? TG_OK : fail_write("write", r->path, errno);
    if (!S_ISREG(old.st_mode)) return tg_fail_thread(TG_CANNOT_WRITE, "cannot write %.400s: it exists and is not a file", r->path);
    r->exists = true;
    r->mode   = old.st_mode & 0777;
    return TG_OK;
}

/* Opened before anything is written, so that a folder that cannot be opened leaves the old file. Uses temporary as scratch. */
static tg_status open_folder(replacement *r) {
    const char *slash  = strrchr(r->path, '/');
    size_t      length = slash == NULL ? 0 : slash == r->path ? 1 : (size_t)(slash - r->path);
    if (length != 0) memcpy(r->temporary, r->path, length);
    else r->temporary[length++] = '.';
    r->temporary[length] = '\0';
    r->folder = open(r->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return r->folder >= 0 ? TG_OK : fail_write("open the folder of", r->path, errno);
}

/* "path.tmp.PID.N", with the first N that is free: other threads and dead processes may have left theirs. */
static tg_status create_temporary(replacement *r, FILE **file) {
    static atomic_uint next;
    int handle = -1;
    for (int attempt = 0; attempt < MOST_ATTEMPTS && handle < 0; attempt++) {
        unsigned number = atomic_fetch_add(&next, 1);
        snprintf(r->temporary, r->temporary_bytes, "%s.tmp.%ld.%u", r->path, (long)getpid(), number);
        handle = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, r->exists ? 0600 : 0666);
        if (handle < 0 && errno != EEXIST) break;
    }
    if (handle < 0) return fail_write("create a file beside", r->path, errno);
    int error = r->exists && fchmod(handle, r->mode) != 0 ? errno : 0;
    *file     = error == 0 ? fdopen(handle, "wb") : NULL;
    if (*file != NULL) return TG_OK;
    if (error == 0) error = errno;
    close(handle);
    unlink(r->temporary);
    return fail_write("write", r->path, error);
}

/* After fsync has failed once, a second call may succeed although the data is lost; so there is none. */
static tg_status fill(const replacement *r, FILE *file, tg_write_fn write, void *context) {
    errno            = 0;
    tg_status status = write(file, context);
    int       error  = 0;
    if (ferror(file) || (status == TG_OK && (fflush(file) != 0 || fsync(fileno(file)) != 0))) error = errno != 0 ? errno : EIO;
    if (fclose(file) != 0 && error == 0 && status == TG_OK) error = errno;
    return error != 0 ? fail_write("write", r->path, error) : status;
}

/* Some file systems cannot sync a folder and say EINVAL or EBADF. */
static tg_status sync_folder(const replacement *r) {
    if (fsync(r->folder) == 0 || errno == EINVAL || errno == EBADF) return TG_OK;
    return fail_write("sync the folder of", r->path, errno);
}

static tg_status write_and_rename(replacement *r, tg_write_fn write, void *context) {
    FILE     *file   = NULL;
    tg_status status = create_temporary(r, &file);
    if (status != TG_OK) return status;
    status = fill(r, file, write, context);
    if (status == TG_OK && rename(r->temporary, r->path) != 0) status = fail_write("replace", r->path, errno);
    if (status == TG_OK) return sync_folder(r);
    unlink(r->temporary);
    return status;
}

tg_status tg_write_file(const char *path, tg_write_fn write, void *context) {
    if (path == NULL || write == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_write_file: path or write is NULL");
    replacement r = { .path = path, .temporary_bytes = strlen(path) + 64, .folder = -1 };
    r.temporary   = tg_allocate(r.temporary_bytes);
    if (r.temporary == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to write %.400s", path);
    tg_status status = look_at_old_file(&r);
    if (status == TG_OK) status = open_folder(&r);
    if (status == TG_OK) status = write_and_rename(&r, write, context);
    if (r.folder >= 0) close(r.folder);
    tg_release(r.temporary, r.temporary_bytes);
    return status;
}
