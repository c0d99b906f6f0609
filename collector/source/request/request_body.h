/*
 * The body of a request, with what paging sends in it. Private to the building of requests (request_build.h).
 */
#ifndef METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_BODY_H
#define METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_BODY_H

#include "collector/source/request/request_text.h"

/* *type: the media type of what was written; empty: there is no body, or headers say it. Errors as
 * request_text_append. */
int request_body_write(struct request_text *text, const struct mtr_source_request *request,
                       struct mtr_buffer *out, struct mtr_str *type) MTR_MUST_USE;

#endif
