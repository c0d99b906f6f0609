/*
 * Rows of a request by time, cut at cells, each with the component that it is of. Private to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_QUOTE_PIECES_H
#define METERD_DAEMON_QUERY_QUOTE_QUOTE_PIECES_H

#include "daemon/query/quote/quote_use.h"

/* A row, or the share of its span that lies in one cell. */
struct quote_piece {
    const struct quote_row *given;
    const struct mtr_component *of[QUOTE_SIDES]; /* that take it, as they are then; NULL: none does */
    int64_t time_us;
    struct mtr_quantity quantity;
};

struct quote_pieces {
    struct quote_piece *items; /* by time; of equal times in the order of the rows */
    uint32_t count, capacity;
};

/* All rows, twice. */
struct quote_cut {
    struct quote_pieces moments; /* as they were given */
    struct quote_pieces pieces;  /* with spans by the cell */
};

/* The length of a row's span, once its rows were cut; 0 of one without. */
int64_t quote_row_length_us(const struct quote_row *row);

/* Spans are cut at cells of that length: the shortest that a meter has. Errors as quote_use_open. */
int quote_cut_rows(const struct quote_use_options *options, int64_t cell_us, struct mtr_arena *arena,
                   struct mtr_diagnostics *findings, struct quote_cut *out) MTR_MUST_USE;

#endif
