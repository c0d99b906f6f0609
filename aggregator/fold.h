/*
 * The fold's inside: one step's state, and the pieces that a step is made of. Private to aggregator/.
 *
 * Which events a meter counts, at any moment:  covered(meter) = all sequences before next_seq, without the
 * stretch [catch_up.next_seq, catch_up.end_seq) of a meter that still catches up. An event counts for a meter
 * that it matches when its sequence is covered, it is not held, not by the meter either (quota.c), and it is
 * not voided. A retired meter matches what is before its date only, and the date moves only where it decides
 * of no event that was folded (catalog_change.c). Every piece keeps this law, so the end is the same in any
 * order:
 *   reassign    moves what counts for another subscription of the subject by now (handover/reassign.h)
 *   main fold   covers next_seq (fold.c)
 *   void        subtracts where it is covered (voids.c)
 *   release     makes a held event count where it is covered (release.c)
 *   catch-up    covers one more sequence, once no release is left (catch_up.c)
 *   recut       folds cells again where the catalog cuts them anew; what counts stays (recut.c)
 *   flow        lets events flow that a meter held beyond its quota of dimension values (flow.c)
 * A voided event is added and subtracted again wherever it first counts, so that it leaves the same traces.
 */
#ifndef METERD_AGGREGATOR_FOLD_H
#define METERD_AGGREGATOR_FOLD_H

#include "aggregator/cell_table.h"
#include "aggregator/event_quantity.h"
#include "aggregator/member_table.h"
#include "meterd/aggregator/aggregator.h"

struct mtr_catch_up {
    uint32_t meter;
    uint64_t next_seq;
    uint64_t end_seq; /* from here on the main fold knew the meter */
};

struct mtr_void {
    uint64_t target_seq;
    uint64_t seq;
};

struct mtr_hour_slot {
    uint32_t subscription; /* 0: free */
    struct mtr_hour hour;
};
enum {
    MTR_HOUR_SLOTS = 4096,
    MTR_TYPE_SLOTS = 256,
    MTR_RETIRED_SLOTS = 64,
    MTR_ADMITTED_SLOTS = 1 << 18,
    MTR_RELEASE_CHUNK = 4096,
    MTR_STEP_MEMBERS_MAX = 1 << 18, /* more are written before the step's end */
    MTR_CATCH_UPS_MAX = 65536
};

struct mtr_held_row {
    uint64_t seq;
    bool voided;
};

struct mtr_aggregator {
    struct mtr_rollups *rollups;   /* borrowed */
    struct mtr_log_reader *reader; /* borrowed */
    uint32_t step_events_max;

    /* One step. */
    struct mtr_rollups_txn *txn;
    const struct mtr_catalog *catalog;
    struct mtr_diagnostic *diagnostic;
    struct mtr_cell_table cells;
    struct member_table *members; /* of these cells: the step's, or a recount's own */
    struct member_table step_members;
    struct mtr_arena member_arena;
    uint32_t budget;    /* events left */
    uint64_t events;    /* done */
    bool state_changed; /* anything but cells was written */
    struct mtr_catch_up *catch_ups;
    uint32_t catch_up_count;
    uint32_t catch_up_capacity;
    bool releasing; /* held events wait for their release */
    bool flowing;   /* events that meters hold wait for their turn */
    uint64_t uncounted_seq; /* up to here values of dimensions count without a quota; 0: they are counted */
    uint64_t flow_version; /* of the catalog by whose quotas that was last decided; 0: not known */
    struct mtr_void *voids;
    uint32_t void_count;
    uint32_t void_capacity;

    /* The block last read: events borrowed until the next read. */
    struct mtr_block_header block;
    const struct mtr_event *block_events; /* NULL: none */
    struct mtr_str last_type;             /* of this block, known to be noted */
    struct mtr_str last_vendor;

