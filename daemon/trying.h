/*
 * A source is tried (meterd/collector/source_trial.h): its loop, HTTP client, clock and directory. Blocking,
 * on the calling thread, with a loop of its own; for commands, and for a thread of the daemon.
 *
 *   rc = trying_open(&options, &trying, &diagnostic);
 *   rc = trying_read(trying, &ask, &report);     as often as wanted
 *   trying_close(trying);
 *
 * With hooks->recorded no socket is opened: answers come from there, no credentials are read, and time is
 * that of the recording, in which waiting takes none.
 */
#ifndef METERD_DAEMON_TRYING_H
#define METERD_DAEMON_TRYING_H

#include <stdatomic.h>

#include "daemon/config.h"
#include "meterd/collector/source_trial.h"

/* An answer that was recorded; borrowed until the next one is asked for. */
struct trying_answer {
    unsigned status;
    struct mtr_str headers; /* lines "name: value\r\n" */
    struct mtr_str body;
};

/* Each may be NULL. */
struct trying_hooks {
    void *context;
    void (*on_request)(void *context, const struct mtr_trial_request *request);
    void (*on_answer)(void *context, const struct mtr_trial_answer *answer);
    /* Of an answer's body, as it came. */
    int (*on_piece)(void *context, const struct mtr_http_answer *answer, struct mtr_str piece);
    void (*on_begin)(void *context);
    int (*on_row)(void *context, const struct mtr_trial_row *row);
    /* The next request waits: a try that failed, a rate. More than a second. */
    void (*on_wait)(void *context, int64_t wait_us);
    /* False: there is none for this request. */
    bool (*recorded)(void *context, const struct mtr_trial_request *request, struct trying_answer *out);
};

struct trying_options {
    const struct mtr_config *config; /* what is allowed, and how rows are judged; borrowed, as all below */
    const struct mtr_source *source;
    const struct mtr_catalog *catalog; /* NULL: rows are not judged */
    const struct trying_hooks *hooks;  /* copied */
    const char *tokens;                /* as of a trial */
    struct mtr_ledger *ledger; /* as of a trial, as the next two */
    struct mtr_log *log;
    const uint8_t *event_key;
    enum mtr_trial_secret secret;
    int64_t now_us;           /* of recorded answers */
    int64_t patience_us;      /* a reading that would have to wait longer, all in all, is given up */
    const atomic_bool *stops; /* true: what runs ends soon; NULL: nobody stops it */
};

struct trying;

/* diagnostic->text is a sentence, whatever the error. */
int trying_open(const struct trying_options *options, struct trying **out,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void trying_close(struct trying *trying); /* and its directory; NULL is allowed */

/* One reading, to its end. Errors as of mtr_trial_begin, of which *out tells too. */
int trying_read(struct trying *trying, const struct mtr_trial_ask *ask,
                struct mtr_trial_report *out) MTR_MUST_USE;
int64_t trying_now_us(const struct trying *trying);
/* As mtr_trial_mask. */
int trying_mask(struct trying *trying, struct mtr_str text, struct mtr_buffer *out) MTR_MUST_USE;

#endif
