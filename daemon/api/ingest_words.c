/*
 * Each says what to do: mend it, or send the same again.
 */
#include "daemon/api/ingest_words.h"

/* It is too large by itself, or others of its owner are to be stored first. */
static void say_without_memory(struct mtr_http_request *http, enum mtr_work_end end)
{
    if (end == MTR_WORK_MEMORY)
        mtr_http_problem(http, 413, MTR_FINDING_REQUEST_SIZE,
                         MTR_STR("its events take more memory than one key may have (three quarters of "
                                 "intake.memory_max): send fewer at a time"));
    else
        mtr_http_problem(http, 503, MTR_FINDING_REQUEST_BUSY,
                         MTR_STR("this key has as much memory with events that wait as it may "
                                 "(intake.memory_max); send the same batch again"));
}

void ingest_say_unreadable(struct mtr_http_request *http, int error, enum mtr_work_end end,
                           const struct mtr_diagnostic *diagnostic)
{
    unsigned status = 400;
    if (end) {
        say_without_memory(http, end);
        return;
    }
    if (error == MTR_ENOTFOUND) status = 415;
    else if (error == MTR_ELIMIT) status = 413;
    else if (error == MTR_ENOMEM) status = 503;
    mtr_http_problem(http, status, diagnostic->code, mtr_str_from(diagnostic->text));
}

void ingest_say_unnoted(struct mtr_http_request *http, int error)
{
    mtr_http_problem(http, 503, error == MTR_EFULL ? MTR_FINDING_STORE_FULL : MTR_FINDING_STORE_UNWRITABLE,
                     MTR_STR("the catalog's disk cannot note who sends: nothing of this request was stored; "
                             "send it again later"));
}

void ingest_say_not_taken(struct mtr_http_request *http, int error)
{
    const bool is_full = error == MTR_EFULL;
    mtr_http_problem(http, 503, is_full ? MTR_FINDING_REQUEST_BUSY : MTR_FINDING_REQUEST_NOT_READY,
                     is_full ? MTR_STR("this key has as much in the queue to the log as it may "
                                       "(intake.queue_bytes_max); send the same batch again")
                             : MTR_STR("meterd is stopping"));
}

void ingest_say_not_stored(struct mtr_http_request *http, const struct mtr_request *request)
{
    static const char again[] = "send the same request again later";
    enum mtr_finding_code code = MTR_FINDING_STORE_UNWRITABLE;
    const char *what = NULL;
    switch (request->error) {
    case MTR_EFULL: code = MTR_FINDING_STORE_FULL, what = "no room on the log's disk"; break;
    case MTR_EFILES: code = MTR_FINDING_PROGRAM_FILES, what = "too many open files"; break;
    case MTR_ENOMEM:
    case MTR_ELIMIT: code = MTR_FINDING_PROGRAM_MEMORY, what = "out of memory"; break;
    default: break;
    }
    if (!what)
        mtr_http_problemf(http, 503, code, "the log's disk failed: what was stored is not known; %s", again);
    else if (request->part_first)
        mtr_http_problemf(http, 503, code,
                          "%s: the first %u events of %u were stored, the others were not; %s", what,
                          (unsigned)request->part_first, (unsigned)request->count, again);
    else mtr_http_problemf(http, 503, code, "%s: nothing of this request was stored; %s", what, again);
}
