/*
 * Recovery: what is on disk against the manifest, and verification in a child process.
 *
 * A damaged page makes LMDB follow a wild pointer (3 of 600 flipped bits did). So a child reads everything
 * first and reports through a pipe; when it dies, the segment it was in is damaged. Nothing is ever repaired.
 * Removed is only what is known not to be data: segments that retention had given up, and an empty segment
 * whose roll did not come to its end.
 *
 * The child is forked before threads are started; it opens its own environments and leaves with _exit.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"
#include "lib/store/log/log_verify.h"

enum message_kind { MESSAGE_BEGIN = 1, MESSAGE_FACTS = 2, MESSAGE_END = 3 };

/* What the child says. Smaller than PIPE_BUF, so it arrives whole. */
struct message {
    enum message_kind kind;
    uint32_t index; /* of the segment */
    struct mtr_segment_record record;
    int rc;
    struct mtr_diagnostic diagnostic;
};
_Static_assert(sizeof(struct message) <= PIPE_BUF, "a message is written at once");

static bool say(int fd, const struct message *message)
{
    return write(fd, message, sizeof(*message)) == (ssize_t)sizeof(*message);
}

static int verify_segments(const char *directory, struct mtr_manifest *manifest, bool all, bool strict,
                           int fd, struct mtr_diagnostic *diagnostic)
{
    struct mtr_chain chain = {manifest->base.last_seq, manifest->base.last_received_us,
                              manifest->base.last_hash};
    for (uint32_t i = 0; i < manifest->count; i++) {
        struct mtr_segment_record *record = &manifest->records[i];
        struct message message = {.kind = MESSAGE_BEGIN, .index = i};
        if (!say(fd, &message)) return MTR_EIO;
        int rc = segment_verify(directory, record, all || !record->sealed, strict, &chain, diagnostic);
        if (rc) return rc;
        message.kind = MESSAGE_FACTS;
        message.record = *record;
        if (!say(fd, &message)) return MTR_EIO;
    }
    return MTR_OK;
}

static _Noreturn void run_child(const char *directory, struct mtr_manifest *manifest, bool all, bool strict,
                                int fd, pid_t parent)
{
    struct message end = {.kind = MESSAGE_END};
    struct rlimit none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* it was killed before */
    /* The log's lock, which would outlive a daemon that is killed now, and all else that was inherited. */
    if (fd > STDERR_FILENO + 1) close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, UINT_MAX, 0);
    setrlimit(RLIMIT_CORE, &none); /* it is expected to be able to crash */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    end.rc = verify_segments(directory, manifest, all, strict, fd, &end.diagnostic);
    _exit(say(fd, &end) ? 0 : 1);
}

static bool hear(int fd, struct message *message)
{
    char *p = (char *)message;
    size_t done = 0;
    while (done < sizeof(*message)) {
        ssize_t n = read(fd, p + done, sizeof(*message) - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

/* Reads what the child says until it ends. *index is the segment it was last in. */
static int listen_to_child(int fd, struct mtr_manifest *manifest, uint32_t *index, bool *ended,
                           struct mtr_diagnostic *diagnostic)
{
    struct message message;
    *ended = false;
    while (hear(fd, &message)) {
        MTR_ASSERT(message.kind == MESSAGE_END || message.index < manifest->count);
        if (message.kind == MESSAGE_END) {
            *ended = true;
            if (message.rc) *diagnostic = message.diagnostic;
            return message.rc;
        }
        *index = message.index;
        if (message.kind == MESSAGE_FACTS) manifest->records[message.index] = message.record;
    }
    return MTR_ECORRUPT;
}

int log_verify_manifest(const char *directory, struct mtr_manifest *manifest, bool all, bool strict,
                        struct mtr_diagnostic *diagnostic)
{
    int fds[2], status = 0;
    uint32_t index = 0;
    bool ended;
    if (manifest->count == 0) return MTR_OK;
    if (pipe2(fds, O_CLOEXEC)) return mtr_error_from_errno(errno);
    const pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        int rc = mtr_error_from_errno(errno);
        close(fds[0]);
        close(fds[1]);
        return rc;
    }
    if (child == 0) {
        close(fds[0]);
        run_child(directory, manifest, all, strict, fds[1], parent);
    }
    close(fds[1]);
    int rc = listen_to_child(fds[0], manifest, &index, &ended, diagnostic);
    close(fds[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (!ended)
        return segment_corrupt(diagnostic, manifest->records[index].number, 0,
                               "its pages are damaged: reading them crashed (signal %d)",
                               WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return rc;
}

/* An entry of the directory that looks like a segment: six or more digits. */
static uint32_t segment_number(const char *name)
{
    uint64_t number;
    size_t size = strlen(name);
    if (size < 6 || !mtr_str_to_u64((struct mtr_str){name, size}, &number) || number > UINT32_MAX) return 0;
    return (uint32_t)number;
}

/* A segment on disk that the manifest does not name. */
static int judge_stranger(const char *directory, const struct mtr_manifest *manifest, uint32_t number,
                          struct mtr_diagnostic *diagnostic)
{
    uint32_t first = manifest->count ? manifest->records[0].number : 1;
    uint32_t next = manifest->count ? manifest->records[manifest->count - 1].number + 1 : 1;
    uint64_t entries = 0;
    if (number < first) return segment_remove(directory, number); /* retention's */
    if (number == next) {
        int rc = segment_check_file(directory, number, true, &entries, diagnostic);
        if (rc) return rc;
        if (entries == 0) return segment_remove(directory, number); /* a roll's: it was not in use yet */
    }
    return segment_corrupt(
        diagnostic, number, 0,
        "is not in the manifest; the manifest is older than the segments or was removed");
}

static int check_directory(const char *directory, const struct mtr_manifest *manifest,
                           struct mtr_diagnostic *diagnostic)
{
    DIR *listing = opendir(directory);
    if (!listing) return mtr_error_from_errno(errno);
    uint32_t first = manifest->count ? manifest->records[0].number : 0;
    int rc = MTR_OK;
    for (const struct dirent *entry = readdir(listing); entry && !rc; entry = readdir(listing)) {
        uint32_t number = segment_number(entry->d_name);
        bool known = manifest->count && number >= first && number - first < manifest->count;
        if (number && !known) rc = judge_stranger(directory, manifest, number, diagnostic);
    }
    closedir(listing);
    return rc;
}

int log_recover(const char *directory, bool verify_all, struct mtr_manifest *out,
                struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest manifest = {0};
    segment_remove_unfinished(directory);
    int rc = manifest_read(directory, &manifest, diagnostic);
    if (rc == MTR_ENOTFOUND) rc = MTR_OK; /* a new log, or damage that check_directory tells from it */
    if (!rc) rc = check_directory(directory, &manifest, diagnostic);
    if (!rc && manifest.count) /* before anyone reads it */
        rc = segment_tell_last_commit(directory, manifest.records[manifest.count - 1].number, diagnostic);
    if (!rc) rc = log_verify_manifest(directory, &manifest, verify_all, true, diagnostic);
    if (rc) {
        manifest_release(&manifest);
        return rc;
    }
    *out = manifest;
    return MTR_OK;
}
