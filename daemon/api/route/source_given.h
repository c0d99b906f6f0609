/*
 * A file, or pages that are replayed, on the way to the poller, and what came of it. Private to routes.
 */
#ifndef METERD_DAEMON_API_ROUTE_SOURCE_GIVEN_H
#define METERD_DAEMON_API_ROUTE_SOURCE_GIVEN_H

#include "daemon/api/api.h"
#include "meterd/collector/given_file.h"

extern const struct mtr_shape source_given_shape;

/* Waits until the poller has done it, and answers. False, without an answer: it was refused, or could not be
 * read, and file->text says why. */
bool source_give(struct api_call *call, struct mtr_given_file *file);

#endif
