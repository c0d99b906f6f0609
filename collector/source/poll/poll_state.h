/*
 * What the files of a poll share. Private to poll*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLL_STATE_H
#define METERD_COLLECTOR_SOURCE_POLL_POLL_STATE_H

#include <xxhash.h>

#include "collector/source/poll/condition.h"
#include "collector/source/poll/poll.h"
#include "collector/source/job/vendor_job.h"
#include "meterd/net/crypto.h"

enum poll_job { POLL_GIVEN, POLL_FEED, POLL_END_PAGE, POLL_CHECK, POLL_PART, POLL_FOLD };
/* What the answer that is awaited has. */
enum poll_page { POLL_PAGE_ROWS, POLL_PAGE_LIST, POLL_PAGE_FILE, POLL_PAGE_JOB };
enum poll_digest { POLL_MD5, POLL_SHA256, POLL_DIGESTS };
/* Of an answer's body: what is looked at of one that is no good one, and told of any. */
enum { POLL_ERROR_BYTES = 256 << 10, POLL_TOLD_BYTES = 16 << 10 };
enum { POLL_HEADERS_BYTES = 1 << 20, POLL_CONDITIONS_MAX = 16 };

/* Where of the reading's wants a condition finds its value; -1: it has no path. */
struct poll_conditions {
    int32_t job, ok, warnings; /* job: its status */
    int32_t absent[POLL_CONDITIONS_MAX], limit[POLL_CONDITIONS_MAX];
};

/* The pieces in which the window is asked for; one, unless answers meet a limit. */
struct poll_split {
    struct mtr_split pieces;
};

struct mtr_poll {
    struct poll_task task;
    struct mtr_arena arena; /* of the task's texts */
    enum poll_state state;
    int64_t again_us, entered_us;
    bool is_stopping;
    void *handle;

    struct reading_memory memory;
    struct reading *reading;
    struct paging *paging;
    struct mtr_record_want wants[READING_WANTS_MAX];
    uint32_t want_count, paging_want_count;
    struct poll_conditions conditions;
    struct poll_split split;
    uint32_t restarts;

    /* The request that is out. */
    struct mtr_arena call_arena;
    struct source_call call;
    uint32_t plain_header_count; /* of the call's: those behind them say who asks */
    bool is_token_request, is_inside; /* a token is asked for; the gate counts us */
    bool is_again;                    /* the last page once more: only its bytes are looked at */
    uint32_t tries;
    unsigned status;
    enum poll_page page;
    char page_fault[POLL_TEXT_BYTES];
    struct mtr_record_reader *list; /* of a page that is a list of parts */
    struct {
        struct mtr_hasher *hasher; /* NULL: the list names none */
        uint8_t bytes[MTR_HASHER_BYTES_MAX];
    } digests[POLL_DIGESTS]; /* of a file as it came */
    XXH3_state_t *hash; /* of the page's bytes as they came */
    struct mtr_hash128 page_hash, again_hash;
    uint64_t body_bytes, list_parts;

    struct mtr_buffer incoming, feeding; /* pieces that came; those at work, or that were last */
    struct mtr_buffer body_begin, headers;
    bool is_streaming, is_paused; /* the page goes to the reading as it comes */
    bool has_ended;               /* the answer has, while its last pieces are at work */
    bool has_begun_page;
    /* How the answer ended, where it is no good one. */
    struct {
        bool is_broken;
        enum source_failure failure;
        int64_t wait_us;
        char text[POLL_TEXT_BYTES];
    } answer;

    struct vendor_job vendor_job;
    struct mtr_buffer mark; /* of the list of files */

    enum poll_job job;
    int job_rc;
    struct reading_end end;
    char end_text[POLL_TEXT_BYTES];
    struct verdict verdict;
    bool has_verdict;
    struct mtr_request *request; /* a part, made and not yet submitted */
    uint64_t committed_seq;
    bool is_last_part;
    struct mtr_dry_rows *dry_rows; /* of a trial: what it would put into the log; NULL: nobody wants it */
    bool has_part, has_deferred; /* the ledger has the first; some that came behind what it has */
    struct mtr_diagnostic diagnostic;
    struct poll_report report;
};

/* poll_state.c: the state's own changes. */
void poll_finish(struct mtr_poll *poll, enum poll_result result, enum mtr_alarm alarm, const char *format,
                 ...) MTR_PRINTF(4, 5);
