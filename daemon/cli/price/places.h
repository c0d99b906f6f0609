/*
 * Findings of a pricing request at the places that its author knows: the options of the command line and the
 * rows of a series. The documents in it are checked before, with the places of their files. Private to
 * daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_PLACES_H
#define METERD_DAEMON_CLI_PRICE_PLACES_H

#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"

/* The series of the request. */
struct price_series {
    const char *path;        /* NULL: there is none */
    struct mtr_buffer rows;  /* as a JSON list; empty: none */
    struct mtr_buffer lines; /* of each row in the file: uint64_t */
};

/* To stderr. `context` is the struct price_series. */
void price_print_finding(void *context, const struct mtr_diagnostic *finding);

#endif
