/*
 * Writing a trail.
 *
 * Invariants:
 *   1  `head` is the last whole line; what stands in the file behind its size is nobody's, and is cut off
 *      before the next line.
 *   2  The head's file never says more than what was synced, so that it is ahead of the lines only where
 *      somebody has taken lines away. Lines that it does not know are all in the last file.
 *   3  Of all files `total` bytes are known; while one is open it may grow to file_bytes, and total is then
 *      still within bytes_max.
 */
#include "lib/store/trail/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/time.h"
#include "meterd/store/durable.h"

enum { FILES_WANTED = 8, LINE_BYTES_MAX = MTR_TRAIL_MEMBERS_BYTES_MAX + 512 };

struct mtr_trail {
    char directory[PATH_MAX];
    uint64_t bytes_max, file_bytes;
    struct trail_files files;
    uint64_t sizes[TRAIL_FILES_MAX]; /* of them */
    uint64_t total;
    int fd;                     /* of the last file; -1: there is none */
    bool is_cut;                /* nothing stands behind the last file's size */
    bool has_unsynced;
    struct mtr_trail_head head;
    uint64_t last_known;        /* the next line comes behind it, too: the head's file had it */
    struct mtr_trail_found found; /* and is not told */
    struct mtr_trail_head claimed; /* what the head's file said */
    bool has_owner;             /* what we make is his */
    uid_t owner;
    gid_t group;
};

/* ---- files ---- */

static int give_away(const struct mtr_trail *trail, const char *path)
{
    return !trail->has_owner || !chown(path, trail->owner, trail->group) ? MTR_OK
                                                                         : mtr_error_from_errno(errno);
}

static void find_owner(struct mtr_trail *trail)
{
    char above[PATH_MAX];
    struct stat status;
    if (geteuid() != 0) return;
    snprintf(above, sizeof(above), "%s", trail->directory);
    char *slash = strrchr(above, '/');
    if (!slash || slash == above) return;
    *slash = '\0';
    trail->has_owner = !stat(above, &status);
    if (!trail->has_owner) return;
    trail->owner = status.st_uid;
    trail->group = status.st_gid;
}

static uint64_t *last_size(struct mtr_trail *trail)
{
    return &trail->sizes[trail->files.count - 1];
}

static int open_last(struct mtr_trail *trail)
{
    char path[PATH_MAX];
    if (trail->fd >= 0) close(trail->fd);
    trail->fd = -1;
    if (!trail->files.count) return MTR_OK;
    int rc = trail_path(trail->directory, trail->files.numbers[trail->files.count - 1], path);
    if (rc) return rc;
    trail->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return trail->fd < 0 ? mtr_error_from_errno(errno) : MTR_OK;
}

static int measure(struct mtr_trail *trail)
{
    trail->total = 0;
    for (uint32_t i = 0; i < trail->files.count; i++) {
        char path[PATH_MAX];
        struct stat status;
        int rc = trail_path(trail->directory, trail->files.numbers[i], path);
        if (!rc && stat(path, &status)) rc = mtr_error_from_errno(errno);
        if (rc) return rc;
        trail->sizes[i] = (uint64_t)status.st_size;
        trail->total += trail->sizes[i];
    }
    return MTR_OK;
}

/* ---- what the last process has left ---- */

/* The last line of a text that ends with one; what is behind it is none. False: there is none. */
static bool find_last_line(struct mtr_str text, struct mtr_str *line)
{
    size_t end = text.size;
    while (end && text.data[end - 1] != '\n') end--;
    if (!end) return false;
    size_t begin = end - 1;
    while (begin && text.data[begin - 1] != '\n') begin--;
    *line = (struct mtr_str){text.data + begin, end - 1 - begin};
    return true;
}

static int load(const struct mtr_trail *trail, uint32_t number, struct mtr_buffer *text)
{
    char path[PATH_MAX];
    mtr_buffer_reset(text);
    int rc = trail_path(trail->directory, number, path);
    const int fd = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!rc && fd < 0) rc = mtr_error_from_errno(errno);
    if (!rc) rc = trail_read_all(fd, text);
    if (fd >= 0) close(fd);
    return rc;
}

/* A line that is none goes on by its bytes. */
static void take_line(struct mtr_trail *trail, struct mtr_str line)
{
    struct trail_parts parts;
    trail->head.sequence = trail_parse(line, &parts) ? parts.line.sequence : trail->head.sequence + 1;
    trail_hash(line, trail->head.hash);
}

