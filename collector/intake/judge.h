/*
 * The judgement of one event: a function of event, catalog, time and options. What the dedup index knows is
 * the intake's part.
 *
 *   limits ─▶ (dedup) ─▶ time ─▶ (void: target in the index) ─▶ subscription ─▶ term ─▶ meters ─▶ values
 *          ─▶ late
 *
 * A verdict's texts are static or in the arena given. The judge keeps a cache of each subscription's open
 * billing period and of the closed one that it met last, so that lateness costs a compare; it belongs to one
 * thread.
 */
#ifndef METERD_COLLECTOR_INTAKE_JUDGE_H
#define METERD_COLLECTOR_INTAKE_JUDGE_H

#include "meterd/catalog/catalog.h"
#include "meterd/collector/request.h"
#include "meterd/core/limits.h"

struct mtr_verdict {
    enum mtr_result_code code; /* ACCEPTED: nothing to object so far */
    const char *field;
    const char *reason;
    enum mtr_finding_code finding; /* of the reason */
    struct mtr_list not_counted; /* as in struct mtr_event_result */
    struct mtr_period corrected;  /* LATE: the closed period; judge_late_reason makes a sentence of it */
};

struct mtr_judge_options {
    int64_t lateness_us; /* an event older than this is expired */
    int64_t future_us;   /* one further ahead than this is future */
    int64_t grace_us;    /* after a period's end, until its usage is late */
};

/* What the time of an event is held against. A clock that is wrong does not refuse an event: it is expired or
 * future only where both clocks say so (meterd/core/trusted_time.h). */
struct mtr_judge_times {
    int64_t earliest_us, latest_us;
    /* Of what may have been received by then it is not known any more whether it came before: as of
     * mtr_dedup_forgotten_us. */
    int64_t forgotten_us;
};

struct mtr_open_period;

struct mtr_judge {
    struct mtr_judge_options options;
    struct mtr_open_period *periods; /* by subscription number - 1 */
    uint32_t period_count;
    uint64_t catalog_version; /* that `periods` was made for */
};

void judge_init(struct mtr_judge *judge, const struct mtr_judge_options *options);
void judge_release(struct mtr_judge *judge);
/* Before the events of one catalog snapshot. MTR_ENOMEM. */
int judge_begin(struct mtr_judge *judge, const struct mtr_catalog *catalog) MTR_MUST_USE;

/* Sizes of attributes and data: what nothing after it could store. INVALID or ACCEPTED. */
struct mtr_verdict judge_limits(const struct mtr_event *event, struct mtr_arena *arena);
/* Names that are the daemon's own. INVALID or ACCEPTED. */
struct mtr_verdict judge_names(const struct mtr_event *event);
/* FUTURE or ACCEPTED. */
struct mtr_verdict judge_future(const struct mtr_judge *judge, const struct mtr_event *event,
                                int64_t latest_us);
/* EXPIRED, FUTURE or ACCEPTED. */
struct mtr_verdict judge_time(const struct mtr_judge *judge, const struct mtr_event *event,
                              const struct mtr_judge_times *times);
/* What the index knows to object: an id with other content; a void of what is not there, and of a void. */
extern const struct mtr_verdict judge_is_conflict, judge_is_forgotten, judge_is_of_nothing, judge_is_of_void;
/* The id that a void names, or INVALID. */
struct mtr_verdict judge_void(const struct mtr_event *event, struct mtr_str *target_id);
/* Against the catalog: ACCEPTED, HELD, LATE, or not stored: INVALID, NOT_ACTIVE, NOT_AUTHORIZED. */
struct mtr_verdict judge_usage(struct mtr_judge *judge, const struct mtr_catalog *catalog,
                               const struct mtr_event *event, int64_t now_us, struct mtr_arena *arena);

/* What would become of it, by whose it is, what it is of and what it says: terms and times are not looked at.
 * Without a word, and without memory. */
enum judge_outlook {
    JUDGE_WOULD_COUNT,
    JUDGE_WOULD_PASS, /* filters of all its meters leave it out */
    JUDGE_WOULD_HOLD,
    JUDGE_WOULD_REFUSE
};

/* Of the event before: those of one subject and type mostly stand together. One catalog's; zero it first. */
struct judge_last {
    char subject[MTR_EVENT_SUBJECT_BYTES_MAX], type[MTR_EVENT_TYPE_BYTES_MAX];
    uint32_t subject_size, type_size; /* subject_size 0: there is none */
    const struct mtr_subscription *subscription;
    bool is_foreign; /* another vendor's */
    const struct mtr_meter *const *meters;
    uint32_t meter_count;
};

enum judge_outlook judge_outlook_of(const struct mtr_catalog *catalog, const struct mtr_event *event,
                                    struct judge_last *last);

/* For whoever is told of it: nobody is of a row that was polled. */
const char *judge_late_reason(const struct mtr_verdict *verdict, struct mtr_arena *arena);

#endif
