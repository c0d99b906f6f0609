/*
 * Templates of a request, expanded: the values that they have, and the zones that they name. Private to the
 * building of requests (request_build.h).
 */
#ifndef METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_TEXT_H
#define METERD_COLLECTOR_SOURCE_REQUEST_REQUEST_TEXT_H

#include "collector/source/request/request_build.h"
#include "meterd/source/template.h"

enum { REQUEST_ZONES_MAX = 16 };

struct request_text {
    const struct request_ask *ask;
    struct mtr_arena *arena; /* of the request */
    struct mtr_template_values values;
    struct mtr_zone *zones[REQUEST_ZONES_MAX];
    uint32_t zone_count;
    const char *fault;
};

void request_text_begin(struct request_text *text, const struct request_ask *ask, struct mtr_arena *arena);
void request_text_end(struct request_text *text); /* closes zones */
/* Appends the template's text. *is_there is false where it uses {cursor}, {page} or {period}, and these have
 * no value now: nothing is appended. MTR_EINVALID, MTR_EMISSING: text->fault says why; MTR_ELIMIT,
 * MTR_ENOMEM. */
int request_text_append(struct request_text *text, struct mtr_str template, enum mtr_template_place place,
                        struct mtr_buffer *out, bool *is_there) MTR_MUST_USE;

#endif
