/*
 * What a daemon asks of its disk, recorded: every write, sync, name and size below one directory, in the order in which it happened, with the bytes;
 * and every answer that leaves by a socket. power.py makes of it what a disk may hold when the power fails.
 *
 *   LD_PRELOAD=power_shim.so METERD_POWER_ROOT=<directory> METERD_POWER_TRACE=<file, appended to> [METERD_POWER_KILL=<kind>:<armed>:<path>:<n>]
 *
 * Writes and names are recorded under a mutex, with what they do; a sync is recorded where it begins and where it has ended, and covers what was
 * recorded before it began. A write by a descriptor of O_DSYNC is one whose own sync follows. An answer is recorded before it is sent.
 *
 * METERD_POWER_KILL ends the process by SIGKILL in the n-th call of that kind for a path with `path` in it, once there was one with `armed`: behind a change
 * of names, or in a write by O_DSYNC, before it is known to be synced. A process that is forked from the daemon writes nothing, and is not recorded.
 *
 * With the root alone nothing is recorded. Either way each file is said to have the same number and no time of birth: a disk that is made again from
 * a recording is the same directory to its daemon, and no copy of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, SYNC_BEGIN, SYNC_END, RESIZE, RENAME, LINK, UNLINK, MAKE_DIRECTORY, SEND };
enum { ZEROS = 1, OWN = 2, MAGIC = 0x5052544d, TRACE_FD_MIN = 500 };

struct record { /* as power.py reads it: then the text, and the data */
    uint32_t magic;
    uint8_t kind, flags;
    uint16_t text_bytes;
    uint64_t inode, at, size, token;
    uint32_t data_bytes, zero;
};

struct kill {
    int kind;
    unsigned long left;
    bool is_armed;
    char armed[64], path[64];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static int trace = -1;
static pid_t owner;
static uint64_t last_token;
static struct kill kill_at;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("METERD_POWER_TRACE"), *wanted = getenv("METERD_POWER_KILL");
    root = getenv("METERD_POWER_ROOT");
    if (!path || !root) return;
    const long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (fd < 0) abort();
    trace = fcntl((int)fd, F_DUPFD_CLOEXEC, TRACE_FD_MIN); /* out of the way of descriptors that are counted */
    syscall(SYS_close, fd);
    owner = getpid();
    last_token = (uint64_t)owner << 32;
    if (wanted && sscanf(wanted, "%d:%63[^:]:%63[^:]:%lu", &kill_at.kind, kill_at.armed, kill_at.path, &kill_at.left) != 4) abort();
}

/* ---- records ---- */

static bool is_recording(void) { return trace >= 0 && getpid() == owner; }

static void put(const struct record *record, const char *text, const void *data)
{
    struct iovec parts[3] = {{.iov_len = sizeof(*record)}, {.iov_len = record->text_bytes}, {.iov_len = record->data_bytes}};
    union {
        const void *read;
        void *any;
    } of[3] = {{record}, {text}, {data}};
    size_t bytes = 0;
    for (int i = 0; i < 3; i++) {
        parts[i].iov_base = of[i].any;
        bytes += parts[i].iov_len;
    }
    if (syscall(SYS_writev, trace, parts, 3) != (long)bytes) abort(); /* a recording with a hole is none */
}

static void put_text(enum kind kind, uint64_t inode, const char *text)
{
    const struct record record = {.magic = MAGIC, .kind = (uint8_t)kind, .text_bytes = (uint16_t)strlen(text), .inode = inode};
    put(&record, text, "");
}

/* Old and new, with a newline between. */
static void put_names(enum kind kind, const char *from, const char *to)
{
    char text[2 * PATH_MAX];
    snprintf(text, sizeof(text), "%s\n%s", from, to);
    put_text(kind, 0, text);
}

static void die_here(enum kind kind, const char *path)
{
    if (kind != (enum kind)kill_at.kind) return;
    if (kill_at.is_armed && strstr(path, kill_at.path) && --kill_at.left == 0) {
        kill(owner, SIGKILL);
        for (;;) pause();
    }
    kill_at.is_armed = kill_at.is_armed || strstr(path, kill_at.armed);
}

/* ---- what is below the root ---- */

static bool is_below(const char *path)
{
    const size_t size = strlen(root);
    return strncmp(path, root, size) == 0 && path[size] == '/';
}

static bool find_path(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const long size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
    return size > 0 && is_below(path);
}

static bool name_path(int directory, const char *name, char path[PATH_MAX])
{
    char base[PATH_MAX];
    if (!is_recording()) return false;
    if (*name == '/') snprintf(path, PATH_MAX, "%s", name);
    else if (directory != AT_FDCWD && find_path(directory, base)) snprintf(path, PATH_MAX, "%.2000s/%.2000s", base, name);
    else return false;
    return is_below(path);
}

