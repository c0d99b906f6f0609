/*
 * A trial: readings of a source that count for nothing. The same requests, credentials, paging, proofs and
 * verdict as the poller's, by the same code; what comes is looked at, and neither log nor ledger hears of it.
 *
 *   mtr_trial_open ─▶ (mtr_trial_begin ─▶ mtr_trial_step … until true ─▶ mtr_trial_end ─▶ mtr_trial_report)*
 *                            hooks->send ─▶ mtr_trial_on_piece …, mtr_trial_on_answer ─▶ step again
 *
 * A trial has limits, a circuit breaker and tokens of its own, so the vendor sees a second client; a refresh
 * token that a vendor rotates is used up by it, like by any other client (mtr_trial_burns_tokens).
 *
 * What hooks are shown of requests and answers has its secrets masked. One thread; the work of reading is
 * done in mtr_trial_step. No clock, socket or random number inside.
 */
#ifndef METERD_COLLECTOR_SOURCE_TRIAL_H
#define METERD_COLLECTOR_SOURCE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/collector/request.h"
#include "meterd/collector/source_alarm.h"
#include "meterd/net/http_client.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"
#include "meterd/store/log.h"

enum { MTR_TRIAL_NONCE_BYTES = 16, MTR_TRIAL_TEXT_BYTES = 400, MTR_TRIAL_PROOF_BYTES = 96 };

/* ---- what is seen of it ---- */

/* Borrowed while a hook is called, as all texts here. */
struct mtr_trial_request {
    uint32_t number;                  /* of the trial, from 1 */
    bool is_token;                    /* it asks for a token; its body is not shown */
    struct mtr_str method, url, body; /* masked */
    struct mtr_str headers;           /* lines "Name: value\n", masked */
};

struct mtr_trial_answer {
    uint32_t number; /* of its request */
    bool is_token;
    unsigned status; /* 0: there was none, and `reason` says why */
    int error;       /* as of struct mtr_http_answer */
    const char *reason;
    uint64_t bytes;         /* of the body */
    struct mtr_str headers; /* as of a request */
};

struct mtr_trial_row {
    const struct mtr_event *event; /* as the log would have it; its id is the row's own */
    struct mtr_event_identity key; /* of the id */
    uint64_t digest;               /* of the content */
    bool is_outside;               /* its time lies outside the window */
    bool is_unmapped;              /* no event could be made of it */
    /* What the intake would say; INVALID with field and reason of a row that is unmapped; without a catalog
     * ACCEPTED. */
    struct mtr_event_result result;
};

struct mtr_trial_hooks {
    void *context;
    /* Starts a request: mtr_trial_on_piece and mtr_trial_on_answer follow, never from inside. `shown` is the
     * same, masked. */
    int (*send)(void *context, const struct mtr_http_call *call, const struct mtr_trial_request *shown);
    void (*resume)(void *context); /* pieces come again after MTR_EAGAIN */
    void (*cancel)(void *context); /* on_answer follows, maybe from inside */
    void (*nonce)(void *context, uint8_t nonce[MTR_TRIAL_NONCE_BYTES]);
    /* The rest may be NULL. */
    void (*on_answer)(void *context, const struct mtr_trial_answer *answer);
    void (*on_begin)(
        void *context); /* rows that were seen are of no use: the reading begins, or begins anew */
    int (*on_row)(void *context, const struct mtr_trial_row *row); /* not MTR_OK: the reading ends */
};

/* ---- opening ---- */

enum mtr_trial_secret {
    MTR_TRIAL_SECRET_OWN,
    MTR_TRIAL_SECRET_WRONG, /* another text in the place of each secret */
    MTR_TRIAL_SECRET_NONE   /* requests carry no credentials, no file is read: answers are recorded ones */
};

struct mtr_trial_options {
    const struct mtr_trial_hooks *hooks; /* copied */
    const struct mtr_source *source;     /* borrowed, as the catalog and the ledger are */
    const struct mtr_catalog *catalog;   /* rows are judged by it; NULL: they are not */
    const char *directory;               /* of its own, empty: for pages and an empty ledger */
    struct mtr_ledger *ledger;           /* windows are held against; NULL: an empty one */
    struct mtr_log *log;                 /* that it is of; NULL: settled windows are not held against it */
    const uint8_t *event_key;            /* MTR_EVENT_KEY_BYTES, of that ledger; copied; NULL: zeros */
    const char *tokens;                  /* directory of rotated refresh tokens; NULL: in `directory` */
    const char *credentials;             /* directory of the service manager's; NULL: none */
    enum mtr_trial_secret secret;
    bool allow_loopback, allow_private; /* where sources may lead */
    int64_t future_us, grace_us;        /* as the intake has them */
};

