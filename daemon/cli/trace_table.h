/*
 * The steps of a computed price as a table for people, with the component that each step belongs to.
 */
#ifndef METERD_DAEMON_CLI_TRACE_TABLE_H
#define METERD_DAEMON_CLI_TRACE_TABLE_H

#include "meterd/core/document.h"

/* `price` is the price's JSON with "lines" and "trace". With a component only its steps and those of the
 * total are printed; steps that were left out are counted in a last line. */
void trace_table_print(const struct mtr_node *price, struct mtr_str component);

/* The day on which a line's or step's part of a series begins. */
struct mtr_str trace_day(const struct mtr_node *node);

#endif