    struct fold_recut *recut; /* owned */
    struct fold_moves *moves; /* owned */
    struct mtr_held_row *held_rows; /* MTR_RELEASE_CHUNK */
    struct mtr_hour_slot hours[MTR_HOUR_SLOTS];
    struct mtr_hash128 types[MTR_TYPE_SLOTS]; /* types whose first sequence is stored */
    uint32_t retired[MTR_RETIRED_SLOTS];      /* meters whose date is known to have decided; 0: free */
    struct mtr_hash128 admitted[MTR_ADMITTED_SLOTS]; /* values that are known to count */
};

/* The event of that sequence, also one that was carried. MTR_ENOTFOUND: retention has dropped it, or it is
 * not there yet. Borrowed until the next call. */
int fold_read(struct mtr_aggregator *aggregator, uint64_t seq, const struct mtr_event **out) MTR_MUST_USE;
/* The block that holds seq, or the first after it. MTR_ENOTFOUND: nothing. */
int fold_read_block(struct mtr_aggregator *aggregator, uint64_t seq) MTR_MUST_USE;
/* The same, or events that were carried from before the log's begin. */
int fold_read_kept(struct mtr_aggregator *aggregator, uint64_t seq) MTR_MUST_USE;

/* With its cells cut as they are in the store now. NULL: the catalog has no such subject. */
const struct mtr_subscription *fold_find_subscription(const struct mtr_aggregator *aggregator,
                                                      const struct mtr_event *event);
struct mtr_resolved {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *const *meters;
    uint32_t meter_count;
    bool held;                   /* the subscription, or any meter of the type, is unknown */
    enum mtr_held_reason reason; /* what it waits for, when it waits */
    struct mtr_str name;         /* of what it waits for, borrowed from the event */
};
struct mtr_resolved fold_resolve(const struct mtr_aggregator *aggregator, const struct mtr_event *event);
/* Its meters are known, but of all that would count it each lacks a property of it or was retired by its
 * time: it waits for one that can take it, as an event whose type no meter names. */
int fold_waits(struct mtr_aggregator *aggregator, const struct mtr_resolved *resolved,
               const struct mtr_event *event, uint64_t seq, bool *waiting) MTR_MUST_USE;
int fold_hold(struct mtr_aggregator *aggregator, const struct mtr_event *event, enum mtr_held_reason reason,
              uint64_t seq, bool is_voided) MTR_MUST_USE;

/* How an event comes to a meter that may count it. */
enum fold_way {
    FOLD_FROM_LOG,
    FOLD_RELEASED_BY_SUBJECT, /* `released_for` a subscription */
    FOLD_RELEASED_BY_TYPE,    /* … a meter */
    FOLD_CAUGHT_UP,
    FOLD_FLOWED, /* it was beyond the meter's quota */
    FOLD_AGAIN,  /* it was folded before */
};
/* What an event does to the cells of one meter, and back. */
struct mtr_effect {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    int sign;        /* 1 adds, -1 subtracts what was added */
    enum fold_way way;
    uint32_t released_for; /* number of what the release is of */
    uint64_t by_seq; /* the sequence that does it: the event's own, or the void's */
    const struct mtr_hour *hours; /* only cells that begin in one of them; ascending */
    uint32_t hour_count;          /* 0: all cells */
    bool only_cells; /* it was folded before: lists over all hours, quarantine and facts have it already */
    bool counts_held; /* of a recount: what waits for the subscription counts */
    struct mtr_hour lists; /* of a recount: for cells of that time lists gather in memory, too; empty: none */
};
/* The first of ascending hours that ends after that time; count: none. */
static inline uint32_t fold_find_hour(const struct mtr_hour *hours, uint32_t count, int64_t time_us)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (hours[middle].end_us <= time_us) low = middle + 1;
        else high = middle;
    }
    return low;
}
/* Can an event of that time, spread over so much, give to a cell of these hours? */
static inline bool fold_reaches(const struct mtr_hour *hours, uint32_t count, int64_t time_us,
                                int64_t spread_us)
{
    const uint32_t at = fold_find_hour(hours, count, time_us);
    return at < count && hours[at].start_us - spread_us <= time_us;
}
int fold_apply(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
               const struct mtr_event *event, uint64_t seq) MTR_MUST_USE;
