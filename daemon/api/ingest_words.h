/*
 * What the sender of events is told where they were not stored: problem documents, which answer the request.
 * The loop's thread.
 */
#ifndef METERD_DAEMON_API_INGEST_WORDS_H
#define METERD_DAEMON_API_INGEST_WORDS_H

#include "meterd/collector/request.h"
#include "meterd/net/http_server.h"
#include "meterd/share/work_limit.h"

/* The envelope could not be read, or there was no memory for what is in it: nothing is stored. */
void ingest_say_unreadable(struct mtr_http_request *http, int error, enum mtr_work_end end,
                           const struct mtr_diagnostic *diagnostic);
/* That the key sends could not be noted. */
void ingest_say_unnoted(struct mtr_http_request *http, int error);
/* The intake did not take it. */
void ingest_say_not_taken(struct mtr_http_request *http, int error);
/* The log's disk did not; what came in parts may be stored up to the one that failed. */
void ingest_say_not_stored(struct mtr_http_request *http, const struct mtr_request *request);

#endif
