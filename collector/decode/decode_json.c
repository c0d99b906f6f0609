/*
 * application/json and the structured CloudEvents types: one event or a list of them. Broken grammar anywhere
 * makes the whole body unreadable; a wrong value inside an event is that event's fault alone.
 */
#include "collector/decode/decoder.h"
#include "collector/decode/json_event.h"

static int decode_list(struct mtr_decode_job *job, struct mtr_json_cursor *cursor)
{
    cursor->offsets++;
    bool more = mtr_json_peek(cursor) != ']';
    if (!more) cursor->offsets++;
    while (more) {
        uint32_t start = *cursor->offsets;
        int rc = mtr_decode_begin(job);
        if (!rc) rc = mtr_json_event_read(cursor, &job->draft);
        if (rc) return rc;
        mtr_draft_end(&job->draft);
        rc = mtr_json_more(cursor, ']', &more);
        if (!rc && more && job->request->count == 1)
            rc = mtr_decode_reserve_like(job, *cursor->offsets - start, cursor->end - *cursor->offsets);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int decode_single(struct mtr_decode_job *job, struct mtr_json_cursor *cursor)
{
    int rc = mtr_decode_begin(job);
    if (!rc) rc = mtr_json_event_read(cursor, &job->draft);
    if (!rc) mtr_draft_end(&job->draft);
    return rc;
}

int mtr_decode_json(struct mtr_decode_job *job)
{
    struct mtr_json_index index;
    struct mtr_json_cursor cursor;
    int rc = mtr_json_index_build((struct mtr_str){job->text, job->size}, &index);
    if (rc == MTR_EINVALID) {
        uint64_t offset;
        const char *reason = mtr_json_locate_fault((struct mtr_str){job->text, job->size}, &offset);
        return mtr_decode_fail(job, offset, "JSON", reason);
    }
    if (rc) return rc;
    mtr_json_cursor_init(&cursor, job->text, job->size, &index);
    switch (mtr_json_peek(&cursor)) {
    case '[': rc = decode_list(job, &cursor); break;
    case '{': rc = decode_single(job, &cursor); break;
    default: rc = mtr_json_fail(&cursor, "an event or a list of events is expected"); break;
    }
    if (!rc && mtr_json_peek(&cursor) != MTR_JSON_END)
        rc = mtr_json_fail(&cursor, "something follows the end of the text's value");
    return cursor.fault ? mtr_decode_fail(job, cursor.fault_offset, "JSON", cursor.fault) : rc;
}
