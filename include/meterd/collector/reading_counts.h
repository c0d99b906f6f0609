/*
 * What the rows of a reading came to; of one that was only tried, what they would have come to.
 */
#ifndef METERD_COLLECTOR_READING_COUNTS_H
#define METERD_COLLECTOR_READING_COUNTS_H

#include <stdint.h>

struct mtr_reading_counts {
    uint64_t rows;                       /* that came, skipped ones included */
    uint64_t skipped, problems;          /* of them: by the map's `skip`; that the map makes no event of */
    uint64_t repeated;                   /* of them, equal to another one */
    uint64_t same, added, changed, gone; /* held against what the window has */
    uint64_t moved, elsewhere;           /* that another window had; that stay in another one */
    uint64_t refused, held, not_active;  /* of those that were sent to the log */
};

#endif
