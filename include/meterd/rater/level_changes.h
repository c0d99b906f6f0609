/*
 * Levels of a time-weighted meter out of a source of use, as changes over time: what slicing.h measures.
 *
 * The meter has one list of points for each combination of its dimensions, over all hours. What a list stood
 * at before a moment is one seek where events report the level, and the sum of the cells before it where
 * they report changes.
 *
 * Only events within the subscription's term count; before the first the level is what the subscription
 * begins with (its `opening`), or zero. A value that holds
 * from its day counts from the day's local midnight, so that of several of one day the last holds.
 */
#ifndef METERD_RATER_LEVEL_CHANGES_H
#define METERD_RATER_LEVEL_CHANGES_H

#include "meterd/rater/use_source.h"

struct mtr_level_change {
    struct mtr_str dimensions; /* of the list, as in a cell's key; borrowed until the hook returns */
    int64_t time_us;           /* it holds from there on: from_us for what stood before */
    struct mtr_quantity change;
    uint64_t seq_first, seq_last; /* what it came of; 0: of no event */
};

/* Of one meter, and the time that is asked for. */
struct mtr_levels_question {
    const struct mtr_use_source *source;
    void *source_context;
    struct mtr_use_stream stream;
    int64_t from_us, until_us;
};

/* Every change that has an effect in [from, until). Changes of a list come in order of time. A hook result
 * other than 0 stops and is returned. *read_count grows by the rows that were read. Errors: MTR_EOVERFLOW
 * and the source's. */
typedef int (*mtr_levels_on_change)(void *context, const struct mtr_level_change *change);
int mtr_levels_walk(const struct mtr_levels_question *question, mtr_levels_on_change on_change, void *context,
                    uint64_t *read_count) MTR_MUST_USE;

#endif
