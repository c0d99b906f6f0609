/*
 * Reading a trail: each line against the one before it, the first against what was removed, the last against
 * the head.
 */
#include "lib/store/trail/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTINGS_MAX = 8 };

struct reading {
    const struct mtr_trail_walk *walk;
    struct mtr_trail_walked *out;
    struct mtr_trail_head stored; /* of the head's file */
    struct mtr_trail_head before; /* what the first line says of the one before it */
    bool has_head;
    bool is_removal_told;         /* by a line: those before the first are gone for room */
    uint32_t file;
    bool is_last_file;
    uint64_t row; /* of the file */
};

static void fail(struct reading *reading, const char *format, ...) MTR_PRINTF(2, 3);

static void fail(struct reading *reading, const char *format, ...)
{
    struct mtr_diagnostic fault;
    char text[MTR_FINDING_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reading->out->faults++;
    mtr_diagnostic_set(&fault, MTR_FINDING_TRAIL_BROKEN, 0, 0, NULL, "%s", text);
    if (reading->walk->on_fault) reading->walk->on_fault(reading->walk->context, &fault);
}

/* ---- a line ---- */

static void check_first(struct reading *reading, const struct trail_parts *parts)
{
    static const uint8_t none[MTR_TRAIL_HASH_BYTES];
    reading->before.sequence = parts->line.sequence - 1;
    memcpy(reading->before.hash, parts->previous, sizeof(reading->before.hash));
    reading->out->removed = reading->before.sequence;
    if (parts->line.sequence == 1 && memcmp(parts->previous, none, sizeof(none)) != 0)
        fail(reading, "line 1 names a line before it: it is another one");
}

static void check_place(struct reading *reading, const struct trail_parts *parts)
{
    const uint64_t last = reading->out->last.sequence, sequence = parts->line.sequence;
    if (sequence > last + 2)
        fail(reading, "lines %llu to %llu are missing", (unsigned long long)last + 1,
             (unsigned long long)sequence - 1);
    else if (sequence == last + 2) fail(reading, "line %llu is missing", (unsigned long long)last + 1);
    else if (sequence <= last)
        fail(reading, "line %llu stands behind line %llu (%08u.ndjson, row %llu)",
             (unsigned long long)sequence, (unsigned long long)last, reading->file,
             (unsigned long long)reading->row);
    else if (memcmp(parts->previous, reading->out->last.hash, sizeof(parts->previous)) != 0)
        fail(reading, "line %llu is not the one that line %llu was written behind: one of them was changed",
             (unsigned long long)last, (unsigned long long)sequence);
}

/* A head that was kept, of this line: which, says `whose`. */
static void check_kept(struct reading *reading, const struct mtr_trail_head *kept, const char *whose)
{
    const struct mtr_trail_head *last = &reading->out->last;
    if (!kept || !kept->sequence || kept->sequence != last->sequence) return;
    if (memcmp(kept->hash, last->hash, sizeof(last->hash)) != 0)
        fail(reading, "line %llu is another one than %s says: it, or one before it, was changed",
             (unsigned long long)last->sequence, whose);
}

static const char own_head[] = "the file head", kept_head[] = "the head that was kept";

static void note_removal(struct reading *reading, const struct trail_parts *parts)
{
    static const char begin[] = ",\"up_to\":\"";
    struct mtr_trail_head up_to;
    if (!mtr_str_equal(parts->line.kind, MTR_STR(TRAIL_KIND_REMOVED))) return;
    const char *at = memmem(parts->members.data, parts->members.size, begin, sizeof(begin) - 1);
    if (!at) return;
    at += sizeof(begin) - 1;
    const char *end = memchr(at, '"', (size_t)(parts->members.data + parts->members.size - at));
    if (!end || !mtr_trail_head_parse((struct mtr_str){at, (size_t)(end - at)}, &up_to)) return;
    if (up_to.sequence == reading->before.sequence &&
        memcmp(up_to.hash, reading->before.hash, sizeof(up_to.hash)) == 0)
        reading->is_removal_told = true;
}

static int take_line(struct reading *reading, struct mtr_str text)
{
    struct mtr_trail_walked *out = reading->out;
    struct trail_parts parts;
    reading->row++;
    if (!trail_parse(text, &parts)) {
        fail(reading, "row %llu of %08u.ndjson is no line of a trail", (unsigned long long)reading->row,
             reading->file);
        out->last.sequence++;
        trail_hash(text, out->last.hash);
        return MTR_OK;
    }
    if (out->lines == 0 && out->last.sequence == 0) check_first(reading, &parts);
    else check_place(reading, &parts);
    out->lines++;
    out->last.sequence = parts.line.sequence;
    trail_hash(text, out->last.hash);
    check_kept(reading, &reading->stored, own_head);
    check_kept(reading, reading->walk->kept, kept_head);
    note_removal(reading, &parts);
    return reading->walk->on_line ? reading->walk->on_line(reading->walk->context, &parts.line) : MTR_OK;
}

/* ---- files ---- */

/* Behind what the head's file knows nothing was promised: a crash may have left any part of it. */
static bool is_torn(const struct reading *reading, struct mtr_str line)
{
    return reading->is_last_file && reading->has_head &&
           reading->out->last.sequence >= reading->stored.sequence &&
           !trail_follows(&reading->out->last, line);
}

static int take_text(struct reading *reading, struct mtr_str text)
{
    while (text.size) {
        const char *end = memchr(text.data, '\n', text.size);
        const size_t size = end ? (size_t)(end - text.data) : text.size;
        if (!end || is_torn(reading, (struct mtr_str){text.data, size})) {
            reading->out->torn_bytes = text.size;
            return MTR_OK;
        }
        const int rc = take_line(reading, (struct mtr_str){text.data, size});
        if (rc) return rc;
        text = (struct mtr_str){end + 1, text.size - size - 1};
    }
    return MTR_OK;
}

static int take_file(struct reading *reading, uint32_t number, int fd)
{
    struct mtr_buffer text;
    if (reading->out->torn_bytes)
        fail(reading, "the last line of %08u.ndjson has no end, and there are lines behind it",
             reading->file);
    reading->out->torn_bytes = 0;
    reading->file = number;
    reading->row = 0;
    mtr_buffer_init(&text, TRAIL_FILE_READ_BYTES_MAX);
    int rc = trail_read_all(fd, &text);
    if (rc == MTR_ELIMIT) {
        fail(reading, "%08u.ndjson is larger than a file of a trail is", number);
        rc = MTR_OK;
    } else if (!rc) {
        rc = take_text(reading, mtr_buffer_str(&text));
    }
    mtr_buffer_release(&text);
    return rc;
}

/* The head first, then all files, so that none goes while it is read, and no line is behind what is read. */
static int open_all(const char *directory, struct reading *reading, struct trail_files *files,
                    int fds[TRAIL_FILES_MAX])
{
    for (int listings = 0; listings < LISTINGS_MAX; listings++) {
        int rc = trail_list(directory, files);
        if (rc) return rc;
        rc = trail_read_head(directory, &reading->stored);
        if (rc && rc != MTR_ENOTFOUND && rc != MTR_ECORRUPT) return rc;
        reading->has_head = !rc;
        rc = MTR_OK;
        uint32_t opened = 0;
        for (; !rc && opened < files->count; opened++) {
            char path[PATH_MAX];
            rc = trail_path(directory, files->numbers[opened], path);
            fds[opened] = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
            if (!rc && fds[opened] < 0) rc = mtr_error_from_errno(errno);
        }
        if (!rc) return MTR_OK;
        for (uint32_t i = 0; i < opened; i++)
            if (fds[i] >= 0) close(fds[i]);
        if (rc != MTR_ENOTFOUND) return rc;
    }
    return MTR_EAGAIN;
}

/* Behind the last line. */
static void check_end(struct reading *reading)
{
    const struct mtr_trail_walked *out = reading->out;
    const struct mtr_trail_head *kept = reading->walk->kept;
    const unsigned long long last = out->last.sequence;
    if (out->last.sequence && !reading->has_head)
        fail(reading, "the file head, which says which line is the last, is missing or damaged");
    if (reading->stored.sequence > out->last.sequence)
        fail(reading, "the last line is %llu, but the file head knows line %llu: those behind are missing",
             last, (unsigned long long)reading->stored.sequence);
    if (out->removed && !reading->is_removal_told)
        fail(reading, "lines 1 to %llu are gone, and no line says that they went for lack of room",
             (unsigned long long)out->removed);
    if (!kept || !kept->sequence) return;
    if (kept->sequence > out->last.sequence)
        fail(reading, "the last line is %llu, but line %llu was kept as the head: those behind are missing",
             last, (unsigned long long)kept->sequence);
    else if (kept->sequence <= out->removed)
        fail(reading, "line %llu, which was kept as the head, went for lack of room: it cannot be compared",
             (unsigned long long)kept->sequence);
}

int mtr_trail_read(const char *directory, const struct mtr_trail_walk *walk, struct mtr_trail_walked *out,
                   struct mtr_diagnostic *diagnostic)
{
    struct reading reading = {.walk = walk, .out = out};
    struct trail_files files;
    int fds[TRAIL_FILES_MAX];
    *out = (struct mtr_trail_walked){.lines = 0};
    int rc = open_all(directory, &reading, &files, fds);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL, "cannot read %s: %s",
                           directory, mtr_error_text(rc));
        return rc;
    }
    for (uint32_t i = 0; i < files.count; i++) {
        reading.is_last_file = i + 1 == files.count;
        if (!rc) rc = take_file(&reading, files.numbers[i], fds[i]);
        close(fds[i]);
    }
    if (!rc) check_end(&reading);
    return rc;
}
