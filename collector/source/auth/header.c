/*
 * A static header: a key, or a bearer token that does not end.
 */
#include "collector/source/auth/driver.h"
#include "collector/source/auth/templated.h"

static int open(struct auth_session *session)
{
    struct mtr_template *template = mtr_arena_calloc(&session->arena, 1, sizeof(*template));
    if (!template) return MTR_ENOMEM;
    session->state = template;
    return auth_parse_template(session, session->source->auth.header->value, MTR_TEMPLATE_IN_HEADER,
                               MTR_TEMPLATE_BIT(MTR_TEMPLATE_SECRET), template);
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    const struct mtr_auth_header *header = session->source->auth.header;
    struct mtr_template_values values = {.time_us = turn->now_us};
    struct mtr_buffer secret;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    int rc = header->secret_file.size ? auth_read_secret(session, header->secret_file, &secret) : MTR_OK;
    if (secret.size) values.texts[MTR_TEMPLATE_SECRET] = mtr_buffer_str(&secret);
    if (!rc) rc = auth_expand_header(session, turn, header->name, session->state, &values);
    secret_wipe(&secret);
    return rc;
}

const struct auth_driver auth_header = {
    .name = "header", .kind = MTR_AUTH_HEADER, .open = open, .apply = apply};
