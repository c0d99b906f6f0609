/*
 * A request of a document, `request` of a source or of a login, made with values: each template parsed and
 * expanded for where it stands.
 *
 *   struct call_template template = {.request = …, .base = …, .rules = {.allowed = …}, .values = …, .arena = …};
 *   rc = call_template_fill(&template, &call, &fault);
 *
 * Path is behind the base's, unless a whole `url` stands in its place. A body of JSON has its strings as
 * templates, one of a form its values; their Content-Type is added when the document gives none. Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_CALL_TEMPLATE_H
#define METERD_COLLECTOR_SOURCE_CALL_TEMPLATE_H

#include "collector/source/call.h"
#include "meterd/source/template.h"

enum { CALL_BODY_BYTES_MAX = 1 << 20 };

struct call_template {
    const struct mtr_source_request *request;
    const struct mtr_source_base *base;
    struct mtr_template_rules rules; /* place is set for each template */
    const struct mtr_template_values *values;
    struct mtr_arena *arena; /* of the call and all its text */
};

/* MTR_EMISSING, MTR_EINVALID: *fault is a sentence without a value in it (static). MTR_ELIMIT, MTR_ENOMEM. */
int call_template_fill(const struct call_template *template, struct source_call *out,
                       const char **fault) MTR_MUST_USE;

#endif
