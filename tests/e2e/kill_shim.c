/*
 * An end at a certain moment: preloaded into a daemon or a command, it counts what is made durable and which
 * names are made, changed and removed, and kills the process before the one of a number.
 *
 *   LD_PRELOAD=kill_shim.so METERD_KILL_FILE=<two u64: so many there were; which one ends it, 0: none>
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int sync_fn(int fd);
typedef int rename_fn(const char *from, const char *to);
typedef int make_fn(const char *path, mode_t mode);
typedef int remove_fn(int directory, const char *path, int flags);

struct plan {
    _Atomic(uint64_t) count, last;
};
static struct plan *plan;

__attribute__((constructor)) static void find_plan(void)
{
    const char *path = getenv("METERD_KILL_FILE");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *bytes = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes != MAP_FAILED) plan = bytes;
}

static void count(void)
{
    if (plan && atomic_fetch_add(&plan->count, 1) + 1 == atomic_load(&plan->last)) kill(getpid(), SIGKILL);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int fsync(int fd)
{
    union {
        void *symbol;
        sync_fn *function;
    } real = {next("fsync")};
    count();
    return real.function(fd);
}

int fdatasync(int fd)
{
    union {
        void *symbol;
        sync_fn *function;
    } real = {next("fdatasync")};
    count();
    return real.function(fd);
}

int rename(const char *from, const char *to)
{
    union {
        void *symbol;
        rename_fn *function;
    } real = {next("rename")};
    count();
    return real.function(from, to);
}

int link(const char *from, const char *to)
{
    union {
        void *symbol;
        rename_fn *function;
    } real = {next("link")};
    count();
    return real.function(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    union {
        void *symbol;
        make_fn *function;
    } real = {next("mkdir")};
    count();
    return real.function(path, mode);
}

int unlinkat(int directory, const char *path, int flags)
{
    union {
        void *symbol;
        remove_fn *function;
    } real = {next("unlinkat")};
    count();
    return real.function(directory, path, flags);
}
