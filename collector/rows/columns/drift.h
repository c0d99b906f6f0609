/*
 * Columns of a reading against those that its request had before: `expect.columns` of a source.
 *
 *   grow    a column that was in every row and is in none is told: the reading is taken, and the column stays
 *           expected. One that the map uses is doubted: it is taken when it is said again; so is one of the
 *           map that has no value in any row, and had one in all
 *   exact   and so is one that is new: the reading is not taken, unless somebody accepts it
 *
 * What is expected stands in the ledger, a fold of receipts; a receipt has it where it changed. It begins
 * anew with a document whose `expect`, `format` or mapped columns are others. Readings without rows say
 * nothing, and nothing is said of Prometheus, whose series have the labels that they have.
 */
#ifndef METERD_COLLECTOR_ROWS_COLUMNS_DRIFT_H
#define METERD_COLLECTOR_ROWS_COLUMNS_DRIFT_H

#include "collector/rows/columns/columns.h"
#include "meterd/source/source.h"

enum { DRIFT_TEXT_BYTES = 240 };

struct drift {
    char text[DRIFT_TEXT_BYTES]; /* empty: the columns are as expected */
    enum {
        DRIFT_TAKEN,
        DRIFT_DOUBTED, /* the reading is not taken until it is said again */
        DRIFT_REFUSED  /* … until somebody accepts it */
    } verdict;
    struct mtr_buffer columns;   /* what is expected from now on, if it is taken; empty: what was */
};

/* `expected` is borrowed meanwhile. Errors of memory. */
int drift_find(const struct mtr_source *source, struct mtr_str expected, const struct columns *seen,
               struct drift *out) MTR_MUST_USE;
void drift_release(struct drift *drift);

#endif
