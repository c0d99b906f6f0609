/*
 * application/json and the structured CloudEvents types: one event or a list of them. Broken grammar anywhere
 * makes the whole body unreadable; a wrong value inside an event is that event's fault alone.
 */
#include "collector/decode/decoder.h"
#include "collector/decode/json_event.h"

static int decode_list(struct mtr_decode_job *job, struct mtr_json_cursor *cursor)
{
    cursor->offsets++;
    bool more = json_cursor_peek(cursor) != ']';
    if (!more) cursor->offsets++;
    while (more) {
        uint32_t start = *cursor->offsets;
        int rc = decode_begin(job);
        if (!rc) rc = json_event_read(cursor, &job->draft);
        if (rc) return rc;
        draft_end(&job->draft);
        rc = json_cursor_more(cursor, ']', &more);
        if (!rc && more && job->request->count == 1)
            rc = decode_reserve_like(job, *cursor->offsets - start, cursor->end - *cursor->offsets);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int decode_single(struct mtr_decode_job *job, struct mtr_json_cursor *cursor)
{
    int rc = decode_begin(job);
    if (!rc) rc = json_event_read(cursor, &job->draft);
    if (!rc) draft_end(&job->draft);
    return rc;
}

int decode_json(struct mtr_decode_job *job)
{
    struct mtr_json_index index;
    struct mtr_json_cursor cursor;
    int rc = json_index_build((struct mtr_str){job->text, job->size}, &index);
    if (rc == MTR_EINVALID) {
        uint64_t offset;
        const char *reason = json_locate_fault((struct mtr_str){job->text, job->size}, &offset);
        return decode_fail(job, offset, "JSON", reason);
    }
    if (rc) return rc;
    json_cursor_init(&cursor, job->text, job->size, &index);
    switch (json_cursor_peek(&cursor)) {
    case '[': rc = decode_list(job, &cursor); break;
    case '{': rc = decode_single(job, &cursor); break;
    default: rc = json_cursor_fail(&cursor, "an event or a list of events is expected"); break;
    }
    if (!rc && json_cursor_peek(&cursor) != MTR_JSON_END)
        rc = json_cursor_fail(&cursor, "something follows the end of the text's value");
    return cursor.fault ? decode_fail(job, cursor.fault_offset, "JSON", cursor.fault) : rc;
}