/* The reading of a counter that follows another in its list gains or loses by it: its cell is written
 * anew. */
int fold_follow_reading(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                        struct mtr_str dimensions, const struct mtr_point *after) MTR_MUST_USE;
/* The same, and what the meter made of it. */
int fold_offer(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
               const struct mtr_event *event, uint64_t seq, enum event_counts *counts) MTR_MUST_USE;
bool fold_covers(const struct mtr_aggregator *aggregator, uint32_t meter, uint64_t seq);
/* How an event stands that was folded before; found when it is first asked for. */
struct fold_standing {
    bool is_known;
    bool is_held;      /* it counts when it is released */
    uint64_t void_seq; /* 0: it was not taken back */
};
/* Gives it to cells that were emptied, or are counted again, and takes it back where it is voided: what
 * counts by now, and nothing else. Sign and by_seq of the effect are not looked at. (count_again.c) */
int fold_count_again(struct mtr_aggregator *aggregator, const struct mtr_effect *of,
                     const struct mtr_event *event, uint64_t seq,
                     struct fold_standing *standing) MTR_MUST_USE;
int fold_quarantine(struct mtr_aggregator *aggregator, uint64_t seq, uint32_t meter, const char *reason,
                    const char *text) MTR_MUST_USE;

/* Looks under both names that the event may be held by; fills *held. MTR_ENOTFOUND: it is not held. */
int fold_find_held(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq,
                   struct mtr_held_event *held) MTR_MUST_USE;
/* Does any event wait for that reason and name? Both empty: for that reason at all. */
int fold_is_any_held(struct mtr_aggregator *aggregator, enum mtr_held_reason reason, struct mtr_str vendor,
                     struct mtr_str name, bool *any) MTR_MUST_USE;

/* The part of the log that cells name. */
struct fold_log_range {
    uint64_t seq_first, seq_last; /* seq_first above seq_last: no cell */
};
#define FOLD_NO_LOG_RANGE ((struct fold_log_range){UINT64_MAX, 0})
static inline void fold_widen(struct fold_log_range *range, uint64_t seq_first, uint64_t seq_last)
{
    if (seq_first < range->seq_first) range->seq_first = seq_first;
    if (seq_last > range->seq_last) range->seq_last = seq_last;
}
/* Widens it by that of those cells (log_range.c). */
int fold_find_log_range(struct mtr_aggregator *aggregator, const struct mtr_cell_range *cells,
                        struct fold_log_range *range) MTR_MUST_USE;
/* Its events in order. Another code of the hook than MTR_OK ends the walk. MTR_EMISSING: some of it has left
 * the log; MTR_ECORRUPT. The hook reads no block. */
typedef int (*fold_on_event)(void *context, const struct mtr_event *event, uint64_t seq);
int fold_walk_log(struct mtr_aggregator *aggregator, const struct fold_log_range *range,
                  fold_on_event on_event, void *context) MTR_MUST_USE;

/* Does the meter count these values of its dimensions, for an event that adds? If not, it holds the event
 * (quota.c). */
int fold_admit(struct mtr_aggregator *aggregator, const struct mtr_effect *effect, struct mtr_str dimensions,
               bool *admitted) MTR_MUST_USE;
/* Does the meter hold that event? */
int fold_is_beyond(struct mtr_aggregator *aggregator, const struct mtr_effect *effect, uint64_t seq,
                   bool *beyond) MTR_MUST_USE;