/* Lines of the last file, the only one with some that were not synced. Of those that the head's file knows
 * all stay, whatever they are; behind them a crash may have left any of them, in part: the first that does
 * not follow goes, and all behind it. */
static void take_lines(struct mtr_trail *trail, struct mtr_str text, bool has_head)
{
    size_t end = 0;
    while (end < text.size) {
        const char *from = text.data + end, *feed = memchr(from, '\n', text.size - end);
        if (!feed) break;
        const struct mtr_str line = {from, (size_t)(feed - from)};
        const bool is_synced = !has_head || trail->head.sequence < trail->claimed.sequence;
        if (!is_synced && !trail_follows(&trail->head, line)) break;
        take_line(trail, line);
        end += line.size + 1;
    }
    trail->found.torn_bytes = text.size - end;
    *last_size(trail) -= trail->found.torn_bytes;
    trail->total -= trail->found.torn_bytes;
}

/* The last line before the last file, and then those of that. */
static int find_head(struct mtr_trail *trail, bool has_head)
{
    struct mtr_buffer text;
    struct mtr_str line;
    bool is_found = false;
    int rc = MTR_OK;
    if (!trail->files.count) return MTR_OK;
    mtr_buffer_init(&text, TRAIL_FILE_READ_BYTES_MAX);
    for (uint32_t i = trail->files.count - 1; !rc && !is_found && i; i--) {
        rc = load(trail, trail->files.numbers[i - 1], &text);
        is_found = !rc && find_last_line(mtr_buffer_str(&text), &line);
        if (is_found) take_line(trail, line);
    }
    if (!rc) rc = load(trail, trail->files.numbers[trail->files.count - 1], &text);
    if (!rc) take_lines(trail, mtr_buffer_str(&text), has_head);
    mtr_buffer_release(&text);
    return rc;
}

/* Against what the head's file says. */
static void compare(struct mtr_trail *trail)
{
    const struct mtr_trail_head *claimed = &trail->claimed;
    trail->last_known = trail->head.sequence;
    if (claimed->sequence > trail->head.sequence) {
        trail->found.missing_lines = claimed->sequence - trail->head.sequence;
        trail->last_known = claimed->sequence;
    }
    if (claimed->sequence && claimed->sequence == trail->head.sequence)
        trail->found.is_changed = memcmp(claimed->hash, trail->head.hash, sizeof(claimed->hash)) != 0;
}

static int look(struct mtr_trail *trail)
{
    int rc = mtr_durable_directory(trail->directory);
    if (!rc) rc = give_away(trail, trail->directory);
    if (!rc) rc = trail_list(trail->directory, &trail->files);
    if (!rc) rc = measure(trail);
    if (rc) return rc;
    rc = trail_read_head(trail->directory, &trail->claimed);
    if (rc && rc != MTR_ENOTFOUND && rc != MTR_ECORRUPT) return rc;
    const bool has_head = !rc;
    rc = find_head(trail, has_head);
    if (rc) return rc;
    compare(trail);
    trail->found.is_head_missing = !has_head && trail->head.sequence;
    rc = open_last(trail);
    trail->is_cut = !trail->found.torn_bytes;
    return rc;
}

int mtr_trail_open(const char *directory, uint64_t bytes_max, struct mtr_trail **out,
                   struct mtr_trail_found *found, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX + 8];
    struct mtr_trail *trail = calloc(1, sizeof(*trail));
    if (!trail) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, NULL, "out of memory");
        return MTR_ENOMEM;
    }
    MTR_ASSERT(bytes_max >= MTR_TRAIL_BYTES_MIN);
    trail->fd = -1;
    trail->bytes_max = bytes_max;
    trail->file_bytes = bytes_max / FILES_WANTED;
    if (trail->file_bytes > TRAIL_FILE_BYTES_MAX) trail->file_bytes = TRAIL_FILE_BYTES_MAX;
    int rc = snprintf(trail->directory, PATH_MAX, "%s", directory) < PATH_MAX ? MTR_OK : MTR_EINVALID;
    if (!rc) find_owner(trail);
    if (!rc) rc = look(trail);
    /* From before the first line on, so that its absence says something. */
    if (!rc)
        rc = trail_write_head(trail->directory, trail->claimed.sequence ? &trail->claimed : &trail->head);
    snprintf(path, sizeof(path), "%s/head", trail->directory);
    if (!rc) rc = give_away(trail, path);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL, "cannot go on with %s: %s",
                           directory, mtr_error_text(rc));
        mtr_trail_close(trail);
        return rc;
    }
    *found = trail->found;
    *out = trail;
    return MTR_OK;
}

