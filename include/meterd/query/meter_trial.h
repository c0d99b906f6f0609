/*
 * What a meter would have made of the last stored events, before it is applied: how many count, what it makes
 * of them, how many its filter leaves out, and why the others would not count.
 *
 * One pass over the end of the log, for several meters at once. An event of a meter's type is asked the same
 * question that the fold will ask (meter_take.h). Events that were taken back, as far as the fold knows, and
 * those whose subject has no subscription of the meter's service, are told apart. Reads log and rollups in
 * short read transactions, and writes nothing.
 */
#ifndef METERD_QUERY_METER_TRIAL_H
#define METERD_QUERY_METER_TRIAL_H

#include "meterd/catalog/catalog.h"
#include "meterd/catalog/meter_take.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

enum { MTR_METER_TRIALS_MAX = 32, MTR_METER_TRIAL_REASONS_MAX = 8 };

/* Why some events would not count. */
struct mtr_meter_trial_reason {
    enum mtr_take take;       /* LACKS, RETIRED or FAULT */
    enum mtr_take_fault fault;
    struct mtr_str property;  /* the meter's; empty: none */
    uint64_t events;
    uint64_t first_seq;
};

struct mtr_meter_trial {
    const struct mtr_meter *meter;
    uint64_t looked_at; /* events of any type */
    uint64_t events;    /* of its type, sent by its vendor: the sum of all below */
    uint64_t counted;
    uint64_t filtered;
    uint64_t voided;    /* taken back */
    uint64_t elsewhere; /* of no subscription of its service */
    /* What the aggregation makes of those counted, as a query of one window over all of them gives it: of a
     * counter without what stood before them. None of levels and percentiles, which are measured by time, of
     * min, max and last without an event, and of more values than there is memory for. */
    bool has_quantity;
    struct mtr_quantity quantity;
    struct mtr_quantity least, largest; /* of the events' quantities; unique: 0 */
    struct mtr_meter_trial_reason reasons[MTR_METER_TRIAL_REASONS_MAX]; /* the last one takes the rest */
    uint32_t reason_count;
};

struct mtr_meter_trial_options {
    struct mtr_log *log;         /* of this process */
    struct mtr_rollups *rollups;
    const struct mtr_catalog *catalog; /* with the meters */
    uint64_t events_max;               /* the last so many, of any type */
};

/* Of unique and counters, whose values are kept: of all trials of a question together. */
enum { MTR_METER_TRIAL_BYTES_MAX = 64 << 20 };

/* Fills the trials, whose meters are set. Errors: those of the stores, MTR_EOVERFLOW, MTR_ENOMEM. */
int mtr_meter_trial(const struct mtr_meter_trial_options *options, struct mtr_meter_trial *trials,
                    uint32_t count) MTR_MUST_USE;

#endif
