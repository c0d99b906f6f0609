/*
 * Usage series from CSV and NDJSON files. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_SERIES_FILE_H
#define METERD_DAEMON_CLI_PRICE_SERIES_FILE_H

#include "daemon/cli/price/places.h"

/* Fills rows, as the JSON list `usage` of a pricing request, and their lines. Returns an exit code, after
 * printing why. */
int series_file_read(const char *path, struct price_series *out);

#endif
