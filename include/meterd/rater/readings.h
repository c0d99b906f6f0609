/*
 * What a counter grew by within the subscription's term. A cell has the increases up to its readings, each
 * from the reading before it (store/rollups.h), also where that one lies before the subscription's start: it
 * came before the start was told. It is nothing that the subscription used: there its first reading grew from
 * what it begins with (its `opening`), or says only where the counter stands.
 */
#ifndef METERD_RATER_READINGS_H
#define METERD_RATER_READINGS_H

#include "meterd/rater/use_source.h"

/* Of one subscription and meter. */
struct mtr_readings_question {
    const struct mtr_use_source *source;
    void *source_context;
    struct mtr_use_stream stream;
    bool has_earlier; /* filled by mtr_readings_begin */
};

/* Is the question of a counter that was read before the start? All others are as their cells have them. */
int mtr_readings_begin(struct mtr_readings_question *question) MTR_MUST_USE;
/* Of a cell of the term, with readings: *value as the store has it becomes what it is. MTR_EOVERFLOW, and
 * the source's. */
int mtr_readings_in_term(const struct mtr_readings_question *question, const struct mtr_cell_key *key,
                         struct mtr_quantity *value) MTR_MUST_USE;

#endif
