/*
 * Inside of the gathering: one component's meter while its cells and points are read. Private to
 * rater/gather*.c.
 */
#ifndef METERD_RATER_PERIOD_GATHER_PARTS_H
#define METERD_RATER_PERIOD_GATHER_PARTS_H

#include "meterd/core/byte_set.h"
#include "meterd/rater/readings.h"
#include "rater/period/gather.h"
#include "rater/measure/slicing_state.h"

struct rater_gathering {
    const struct mtr_rating *rating;
    const struct mtr_subscription *subscription;
    struct mtr_arena *arena;
    struct mtr_slicing_rule rule;
    uint32_t positions[MTR_METER_GROUP_BY_MAX]; /* of the component's group_by in the meter's */
    struct mtr_slicing *slicing;
    uint32_t *lines; /* by group of the slicing: the line in `groups` */
    uint32_t line_capacity;
    struct mtr_byte_set dimensions; /* of the component's lines */
    struct rater_group *groups;     /* by number in `dimensions` */
    uint32_t group_capacity;
    uint32_t group; /* of the cell or list being read */
    struct mtr_readings_question readings; /* where cells are walked */
    int64_t placed_us;
    uint64_t cell_count;
};

/* The group that a cell's or list's dimensions fall in; RATER_NO_GROUP: its line is not asked for. */
#define RATER_NO_GROUP UINT32_MAX
int rater_gather_group(struct rater_gathering *gathering, struct mtr_str dimensions,
                       uint32_t *group) MTR_MUST_USE;
/* The values that tell a line from others: those of the component's group_by, each ended by 0x1F. */
struct mtr_str rater_line_values(const struct rater_gathering *gathering, struct mtr_str dimensions,
                                 char values[MTR_DIMENSIONS_BYTES_MAX]);
/* Widens the log range of the group's line. For each cell: here, so that it costs no call. */
static inline void rater_gather_range(struct rater_gathering *gathering, uint32_t group, uint64_t seq_first,
                                      uint64_t seq_last)
{
    struct rater_group *line = &gathering->groups[gathering->lines[group]];
    if (!line->seq_first || seq_first < line->seq_first) line->seq_first = seq_first;
    if (seq_last > line->seq_last) line->seq_last = seq_last;
}

/* An input of the component at hand in that part of the period: its meter and the time that counts. False:
 * there is no such meter. */
bool rater_gather_open(struct rater_gathering *gathering, const struct mtr_billing_period *period,
                       uint32_t part, uint32_t input);
/* The stream of use that is being gathered. */
struct mtr_use_stream rater_gather_stream(const struct rater_gathering *gathering);

/* Levels of the meter's lists, as changes of the groups' levels. */
int rater_gather_levels(struct rater_gathering *gathering) MTR_MUST_USE;

#endif
