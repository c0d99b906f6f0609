/*
 * A wall clock that a test moves: preloaded into a daemon, it adds the microseconds that stand in a file to what
 * the system says. Monotonic clocks stay as they are.
 *
 *   LD_PRELOAD=clock_shim.so METERD_CLOCK_FILE=<8 bytes, i64 of the machine's order>
 *
 * METERD_CLOCK_AHEAD is another sum of microseconds, of a test and of all that it starts.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const _Atomic(int64_t) *moved_us;
static int64_t ahead_us;

__attribute__((constructor)) static void find_file(void)
{
    const char *ahead = getenv("METERD_CLOCK_AHEAD");
    if (ahead) ahead_us = strtoll(ahead, NULL, 10);
    const char *path = getenv("METERD_CLOCK_FILE");
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *bytes = mmap(NULL, sizeof(*moved_us), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes != MAP_FAILED) moved_us = bytes;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    const int64_t second_ns = 1000000000;
    const long rc = syscall(SYS_clock_gettime, clock, out);
    if (rc || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return (int)rc;
    const int64_t us = ahead_us + (moved_us ? atomic_load(moved_us) : 0), ns = out->tv_nsec + us % 1000000 * 1000;
    out->tv_sec += us / 1000000 + (ns >= second_ns) - (ns < 0);
    out->tv_nsec = ns >= second_ns ? ns - second_ns : ns < 0 ? ns + second_ns : ns;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
