/*
 * A parameter of the URL: a key that a vendor wants there. It takes the place of one of its name, as links to
 * further pages have it.
 */
#include <string.h>

#include "collector/source/auth/driver.h"
#include "collector/source/auth/templated.h"
#include "meterd/net/url.h"

static int open(struct auth_session *session)
{
    struct mtr_template *template = mtr_arena_calloc(&session->arena, 1, sizeof(*template));
    if (!template) return MTR_ENOMEM;
    session->state = template;
    return auth_parse_template(session, session->source->auth.query->value, MTR_TEMPLATE_IN_QUERY,
                               MTR_TEMPLATE_BIT(MTR_TEMPLATE_SECRET), template);
}

/* The query without parameters of that name, as they are escaped. */
static int keep_others(struct mtr_str query, struct mtr_str name, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    while (query.size && !rc) {
        const char *end = memchr(query.data, '&', query.size);
        const struct mtr_str piece = {query.data, end ? (size_t)(end - query.data) : query.size};
        const bool is_it = mtr_str_starts_with(piece, name) &&
                           (piece.size == name.size || piece.data[name.size] == '=');
        if (!is_it && out->size) rc = mtr_buffer_append_char(out, '&');
        if (!is_it && !rc) rc = mtr_buffer_append_str(out, piece);
        const size_t step = piece.size + (end != NULL);
        query = (struct mtr_str){query.data + step, query.size - step};
    }
    return rc;
}

static int write_query(struct auth_session *session, struct mtr_str before,
                       const struct mtr_template_values *values, struct mtr_buffer *out)
{
    struct mtr_buffer name;
    mtr_buffer_init(&name, 3 * MTR_KEY_BYTES_MAX);
    int rc = mtr_percent_encode(&name, session->source->auth.query->name);
    if (!rc) rc = keep_others(before, mtr_buffer_str(&name), out);
    if (!rc && out->size) rc = mtr_buffer_append_char(out, '&');
    if (!rc) rc = mtr_buffer_append_str(out, mtr_buffer_str(&name));
    if (!rc) rc = mtr_buffer_append_char(out, '=');
    mtr_buffer_release(&name);
    return rc ? rc : auth_expand(session, session->state, values, out);
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    struct mtr_template_values values = {.time_us = turn->now_us};
    struct mtr_buffer secret, query;
    mtr_buffer_init(&secret, AUTH_SECRET_BYTES_MAX + 1);
    mtr_buffer_init(&query, SOURCE_CALL_URL_BYTES_MAX);
    int rc = auth_read_secret(session, session->source->auth.query->secret_file, &secret);
    if (secret.size) values.texts[MTR_TEMPLATE_SECRET] = mtr_buffer_str(&secret);
    if (!rc) rc = write_query(session, turn->call->query, &values, &query);
    if (!rc) rc = mtr_arena_copy(turn->arena, mtr_buffer_str(&query), &turn->call->query);
    secret_wipe(&secret);
    secret_wipe(&query);
    return rc;
}

const struct auth_driver auth_query = {
    .name = "query", .kind = MTR_AUTH_QUERY, .open = open, .apply = apply};
