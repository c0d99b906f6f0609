/*
 * What every decoder does with its job: begin an event, make room for the likes of it, say where the envelope
 * breaks. Owns nothing; events stand in the request's arena.
 */
#include "collector/decode/decoder.h"

enum { RESERVE_MAX = 4096 };

int decode_fail(struct mtr_decode_job *job, uint64_t offset, const char *what, const char *reason)
{
    mtr_diagnostic_set(job->diagnostic, MTR_FINDING_REQUEST_SYNTAX, 0, 0, "", "malformed %s at byte %llu: %s",
                       what, (unsigned long long)offset, reason);
    job->diagnostic->offset = offset;
    return MTR_EINVALID;
}

int decode_begin(struct mtr_decode_job *job)
{
    int rc = draft_begin(&job->draft);
    if (rc == MTR_ELIMIT)
        mtr_diagnostic_set(job->diagnostic, MTR_FINDING_REQUEST_SIZE, 0, 0, "",
                           "more than %lu events in one request", (unsigned long)job->input->events_max);
    return rc;
}

int decode_reserve_like(struct mtr_decode_job *job, size_t first_bytes, size_t rest_bytes)
{
    size_t count = rest_bytes / (first_bytes ? first_bytes : 1);
    count += count / 8 + 1;
    return draft_reserve(&job->draft, count < RESERVE_MAX ? count : RESERVE_MAX);
}
