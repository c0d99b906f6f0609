/*
 * application/x-ndjson: each line is its own envelope. A line that cannot be read is the result `invalid` of
 * its event, with the column in its line; lines of white space only count for nothing.
 *
 * The whole body is indexed at once. That index is right for every line whenever it can be made: a string may
 * not hold a newline, so each line starts outside of strings. When it cannot be made, a quote is open
 * somewhere, and each line is indexed alone to keep the fault at home.
 */
#include "collector/decode/decoder.h"
#include "collector/decode/json_event.h"

#include <string.h>

/* Where the fault is in a file that was sent in pieces nobody knows but the sender: so the column is told of
 * the line alone. */
static void fault_at(struct mtr_draft *draft, size_t offset, const char *reason)
{
    draft_faultf(draft, MTR_FINDING_EVENT_MALFORMED, NULL, "malformed JSON at column %zu: %s", offset + 1,
                 reason);
}

/* Reads the line's event; a broken line becomes its fault. `start`: where the line starts in the cursor's
 * text. */
static int read_line(struct mtr_decode_job *job, struct mtr_json_cursor *cursor, size_t start)
{
    struct mtr_draft *draft = &job->draft;
    int rc = decode_begin(job);
    if (rc) return rc;
    rc = json_event_read(cursor, draft);
    if (!rc && json_cursor_peek(cursor) != MTR_JSON_END)
        rc = json_cursor_fail(cursor, "something follows the event on its line");
    if (rc) {
        draft->result->code = MTR_RESULT_ACCEPTED; /* that the line is broken matters more than what was found
                                                      in its first half */
        fault_at(draft, cursor->fault_offset - start, cursor->fault);
    }
    draft_end(draft);
    return MTR_OK;
}

static size_t line_end(const struct mtr_decode_job *job, size_t start)
{
    const char *newline = memchr(job->text + start, '\n', job->size - start);
    return newline ? (size_t)(newline - job->text) : job->size;
}

static int decode_indexed(struct mtr_decode_job *job, const struct mtr_json_index *index)
{
    struct mtr_json_cursor cursor;
    json_cursor_init(&cursor, job->text, job->size, index);
    for (size_t start = 0, end; start < job->size; start = end + 1) {
        end = line_end(job, start);
        cursor.end = (uint32_t)end;
        if (json_cursor_peek(&cursor) == MTR_JSON_END) continue;
        cursor.fault = NULL;
        int rc = read_line(job, &cursor, start);
        if (!rc && job->request->count == 1) rc = decode_reserve_like(job, end - start, job->size - end);
        if (rc) return rc;
        while (*cursor.offsets < end) cursor.offsets++;
    }
    return MTR_OK;
}

static int fault_line(struct mtr_decode_job *job, struct mtr_str line)
{
    uint64_t offset;
    const char *reason = json_locate_fault(line, &offset);
    int rc = decode_begin(job);
    if (rc) return rc;
    fault_at(&job->draft, (size_t)offset, reason);
    draft_end(&job->draft);
    return MTR_OK;
}

static int decode_line_by_line(struct mtr_decode_job *job)
{
    for (size_t start = 0, end; start < job->size; start = end + 1) {
        struct mtr_json_index index;
        struct mtr_json_cursor cursor;
        end = line_end(job, start);
        int rc = json_index_build((struct mtr_str){job->text + start, end - start}, &index);
        if (rc == MTR_EINVALID) {
            rc = fault_line(job, (struct mtr_str){job->text + start, end - start});
        } else if (!rc) {
            json_cursor_init(&cursor, job->text + start, end - start, &index);
            if (json_cursor_peek(&cursor) != MTR_JSON_END) rc = read_line(job, &cursor, 0);
        }
        if (rc) return rc;
    }
    return MTR_OK;
}

int decode_ndjson(struct mtr_decode_job *job)
{
    struct mtr_json_index index;
    int rc = json_index_build((struct mtr_str){job->text, job->size}, &index);
    if (rc == MTR_EINVALID) return decode_line_by_line(job);
    return rc ? rc : decode_indexed(job, &index);
}