void mtr_trail_close(struct mtr_trail *trail)
{
    if (!trail) return;
    if (trail->fd >= 0) close(trail->fd);
    free(trail);
}

/* ---- lines ---- */

static int write_all(int fd, const char *data, size_t size, off_t at)
{
    while (size) {
        const ssize_t written = pwrite(fd, data, size, at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return mtr_error_from_errno(written ? errno : EIO);
        data += written;
        size -= (size_t)written;
        at += written;
    }
    return MTR_OK;
}

static int cut(struct mtr_trail *trail)
{
    if (trail->is_cut) return MTR_OK;
    if (ftruncate(trail->fd, (off_t)*last_size(trail))) return mtr_error_from_errno(errno);
    trail->is_cut = true;
    return MTR_OK;
}

/* Into the last file, whatever its size. */
static int append(struct mtr_trail *trail, int64_t time_us, const char *kind, struct mtr_str members)
{
    char text[LINE_BYTES_MAX], time[MTR_TIME_TEXT_BYTES], previous[MTR_TRAIL_HEAD_TEXT_BYTES];
    const uint64_t sequence = (trail->last_known > trail->head.sequence ? trail->last_known
                                                                        : trail->head.sequence) + 1;
    MTR_ASSERT(members.size <= MTR_TRAIL_MEMBERS_BYTES_MAX);
    mtr_time_format(time_us, time);
    mtr_trail_head_format(&trail->head, previous);
    const int size = snprintf(text, sizeof(text),
                              "{\"sequence\":%llu,\"time\":\"%s\",\"kind\":\"%s\"%s%.*s,"
                              "\"previous\":\"%s\"}\n",
                              (unsigned long long)sequence, time, kind, members.size ? "," : "",
                              MTR_STR_ARGS(members), strchr(previous, ':') + 1);
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(text));
    int rc = cut(trail);
    if (rc) return rc;
    trail->is_cut = false;
    rc = write_all(trail->fd, text, (size_t)size, (off_t)*last_size(trail));
    if (rc) {
        const int again = cut(trail);
        (void)again; /* else before the next line */
        return rc;
    }
    trail->is_cut = true;
    trail->has_unsynced = true;
    *last_size(trail) += (uint64_t)size;
    trail->total += (uint64_t)size;
    trail->head.sequence = sequence;
    trail_hash((struct mtr_str){text, (size_t)size - 1}, trail->head.hash);
    return MTR_OK;
}

static int append_format(struct mtr_trail *trail, int64_t time_us, const char *kind, const char *format, ...)
    MTR_PRINTF(4, 5);

static int append_format(struct mtr_trail *trail, int64_t time_us, const char *kind, const char *format, ...)
{
    char members[256];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(members, sizeof(members), format, args);
    va_end(args);
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(members));
    return append(trail, time_us, kind, (struct mtr_str){members, (size_t)size});
}

/* ---- rotation ---- */

/* The last line of the oldest file. False: it has none, or cannot be read. */
static bool find_end_of_oldest(const struct mtr_trail *trail, struct mtr_trail_head *out)
{
    struct mtr_buffer text;
    struct mtr_str line;
    struct trail_parts parts;
    mtr_buffer_init(&text, TRAIL_FILE_READ_BYTES_MAX);
    const bool is_found = !load(trail, trail->files.numbers[0], &text) &&
                          find_last_line(mtr_buffer_str(&text), &line) && trail_parse(line, &parts);
    if (is_found) {
        out->sequence = parts.line.sequence;
        trail_hash(line, out->hash);
    }
    mtr_buffer_release(&text);
    return is_found;
}

static void forget_oldest(struct mtr_trail *trail)
{
    trail->total -= trail->sizes[0];
    trail->files.count--;
    memmove(trail->files.numbers, trail->files.numbers + 1,
            trail->files.count * sizeof(*trail->files.numbers));
    memmove(trail->sizes, trail->sizes + 1, trail->files.count * sizeof(*trail->sizes));
}

/* The line first: without it, lines that are gone are missing. */
static int remove_oldest(struct mtr_trail *trail, int64_t time_us)
{
    char path[PATH_MAX], up_to[MTR_TRAIL_HEAD_TEXT_BYTES];
    struct mtr_trail_head end;
    int rc = trail_path(trail->directory, trail->files.numbers[0], path);
    if (!rc && find_end_of_oldest(trail, &end)) {
        mtr_trail_head_format(&end, up_to);
        rc = append_format(trail, time_us, TRAIL_KIND_REMOVED, TRAIL_REMOVED_MEMBERS, trail->files.numbers[0],
                           up_to);
        if (!rc) rc = mtr_trail_sync(trail);
    }
    if (!rc && unlink(path) && errno != ENOENT) rc = mtr_error_from_errno(errno);
    if (!rc) rc = mtr_durable_sync(trail->directory);
    if (!rc) forget_oldest(trail);
    return rc;
}

