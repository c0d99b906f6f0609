/*
 * One request of events on its way through the collector: decoded, judged, appended, answered.
 *
 *   decode (loop or pool thread) ──▶ queue ──▶ intake step (writer thread) ──▶ answer (loop thread)
 *
 * The request owns everything its events borrow: the arena with decompressed body and decoded properties. It
 * belongs to one thread at a time; the queue hands it over.
 *
 * Few events of a request stand in one block: all or nothing. Many are stored in parts, in their order,
 * beside the events of others, and answered when the last part is stored. If one is not, those before it
 * stand, and the same request again finds them as duplicates. What was read by the poller, and dry runs,
 * have one part.
 */
#ifndef METERD_COLLECTOR_REQUEST_H
#define METERD_COLLECTOR_REQUEST_H

#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/event.h"
#include "meterd/share/lanes.h"
#include "meterd/core/schema.h"

/* What became of one event. ok: the sender is done. fix: resending the same is pointless. retry: resend
 * exactly these. */
#define MTR_RESULT_MAP(X)                                                                                    \
    X(ACCEPTED, "accepted", "ok")   /* durable */                                                            \
    X(DUPLICATE, "duplicate", "ok") /* same identity, same content; seq is the original's */                 \
    X(HELD, "held", "ok")           /* durable; subscription or meter unknown, flows by itself when known */ \
    X(LATE, "late", "ok")           /* durable; becomes a correction of a period that is closed */           \
    X(VOIDED, "voided", "ok")       /* durable; takes back an earlier event */                               \
    X(CONFLICT, "conflict",                                                                                  \
      "fix") /* same identity, other content; kept in quarantine; seq is the original's */                   \
    X(EXPIRED, "expired", "fix")               /* older than the accepted lateness; kept in quarantine */    \
    X(FUTURE, "future", "fix")                 /* too far ahead; kept in quarantine */                       \
    X(INVALID, "invalid", "fix")               /* field and reason say why; not stored */                    \
    X(NOT_ACTIVE, "not_active", "fix")         /* outside the subscription's term; not stored */             \
    X(NOT_AUTHORIZED, "not_authorized", "fix") /* another vendor's subscription; not stored */               \
    X(UNPROCESSED, "unprocessed", "retry")     /* not stored, through no fault of the event */

enum mtr_result_code {
#define MTR_RESULT_ROW(name, text, class_text) MTR_RESULT_##name,
    MTR_RESULT_MAP(MTR_RESULT_ROW)
#undef MTR_RESULT_ROW
    MTR_RESULT_COUNT
};
const char *mtr_result_name(enum mtr_result_code code);

struct mtr_event_result {
    enum mtr_result_code code;
    /* Of the stored event; for duplicate and conflict the original's; 0 when nothing is stored. */
    uint64_t seq;
    /* invalid: the field at fault ("time", "data.bytes"); NULL else. Static or in the arena. */
    const char *field;
    /* A plain sentence for fix and retry; late, of what was sent: the period it corrects; NULL else. */
    const char *reason;
    enum mtr_finding_code finding; /* of the reason; NONE without one */
    /* Keys (struct mtr_str, in the arena) of the meters of its type that pass over it, because it lacks a
     * property of theirs; the first MTR_NOT_COUNTED_MAX. accepted and late only. */
    struct mtr_list not_counted;
};
enum { MTR_NOT_COUNTED_MAX = 16 };

struct mtr_request {
    struct mtr_request *next;  /* of whoever holds it behind the queue */
    struct mtr_lane_item lane; /* of the queue, whose weight are its bytes */
    mtr_owner owner;           /* whose turn in the queue it takes */
    struct mtr_str vendor;     /* key of the credential's vendor; in the arena */
    struct mtr_arena arena;
    /* Index = position in the request; an event that could not be decoded has its result set already. */
    struct mtr_event *events;
    struct mtr_event_result *results;
    uint32_t count;
    /* The events of the group under way, and how many were stored with groups before; the intake's. */
    uint32_t part_first, part_count;
    uint64_t body_bytes; /* decoded size, for the queue's bound */
    bool is_dry_run;     /* judged and answered as if it were sent, and nothing is stored */
    /* Rows that the poller read, with what it says itself: their dispositions and targets stand in the events
     * (NORMAL, VOID, REFUSED, NOTE); no age is too old, and a row that a sender would be told of is stored as
     * REFUSED, its result saying why. A NORMAL one with a target is in quarantine at that sequence: it is
     * stored when it counts now, and else stays there. */
    bool is_reading;
    /* Of a reading whose rows are known again by their ids alone: one of before that is refused, unless it is
     * known, since it may have counted and been forgotten. 0: none is. */
    int64_t refused_before_us;
    uint32_t counts[MTR_RESULT_COUNT]; /* filled with the answer */
    uint32_t not_counted; /* events that some meter passes over; filled with the answer */
    /* Empty, with room for the answer from before the commit on: what is stored can be told. */
    struct mtr_buffer answer;
    int error; /* 0 when results stand; MTR_EFULL, MTR_EIO …: what follows the first part_first events is not
                  known to be stored, answer 503 */
    void *context; /* of whoever waits for the answer */
};

/* Of a reading's request that is judged: so many of its rows could be mapped, and are in quarantine all the
 * same; those outside of a subscription's term are none of them. */
uint32_t mtr_request_quarantined(const struct mtr_request *request);

void mtr_request_init(struct mtr_request *request, size_t arena_bytes_max);
/* For the next request: as after init, with the largest chunk of the arena kept, and an answer's room if it
 * is small. */
void mtr_request_reset(struct mtr_request *request);
void mtr_request_release(struct mtr_request *request);

/* {"accepted":998,"duplicate":1,…,
 *  "results":[{"index":3,"id":"…","result":"duplicate","seq":17,"class":"ok"},…]}:
 * counts of all, and one row per event that is not plainly accepted or that a meter does not count. */
extern const struct mtr_shape mtr_request_shape;
int mtr_request_write_json(const struct mtr_request *request, struct mtr_buffer *out) MTR_MUST_USE;
/* What that writes is no longer, once the results stand. */
size_t mtr_request_answer_bytes(const struct mtr_request *request);

#endif
