/*
 * Usage series from CSV and NDJSON files. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_SERIES_FILE_H
#define METERD_DAEMON_CLI_PRICE_SERIES_FILE_H

#include "meterd/core/json_writer.h"

/* Appends the rows as the JSON list `usage` of a pricing request. Returns an exit code, after printing
 * why. */
int series_file_read(const char *path, struct mtr_buffer *out);

#endif