struct mtr_trial;

/* *diagnostic has a sentence where more is known than the error's name. */
int mtr_trial_open(const struct mtr_trial_options *options, struct mtr_trial **out,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_trial_close(struct mtr_trial *trial); /* nothing is under way; NULL is allowed */

/* Does logging in use up a refresh token that somebody else may hold? */
bool mtr_trial_burns_tokens(const struct mtr_source *source);
/* Which of for_each there are: the texts of `each`, borrowed from source and catalog. MTR_ENOTFOUND: no such
 * place (of ROW: the sources that it is of are not read here). */
int mtr_trial_each(const struct mtr_source *source, const struct mtr_catalog *catalog, uint32_t place,
                   struct mtr_str *out, const struct mtr_subscription **subscription) MTR_MUST_USE;
/* The newest window that is over, with `lateness`; of named periods "last", or "current" where there is no
 * such; of a feed zero. */
struct mtr_window mtr_trial_newest_window(const struct mtr_source *source, int64_t now_us);

/* ---- a reading ---- */

struct mtr_trial_ask {
    const struct mtr_source *source; /* NULL: the trial's; else a copy of it in which something is another */
    struct mtr_str each;
    const struct mtr_subscription *subscription;
    struct mtr_window window; /* both 0: of a feed */
};

enum mtr_trial_result {
    MTR_TRIAL_TAKEN,     /* the poller would take it */
    MTR_TRIAL_AGAIN,     /* it would, once it has been said as often as the document wants */
    MTR_TRIAL_NOT_TAKEN, /* an alarm says why */
    MTR_TRIAL_FAILED,    /* it could not be read; an alarm says why */
    MTR_TRIAL_UNCHANGED, /* the vendor says that nothing is new */
};

/* One of `complete`: what the vendor said, and what came. */
struct mtr_trial_proof {
    bool is_asked, is_said;
    char said[MTR_TRIAL_PROOF_BYTES], came[MTR_TRIAL_PROOF_BYTES];
};

struct mtr_trial_report {
    enum mtr_trial_result result;
    enum mtr_alarm alarm;
    char text[MTR_TRIAL_TEXT_BYTES]; /* a sentence; empty when it is taken */
    bool is_draft;                   /* the window is not over */
    uint32_t requests, pages, restarts;
    uint64_t bytes;
    uint64_t rows, skipped, problems,
        repeated;                        /* as the vendor counts them; by `skip`; unmapped; equal ones */
    uint64_t same, added, changed, gone; /* against the ledger; 0 where it came to no verdict */
    int64_t newest_us;                   /* time of the newest row; INT64_MIN: there is none */
    int64_t skew_us;                     /* the vendor's clock less ours; INT64_MIN: not known */
    unsigned last_status;                /* of HTTP; 0: nobody answered */
    int last_error;                      /* as of struct mtr_http_answer */
    struct mtr_trial_proof count, sum, flag;
};

/* MTR_EINVALID: the document cannot be read so, and the report says why; MTR_EEXISTS: the ledger's window is
 * settled, and nothing is known of its rows any more; MTR_ENOMEM, MTR_EIO, MTR_EFULL. */
int mtr_trial_begin(struct mtr_trial *trial, const struct mtr_trial_ask *ask, int64_t now_us) MTR_MUST_USE;
/* Goes on as far as it can. True: it is done. *next_us: when to call again, unless an answer comes before. */
bool mtr_trial_step(struct mtr_trial *trial, int64_t now_us, int64_t *next_us);
int mtr_trial_on_piece(struct mtr_trial *trial, const struct mtr_http_answer *answer, struct mtr_str piece);
void mtr_trial_on_answer(struct mtr_trial *trial, struct mtr_http_answer *answer, int64_t now_us);
void mtr_trial_stop(struct mtr_trial *trial); /* done as soon as its request is answered */

void mtr_trial_end(struct mtr_trial *trial); /* it is done; the next may begin */
/* Of the reading that ended last, or could not be begun. */
const struct mtr_trial_report *mtr_trial_report(const struct mtr_trial *trial);

/* The text without the secrets that were used so far, and without what signs links. Appends. */
int mtr_trial_mask(struct mtr_trial *trial, struct mtr_str text, struct mtr_buffer *out) MTR_MUST_USE;

#endif
