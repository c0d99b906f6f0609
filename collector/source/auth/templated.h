/*
 * Templates of auth: a few names, each with its values at hand. Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_TEMPLATED_H
#define METERD_COLLECTOR_SOURCE_AUTH_TEMPLATED_H

#include "collector/source/auth/session.h"
#include "meterd/source/template.h"

/* Into the session's arena. MTR_EINVALID: it is none; the document should have been refused. */
int auth_parse_template(struct auth_session *session, struct mtr_str text, enum mtr_template_place place,
                        uint32_t allowed, struct mtr_template *out) MTR_MUST_USE;
/* Appends to out, which holds secrets by then. MTR_EDENIED after auth_fail: a value cannot stand there. */
int auth_expand(struct auth_session *session, const struct mtr_template *template,
                const struct mtr_template_values *values, struct mtr_buffer *out) MTR_MUST_USE;
/* The same as a header of the turn's call. */
int auth_expand_header(struct auth_session *session, struct auth_turn *turn, struct mtr_str name,
                       const struct mtr_template *template,
                       const struct mtr_template_values *values) MTR_MUST_USE;

#endif