static int begin_file(struct mtr_trail *trail)
{
    char path[PATH_MAX];
    const uint32_t number = trail->files.count ? trail->files.numbers[trail->files.count - 1] + 1 : 1;
    int rc = trail->files.count == TRAIL_FILES_MAX ? MTR_ELIMIT : trail_path(trail->directory, number, path);
    if (!rc && trail->files.count) rc = mtr_trail_sync(trail);
    if (!rc) rc = mtr_durable_directory(trail->directory); /* that went, too? */
    if (rc) return rc;
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return mtr_error_from_errno(errno);
    rc = give_away(trail, path);
    if (!rc) rc = mtr_durable_sync(trail->directory);
    if (rc) {
        close(fd);
        unlink(path);
        return rc;
    }
    if (trail->fd >= 0) close(trail->fd);
    trail->fd = fd;
    trail->is_cut = true;
    trail->sizes[trail->files.count] = 0;
    trail->files.numbers[trail->files.count++] = number;
    return MTR_OK;
}

/* Into a file that somebody has removed nothing is written: there is another one, or none. */
static int leave_removed(struct mtr_trail *trail)
{
    struct stat status;
    if (trail->files.count) {
        if (fstat(trail->fd, &status)) return mtr_error_from_errno(errno);
        if (status.st_nlink) return MTR_OK;
        trail->total -= *last_size(trail);
        trail->files.count--;
        trail->has_unsynced = false;
    }
    return begin_file(trail);
}

/* Room for one more line. */
static int make_room(struct mtr_trail *trail, int64_t time_us)
{
    int rc = MTR_OK;
    if (*last_size(trail) + LINE_BYTES_MAX > trail->file_bytes) rc = begin_file(trail);
    while (!rc && trail->files.count > 1 &&
           trail->total - *last_size(trail) + trail->file_bytes > trail->bytes_max)
        rc = remove_oldest(trail, time_us);
    return rc;
}

/* What was found is told once. */
static int tell_found(struct mtr_trail *trail, int64_t time_us)
{
    struct mtr_trail_found *found = &trail->found;
    const uint64_t last = trail->head.sequence;
    char known[MTR_TRAIL_HEAD_TEXT_BYTES];
    int rc = MTR_OK;
    mtr_trail_head_format(&trail->claimed, known);
    if (found->missing_lines) {
        rc = append_format(trail, time_us, TRAIL_KIND_MISSING, "\"from\":%llu,\"head\":\"%s\"",
                           (unsigned long long)last + 1, known);
        if (!rc) found->missing_lines = 0;
    }
    if (!rc && found->is_changed) {
        rc = append_format(trail, time_us, TRAIL_KIND_CHANGED, "\"head\":\"%s\"", known);
        if (!rc) found->is_changed = false;
    }
    if (!rc && found->is_head_missing) {
        rc = append_format(trail, time_us, TRAIL_KIND_HEAD_MISSING, "\"last\":%llu",
                           (unsigned long long)last);
        if (!rc) found->is_head_missing = false;
    }
    if (!rc && found->torn_bytes) {
        rc = append_format(trail, time_us, TRAIL_KIND_TORN, "\"bytes\":%llu",
                           (unsigned long long)found->torn_bytes);
        if (!rc) found->torn_bytes = 0;
    }
    return rc;
}

int mtr_trail_append(struct mtr_trail *trail, int64_t time_us, const char *kind, struct mtr_str members)
{
    int rc = leave_removed(trail);
    if (!rc) rc = tell_found(trail, time_us);
    if (!rc) rc = make_room(trail, time_us);
    return rc ? rc : append(trail, time_us, kind, members);
}

int mtr_trail_sync(struct mtr_trail *trail)
{
    if (!trail->has_unsynced) return MTR_OK;
    if (fdatasync(trail->fd)) return mtr_error_from_errno(errno);
    const int rc = trail_write_head(trail->directory, &trail->head);
    if (!rc) trail->has_unsynced = false;
    return rc;
}

struct mtr_trail_head mtr_trail_get_head(const struct mtr_trail *trail)
{
    return trail->head;
}

uint32_t mtr_trail_file(const struct mtr_trail *trail)
{
    return trail->files.count ? trail->files.numbers[trail->files.count - 1] : 0;
}
