/*
 * Findings of a pricing request at the places that its author knows: the options of the command line, the
 * rows of a series, the documents of rates and of a subscription. Tariffs and meters are checked before, with
 * the places of their files. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_PLACES_H
#define METERD_DAEMON_CLI_PRICE_PLACES_H

#include <stdbool.h>

#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/str.h"

/* The series of the request. */
struct price_series {
    const char *path;        /* NULL: there is none */
    struct mtr_buffer rows;  /* as a JSON list; empty: none */
    struct mtr_buffer lines; /* of each row in the file: uint64_t */
    uint64_t header_line;    /* 0: there is no header */
};

/* The columns of a series that are no dimensions, one by one; without data behind the last. */
struct mtr_str price_series_column(const void *context, unsigned i);

/* Where a document of its rates stands. */
struct price_rates_place {
    const char *path; /* NULL: it is a --rate */
    uint32_t line, column;
};

struct price_places {
    struct price_series series;
    struct mtr_buffer rates; /* of each document: struct price_rates_place */
    const char *documents;   /* file of those that go along; NULL: none */
    bool is_elsewhere;       /* a finding was printed that is not about the tariff's name */
};

/* To stderr. `context` is the struct price_places. */
void price_print_finding(void *context, const struct mtr_diagnostic *finding);

/* Is it about the documents that go along? */
bool price_is_of_documents(const struct price_places *places, const struct mtr_diagnostic *finding);

#endif