void poll_start_job(struct mtr_poll *poll, enum poll_job job);
void poll_wait(struct mtr_poll *poll, int64_t again_us);
struct auth_session *poll_auth(struct mtr_poll *poll); /* lent the task's source, whatever others lent it */

void poll_submit(struct mtr_poll *poll, int64_t now_us); /* poll->request, to the intake */

/* What came is fed to the reading, the page's end behind it where the answer has ended. */
void poll_feed_on(struct mtr_poll *poll);
void poll_fail_job(struct mtr_poll *poll); /* by job_rc */

/* poll_reading.c: with its first page, or anew. */
int poll_begin_reading(struct mtr_poll *poll, const char **fault) MTR_MUST_USE;
int poll_collect_wants(struct mtr_poll *poll) MTR_MUST_USE;

int poll_begin_paging(struct mtr_poll *poll) MTR_MUST_USE; /* of a piece */

/* poll_split.c */
struct mtr_window poll_window(const struct mtr_poll *poll); /* the piece that is asked for */
void poll_split_begin(struct mtr_poll *poll);
/* Each begins a piece with its first page; what came of it is dropped by the former two. False: it is as
 * short as it may be; there is none left. */
void poll_split_again(struct mtr_poll *poll, int64_t now_us);
bool poll_split_shrink(struct mtr_poll *poll, int64_t now_us);
bool poll_split_next(struct mtr_poll *poll, bool is_absent, int64_t now_us);

/* poll_parts.c: a page of rows, a list of parts, or one of these. */
void poll_choose_page(struct mtr_poll *poll, const struct paging_request *request);
bool poll_has_parts(const struct mtr_poll *poll);
/* What a receipt has as its cursor: of a feed where it goes on, of files the mark of their list. No data:
 * neither. */
struct mtr_str poll_cursor(struct mtr_poll *poll);
bool poll_reads_files(const struct mtr_poll *poll); /* no page says anything beside its rows */
/* A job's manifest is not in its answer, but stands behind a link. */
int poll_set_manifest_apart(struct mtr_poll *poll) MTR_MUST_USE;
int poll_feed_page(struct mtr_poll *poll) MTR_MUST_USE; /* what is to be fed */
int poll_end_page(struct mtr_poll *poll) MTR_MUST_USE;  /* the same, and it is the last of the page */
/* Of the page that ended last, the i-th of poll->wants. Files say nothing beside their rows. */
struct mtr_found poll_found(const struct mtr_poll *poll, uint32_t index);
const uint8_t *poll_digest(const struct mtr_poll *poll, enum poll_digest which); /* NULL: not made */
const char *poll_page_fault(const struct mtr_poll *poll);
void poll_close_list(struct mtr_poll *poll);
void poll_close_digests(struct mtr_poll *poll);

/* poll_request.c: sends the next request, or says why not yet. */
void poll_ask(struct mtr_poll *poll, int64_t now_us);
/* poll_answer.c: the answer is no good one, and nothing is at work any more. */
void poll_fail_answer(struct mtr_poll *poll);
/* poll_quote.c: answer.text gets the beginning of what was said beside a status that is no good one. */
void poll_quote_answer(struct mtr_poll *poll);
/* A text of the vendor's for people, without the credentials that were sent: its beginning, in the arena, or
 * "…". On the loop. */
struct mtr_str poll_words(struct mtr_poll *poll, struct mtr_str text);
/* report.text gets it, of a good answer that is not what it should be; not of one whose rows came. */
void poll_quote_page(struct mtr_poll *poll);

/* poll_page.c: no page comes any more; the reading is judged. */
void poll_end_reading(struct mtr_poll *poll, enum mtr_alarm fault, const char *said);
/* What a good answer's page means. */
void poll_page_ended(struct mtr_poll *poll, int64_t now_us);
/* An answer that is no page: is it "there is none", or a limit? True: poll_finish or the end was told. */
bool poll_take_condition(struct mtr_poll *poll, int64_t now_us);
/* The same of a good answer that is no page. */
bool poll_take_condition_in(struct mtr_poll *poll, struct mtr_str body, int64_t now_us);
/* The same of a page that cannot be read, and has no rows: a good status does not make a page of it. */
bool poll_take_unreadable(struct mtr_poll *poll, int64_t now_us);
/* The page has another value than `answer.ok` wants: that is what is wrong, whatever its rows are. */
bool poll_fail_as_told(struct mtr_poll *poll);
void poll_end_absent(struct mtr_poll *poll, int64_t now_us); /* the vendor says that there is none */

#endif