/* Of a meter and a subscription's subject. What has more values was counted before there were quotas. */
struct fold_quota {
    struct mtr_values_of of;
    struct mtr_values_count count;
    uint64_t values_max;
};
int fold_find_quota(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                    const struct mtr_meter *meter, struct fold_quota *out) MTR_MUST_USE;
static inline bool fold_has_room(const struct fold_quota *quota)
{
    return quota->count.admitted < quota->values_max;
}
/* What is held is to be looked at from the first event on, also where that was under way. */
int fold_begin_flow(struct mtr_aggregator *aggregator, const struct mtr_values_of *of) MTR_MUST_USE;
/* Rollups of before there were quotas: what was folded is counted, once all of it is there. */
int fold_count_values(struct mtr_aggregator *aggregator, uint64_t next_seq) MTR_MUST_USE;
/* What a meter holds flows where its quota has room by now, once no release and no catch-up is left
 * (flow.c). */
int fold_plan_flows(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_flow(struct mtr_aggregator *aggregator) MTR_MUST_USE;

/* The subscriptions of one subject and service, by start, where there are several (handover/stray.c). */
struct fold_run {
    const struct mtr_subscription *const *terms;
    uint32_t count;
};
bool fold_find_run(const struct mtr_subscription *subscription, struct fold_run *run);
/* The number that its fact goes by: the lowest stays the lowest. */
uint32_t fold_run_number(const struct fold_run *run);
/* Is use given out by other starts than these, or by none yet? */
int fold_is_given_out_otherwise(struct mtr_rollups_txn *txn, const struct fold_run *run,
                                bool *out) MTR_MUST_USE;
int fold_note_starts(struct mtr_aggregator *aggregator, const struct fold_run *run) MTR_MUST_USE;
/* Time around all cells of the run that hold another's use of a meter, by these starts; and that time in
 * the hours of one of them: their zones may cut it elsewhere. */
struct fold_stray {
    int64_t from_us, to_us; /* from_us above to_us: there are none */
};
#define FOLD_NO_STRAY ((struct fold_stray){INT64_MAX, INT64_MIN})
static inline bool fold_is_any_stray(const struct fold_stray *stray)
{
    return stray->from_us < stray->to_us;
}
int fold_find_stray(struct mtr_rollups_txn *txn, const struct fold_run *run, const struct mtr_meter *meter,
                    struct fold_stray *out) MTR_MUST_USE;
struct mtr_hour fold_stray_hours(const struct fold_stray *stray, const struct mtr_subscription *subscription);
/* Gives use to the subscriptions of a subject that have it by the catalog in force (handover/reassign.h):
 * plan at a step's begin, then switch what is scanned, before anything else is folded; scan with what is left
 * of the step. *change: the feed's newest number. */
int fold_moves_open(struct fold_moves **out) MTR_MUST_USE;
void fold_moves_close(struct fold_moves *moves);
void fold_moves_forget(struct fold_moves *moves); /* a step failed: what was done is undone */
int fold_reassign_plan(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_reassign_switch(struct mtr_aggregator *aggregator, uint64_t *change) MTR_MUST_USE;
int fold_reassign_scan(struct mtr_aggregator *aggregator) MTR_MUST_USE;
bool fold_reassign_is_waiting(const struct mtr_aggregator *aggregator);
/* Does the cell that begins there wait to be folded again, for another of the subject? */
bool fold_reassign_waits(const struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                         int64_t start_us);
/* An event counts now that hours of a move may have to be folded again with. */
int fold_reassign_note(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                       const struct mtr_event *event, uint64_t seq) MTR_MUST_USE;
/* Is the log still there from that sequence on? */
int fold_is_in_log(struct mtr_aggregator *aggregator, uint64_t seq, bool *out) MTR_MUST_USE;
/* Puts the members that the step has gathered into the store. */
int fold_write_members(struct mtr_aggregator *aggregator) MTR_MUST_USE;
/* Main fold of [*next_seq, …); *drained when the log has no more. Then the voids it met. */
int fold_log(struct mtr_aggregator *aggregator, uint64_t *next_seq, bool *drained) MTR_MUST_USE;
int fold_voids(struct mtr_aggregator *aggregator) MTR_MUST_USE;

/* Takes note of what the catalog has learned since the last step: releases to do and meters to catch up
 * (catch_up.c). */
int fold_load(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_attach(struct mtr_aggregator *aggregator, uint64_t next_seq) MTR_MUST_USE;
/* The highest number of a meter that the fold has taken note of. */
int fold_known_meters(struct mtr_aggregator *aggregator, uint32_t *out) MTR_MUST_USE;
int fold_catch_up(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_release(struct mtr_aggregator *aggregator) MTR_MUST_USE;

/* Cells that the catalog cuts anew (recut.c). plan: what the snapshot asks for, at a step's begin; then
 * `switch` those whose events are known, before anything else is folded; `scan` for events with what is left
 * of the step. */
int fold_recut_open(struct fold_recut **out) MTR_MUST_USE;
void fold_recut_close(struct fold_recut *recut);
void fold_recut_forget(struct fold_recut *recut); /* a step failed: what was done is undone */
int fold_recut_plan(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_recut_switch(struct mtr_aggregator *aggregator) MTR_MUST_USE;
int fold_recut_scan(struct mtr_aggregator *aggregator) MTR_MUST_USE;
bool fold_recut_is_waiting(const struct mtr_aggregator *aggregator);
/* As the store has it: the subscription itself, or one with its former cuts. */
const struct mtr_subscription *fold_recut_known(const struct mtr_aggregator *aggregator,
                                                const struct mtr_subscription *subscription);
/* An event counts now that a waiting cell may have to be folded again with. */
int fold_recut_note(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                    const struct mtr_event *event, uint64_t seq) MTR_MUST_USE;

/* Refuses a change of the catalog that would give use to another subscription of its subject where its part
 * of the log is gone. */
int fold_check_reassign(struct mtr_aggregator *aggregator, const struct mtr_catalog *after,
                        struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Refuses a change of the catalog that would cut cells whose part of the log is gone (cut_check.c). */
int fold_check_cuts(struct mtr_aggregator *aggregator, const struct mtr_catalog *before,
                    const struct mtr_catalog *after, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Facts. Numbers are big-endian.
 *   catalog                            subscriptions u32 | meters u32 known to the fold
 *   type/<vendor> 0x1F <type>          u64 first sequence of that type
 *   catch_up/<u32 meter>               u64 next | u64 end; only while it runs
 *   release/<s or m><u32 number>       u64 last sequence looked at; only while it runs
 *   flow/<u32 owner><u32 meter>        u64 last sequence looked at; only while it runs (flow.c)
 *   uncounted, allowed/…               of before there were quotas: store/rollups.h
 *   cut/<u32 subscription>             instants i64 …: store/rollups.h
 *   moving/…                           use that changes hands; only while it does: store/rollups.h
 *   starts/<u32 subscription>          u64 hash of the starts by which a subject's use was given out; the
 *                                      first of its subscriptions
 *   retired/<u32 meter>                u64 1: an event did not count because the meter was retired by then */
enum { MTR_FACT_NAME_BYTES_MAX = 300 };
struct mtr_fact_name {
    char data[MTR_FACT_NAME_BYTES_MAX];
    size_t size;
};
#define MTR_FACT_CATCH_UP "catch_up/"
#define MTR_FACT_RELEASE_METER "release/m"
#define MTR_FACT_RELEASE_SUBSCRIPTION "release/s"
#define MTR_FACT_RETIRED "retired/"
#define MTR_FACT_FLOW "flow/"
struct mtr_fact_name fact_type(struct mtr_str vendor, struct mtr_str type);
struct mtr_fact_name fact_number(const char *prefix, uint32_t number);
struct mtr_fact_name fact_numbers(const char *prefix, uint32_t first, uint32_t second);
int fact_get_u64(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name,
                 uint64_t *out) MTR_MUST_USE;
int fact_put_u64(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name, uint64_t first,
                 const uint64_t *second) MTR_MUST_USE;
int fact_delete(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name) MTR_MUST_USE;
uint64_t fact_read_u64(const char *bytes);

#endif