static uint64_t inode_of(const char *path)
{
    struct stat status;
    return syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0) ? 0 : status.st_ino;
}

/* ---- names ---- */

static int open_any(int directory, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !name_path(directory, name, path)) return (int)syscall(SYS_openat, directory, name, flags, mode);
    pthread_mutex_lock(&mutex);
    long fd = flags & O_CREAT ? syscall(SYS_openat, directory, name, flags | O_EXCL, mode) : -1;
    const bool is_new = fd >= 0, is_tried = flags & O_CREAT;
    if (!is_new && !(flags & O_EXCL) && (!is_tried || errno == EEXIST)) fd = syscall(SYS_openat, directory, name, flags & ~O_CREAT, mode);
    const int error = errno;
    if (is_new) put_text(CREATE, inode_of(path), path);
    else if (fd >= 0 && flags & O_TRUNC) put_text(RESIZE, inode_of(path), path);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return (int)fd;
}

#define MODE_OF(flags)                                                                                                                       \
    va_list args;                                                                                                                            \
    va_start(args, flags);                                                                                                                   \
    const mode_t mode = (flags) & O_CREAT ? va_arg(args, mode_t) : 0;                                                                        \
    va_end(args)

int open(const char *path, int flags, ...)
{
    MODE_OF(flags);
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags);
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    MODE_OF(flags);
    return open_any(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    MODE_OF(flags);
    return open_any(directory, path, flags, mode);
}

/* One call that changes names, and its record; of two names where there are two. */
static int change(enum kind kind, const char *from, const char *to, long (*call)(const void *context), const void *context)
{
    if (!from) return (int)call(context);
    pthread_mutex_lock(&mutex);
    const long rc = call(context);
    const int error = errno;
    if (!rc && to) put_names(kind, from, to);
    if (!rc && !to) put_text(kind, kind == MAKE_DIRECTORY ? inode_of(from) : 0, from);
    if (!rc) die_here(kind, to ? to : from);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return (int)rc;
}

struct names {
    long number;
    int from_directory, to_directory, flags;
    const char *from, *to;
};

static long call_names(const void *context)
{
    const struct names *n = context;
    if (n->to) return syscall(n->number, n->from_directory, n->from, n->to_directory, n->to, n->flags);
    return syscall(n->number, n->from_directory, n->from, n->flags);
}

static int change_names(enum kind kind, const struct names *names)
{
    char from[PATH_MAX], to[PATH_MAX];
    const bool is_ours = name_path(names->from_directory, names->from, from) && (!names->to || name_path(names->to_directory, names->to, to));
    return change(kind, is_ours ? from : NULL, names->to ? to : NULL, call_names, names);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags)
{
    return change_names(RENAME, &(struct names){SYS_renameat2, from_directory, to_directory, (int)flags, from, to});
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) { return renameat2(from_directory, from, to_directory, to, 0); }

int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    return change_names(LINK, &(struct names){SYS_linkat, from_directory, to_directory, flags, from, to});
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags)
{
    return change_names(UNLINK, &(struct names){SYS_unlinkat, directory, 0, flags, path, NULL});
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int directory, const char *path, mode_t mode)
{
    return change_names(MAKE_DIRECTORY, &(struct names){SYS_mkdirat, directory, 0, (int)mode, path, NULL});
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* ---- bytes ---- */

/* Where answers go: the port of whoever reads them. */
static void note_answer(int fd)
{
    struct sockaddr_in peer = {.sin_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &size) || peer.sin_family != AF_INET) return;
    const struct record record = {.magic = MAGIC, .kind = SEND, .at = ntohs(peer.sin_port)};
    pthread_mutex_lock(&mutex);
    put(&record, "", "");
    pthread_mutex_unlock(&mutex);
}

static bool are_zeros(const char *data, size_t size)
{
    return size && !*data && memcmp(data, data + 1, size - 1) == 0;
}

/* At most so much of a write at once, as a file system may do it: the caller goes on. */
static size_t gather(const struct iovec *parts, int count, char *out, size_t out_bytes)
{
    size_t size = 0;
    for (int i = 0; i < count && size < out_bytes; i++) {
        const size_t part = parts[i].iov_len < out_bytes - size ? parts[i].iov_len : out_bytes - size;
        memcpy(out + size, parts[i].iov_base, part);
        size += part;
    }
    return size;
}

