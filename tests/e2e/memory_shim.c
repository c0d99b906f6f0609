/*
 * Memory that is refused: preloaded into a daemon, it counts what is asked for and refuses, once each, what a
 * test has drawn.
 *
 *   LD_PRELOAD=memory_shim.so METERD_MEMORY_FILE=<struct plan>
 *
 * The file is mapped by the test, too: what it writes is seen at once. Children of the daemon share the count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of glibc, under the names that stay when the others are ours. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct plan {
    _Atomic(uint64_t) asked;   /* so often */
    _Atomic(uint64_t) next;    /* which is refused; 0: none */
    _Atomic(uint64_t) gap;     /* the one after it comes 1 to that later, at random; 0: there is none */
    uint64_t seed;
    _Atomic(uint64_t) refused; /* so many */
};
static struct plan *plan;

__attribute__((constructor)) static void find_plan(void)
{
    const char *path = getenv("METERD_MEMORY_FILE");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *bytes = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes != MAP_FAILED) plan = bytes;
}

/* Who takes the number draws the next: xorshift64. */
static int is_refused(void)
{
    if (!plan) return 0;
    const uint64_t count = atomic_fetch_add(&plan->asked, 1) + 1;
    uint64_t next = atomic_load(&plan->next);
    if (!next || count < next || !atomic_compare_exchange_strong(&plan->next, &next, 0)) return 0;
    plan->seed ^= plan->seed << 13;
    plan->seed ^= plan->seed >> 7;
    plan->seed ^= plan->seed << 17;
    atomic_fetch_add(&plan->refused, 1);
    const uint64_t gap = atomic_load(&plan->gap);
    if (gap) atomic_store(&plan->next, count + 1 + plan->seed % gap);
    if (!atomic_load(&plan->gap)) atomic_store(&plan->next, 0); /* the test has ended it meanwhile */
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return is_refused() ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = is_refused() ? NULL : __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *out = memory;
    return 0;
}
