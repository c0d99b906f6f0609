/*
 * Files that hang, as those of a network mount that does not answer: to open one whose path has "/hangs/" in it waits until somebody opens the
 * FIFO to write.
 *
 *   LD_PRELOAD=hang_shim.so METERD_HANG_FIFO=<path>
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef int open_fn(const char *path, int flags, ...);

static int open_by(const char *name, const char *path, int flags, mode_t mode)
{
    union {
        void *symbol;
        open_fn *function;
    } next = {dlsym(RTLD_NEXT, name)};
    const char *fifo = getenv("METERD_HANG_FIFO");
    if (fifo && strstr(path, "/hangs/")) close(next.function(fifo, O_RDONLY | O_CLOEXEC));
    return next.function(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_by("open64", path, flags, mode);
}