static ssize_t write_below(int fd, const char *path, const struct iovec *parts, int count, off_t at)
{
    _Alignas(4096) static char data[4 << 20]; /* under the mutex; aligned for O_DIRECT */
    struct stat status;
    const int flags = fcntl(fd, F_GETFL);
    const bool is_plain = at < 0, is_synced = flags & O_DSYNC;
    if (syscall(SYS_fstat, fd, &status)) return -1;
    if (is_plain) at = flags & O_APPEND ? status.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    const size_t size = gather(parts, count, data, sizeof(data));
    const ssize_t written = is_plain ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, at);
    const int error = errno;
    if (written > 0) {
        struct record record = {.magic = MAGIC, .kind = WRITE, .inode = status.st_ino, .at = (uint64_t)at, .size = (uint64_t)written, .token = ++last_token};
        record.flags = (uint8_t)((are_zeros(data, (size_t)written) ? ZEROS : 0) | (is_synced ? OWN : 0));
        record.data_bytes = record.flags & ZEROS ? 0 : (uint32_t)written;
        put(&record, "", data);
        if (is_synced) {
            die_here(WRITE, path);
            const struct record end = {.magic = MAGIC, .kind = SYNC_END, .flags = OWN, .inode = status.st_ino, .token = record.token};
            put(&end, "", "");
        }
    }
    errno = error;
    return written;
}

static ssize_t write_any(int fd, const struct iovec *parts, int count, off_t at)
{
    struct stat status;
    char path[PATH_MAX];
    if (is_recording() && !syscall(SYS_fstat, fd, &status)) {
        if (S_ISSOCK(status.st_mode)) note_answer(fd);
        if (S_ISREG(status.st_mode) && find_path(fd, path)) {
            pthread_mutex_lock(&mutex);
            const ssize_t written = write_below(fd, path, parts, count, at);
            pthread_mutex_unlock(&mutex);
            return written;
        }
    }
    if (at >= 0) return syscall(SYS_pwritev, fd, parts, count, at, 0);
    return syscall(SYS_writev, fd, parts, count);
}

static ssize_t write_one(int fd, const void *data, size_t size, off_t at)
{
    union {
        const void *read;
        void *any;
    } of = {data};
    return write_any(fd, &(struct iovec){of.any, size}, 1, at);
}

ssize_t write(int fd, const void *data, size_t size) { return write_one(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return write_one(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return write_one(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_any(fd, parts, count, -1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_any(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return write_any(fd, parts, count, at); }

/* ---- sizes and syncs ---- */

static int resize(int fd, off_t size, bool is_room)
{
    char path[PATH_MAX];
    const bool is_ours = is_recording() && find_path(fd, path);
    struct stat status;
    if (is_ours) pthread_mutex_lock(&mutex);
    const long rc = is_room ? syscall(SYS_fallocate, fd, 0, (off_t)0, size) : syscall(SYS_ftruncate, fd, size);
    const int error = errno;
    if (is_ours) {
        if (!rc && !syscall(SYS_fstat, fd, &status)) {
            const struct record record = {.magic = MAGIC, .kind = RESIZE, .inode = status.st_ino, .size = (uint64_t)status.st_size};
            put(&record, "", "");
        }
        pthread_mutex_unlock(&mutex);
    }
    errno = error;
    return (int)rc;
}

int ftruncate(int fd, off_t size) { return resize(fd, size, false); }
int ftruncate64(int fd, off64_t size) { return resize(fd, size, false); }
int posix_fallocate(int fd, off_t at, off_t size) { return resize(fd, at + size, true) ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return resize(fd, at + size, true) ? errno : 0; }

static int sync_any(int fd, long number)
{
    char path[PATH_MAX];
    struct stat status;
    if (!is_recording() || !(find_path(fd, path) || strcmp(path, root) == 0) || syscall(SYS_fstat, fd, &status)) return (int)syscall(number, fd);
    struct record record = {.magic = MAGIC, .kind = SYNC_BEGIN, .inode = status.st_ino};
    pthread_mutex_lock(&mutex);
    record.token = ++last_token;
    put(&record, "", "");
    pthread_mutex_unlock(&mutex);
    const long rc = syscall(number, fd);
    const int error = errno;
    record.kind = SYNC_END;
    pthread_mutex_lock(&mutex);
    if (!rc) put(&record, "", "");
    pthread_mutex_unlock(&mutex);
    errno = error;
    return (int)rc;
}

int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

/* ---- the same directory again ---- */

int statx(int directory, const char *restrict path, int flags, unsigned mask, struct statx *restrict out)
{
    const long rc = syscall(SYS_statx, directory, path, flags, mask, out);
    if (!rc && root) {
        out->stx_ino = 1;
        out->stx_mask &= ~(unsigned)STATX_BTIME;
    }
    return (int)rc;
}
