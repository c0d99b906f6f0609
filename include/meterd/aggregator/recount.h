/*
 * Cells counted again for a question. The store's cells are cut at the instants that the catalog in force
 * names (catalog/cell.h); a question may have others: the begin and end of a query, windows of another zone,
 * a draft whose version, trial or term begins inside an hour. Where such an instant lies inside an hour that
 * has cells, the cells of that hour are counted again in memory, from the part of the log that they name and
 * by the rules of the fold, and cut as the question wants them. Everything else is read from the store.
 *
 * A draft may give use to another subscription of the subject, too: each start is where it goes from one to
 * the next. Then the hours whose use changes hands are counted again, for all of these, with the lists of
 * levels and readings that go over all hours.
 *
 *   begin ──▶ assume, ask, ask … ──▶ count: one pass over the log for all that was asked ──▶ walk …
 *
 * A draft may also know a subject, or a service of it, whose events wait for that: they are counted for the
 * draft's subscriptions, all of them that the log still has, by meters that are in force.
 *
 * Or events are assumed: as if the log had them, too, and some of those that it has were taken back. The
 * cells that they touch are the store's, with what the fold would add to them and take off. No log is read.
 *
 * Else what counts is what counts in the store, in the moment of the transaction: the same events, held and
 * voided ones as the store has them, are only added up in other pieces. That they come to the same is
 * checked. A question whose instants all begin a cell reads no log and costs a look at the cuts of each
 * subscription.
 *
 * Bounded in memory and in events that are looked at. Reads only. One thread; everything of begin and ask is
 * borrowed until the next begin, or close.
 */
#ifndef METERD_AGGREGATOR_RECOUNT_H
#define METERD_AGGREGATOR_RECOUNT_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct mtr_recount;

struct mtr_recount_options {
    struct mtr_log_reader *reader; /* borrowed; NULL: there is no log */
    uint64_t events_max;           /* of the log, looked at for one question */
    size_t bytes_max;              /* of what was asked and counted */
};

int mtr_recount_open(const struct mtr_recount_options *options, struct mtr_recount **out) MTR_MUST_USE;
void mtr_recount_close(struct mtr_recount *recount);

/* Another question, of the moment of that transaction. The catalog is the one in force; by the starts of
 * `owners`, the same or a draft, events are a subscription's. */
void mtr_recount_begin(struct mtr_recount *recount, struct mtr_rollups_txn *txn,
                       const struct mtr_catalog *catalog, const struct mtr_catalog *owners);

/* Cells that are to be cut at these instants, ascending; those that begin a cell already cost nothing. */
struct mtr_recount_request {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter; /* NULL: all of its service. Each pair is asked for once */
    const int64_t *cuts_us;
    uint32_t cut_count;
    /* Use is where the starts of its catalog have it, also where the store has it elsewhere. Then all
     * subscriptions of its subject and service are asked for so, with all their meters. */
    bool by_starts;
};
/* Errors: the store's. That it is too much, the count says. */
int mtr_recount_ask(struct mtr_recount *recount, const struct mtr_recount_request *request) MTR_MUST_USE;

/* An event behind all that is folded, or one that was folded and is taken back. */
struct mtr_assumed_event {
    const struct mtr_event *event; /* as the log has it; only one that may count does anything */
    uint64_t seq;                  /* its own; of a new one above all that are folded */
    uint64_t void_seq;             /* by which it is taken back; 0: it is new. At most once */
};
/* In the order of the log; borrowed until the next begin. Cells of the store must be where the catalog has
 * them: nothing may be asked for of the same subscriptions. Errors: MTR_EOVERFLOW, MTR_EIO. That it is too
 * much, the count says. */
int mtr_recount_assume(struct mtr_recount *recount, const struct mtr_assumed_event *events,
                       uint32_t count) MTR_MUST_USE;
/* Whose cells that touches, and from the first hour to the last. */
typedef int (*mtr_recount_on_touched)(void *context, const struct mtr_subscription *subscription,
                                      const struct mtr_meter *meter, struct mtr_hour span);
int mtr_recount_walk_touched(const struct mtr_recount *recount, mtr_recount_on_touched on_touched,
                             void *context) MTR_MUST_USE;
/* Was anything found that must be counted? Else the store is as the question wants it. */
bool mtr_recount_has_work(const struct mtr_recount *recount);

/* Counts what was asked for. With MTR_EMISSING (that part of the log is gone), MTR_ELIMIT (more than the
 * bounds) and MTR_EAGAIN (the store holds other use than its events give, as while it waits to be given to
 * another subscription) the diagnostic has a sentence that says what to do. Others: MTR_EOVERFLOW, MTR_EIO,
 * MTR_ECORRUPT, MTR_ENOMEM. */
int mtr_recount_count(struct mtr_recount *recount, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Events of the log that all counts so far have looked at. */
uint64_t mtr_recount_looked_at(const struct mtr_recount *recount);

/* As the functions of the store with these names (rollups.h), with the cells that were counted in the place
 * of the store's. `change` of such a cell is 0. What they hand on is borrowed until the question's end. */
int mtr_recount_walk_cells(const struct mtr_recount *recount, const struct mtr_cell_range *range,
                           mtr_rollups_on_cell on_cell, void *context) MTR_MUST_USE;
int mtr_recount_last_member(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                            struct mtr_member *out) MTR_MUST_USE;
int mtr_recount_walk_members(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                             mtr_rollups_on_member on_member, void *context) MTR_MUST_USE;
/* Lists over all hours: the point before a time, and those of a stretch; MTR_CELL_ALL_HOURS is their start.
 * The next one behind *after, NULL: the first. */
int mtr_recount_point_before(const struct mtr_recount *recount, const struct mtr_cell_key *list,
                             int64_t time_us, struct mtr_point *out) MTR_MUST_USE;
int mtr_recount_walk_list(const struct mtr_recount *recount, const struct mtr_cell_key *list,
                          struct mtr_hour within, mtr_rollups_on_point on_point, void *context) MTR_MUST_USE;
int mtr_recount_next_list(const struct mtr_recount *recount, uint32_t subscription, uint32_t meter,
                          const struct mtr_str *after, struct mtr_str *dimensions) MTR_MUST_USE;
/* All points of a cell. */
int mtr_recount_walk_points(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                            mtr_rollups_on_point on_point, void *context) MTR_MUST_USE;

#endif
