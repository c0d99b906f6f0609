/*
 * Templates of auth.
 */
#include "collector/source/auth/templated.h"

enum { EXPANDED_BYTES_MAX = 256 << 10 };

int auth_parse_template(struct auth_session *session, struct mtr_str text, enum mtr_template_place place,
                        uint32_t allowed, struct mtr_template *out)
{
    const struct mtr_template_rules rules = {.place = place, .allowed = allowed};
    struct mtr_diagnostic diagnostic;
    return mtr_template_parse(text, &rules, &session->arena, out, &diagnostic);
}

int auth_expand(struct auth_session *session, const struct mtr_template *template,
                const struct mtr_template_values *values, struct mtr_buffer *out)
{
    const char *fault = "";
    int rc = mtr_template_expand(template, values, out, &fault);
    if (rc != MTR_EMISSING && rc != MTR_EINVALID) return rc;
    return auth_fail(session, AUTH_ALARM_AUTH, "the credentials cannot be written into the request: %s",
                     fault);
}

int auth_expand_header(struct auth_session *session, struct auth_turn *turn, struct mtr_str name,
                       const struct mtr_template *template, const struct mtr_template_values *values)
{
    struct mtr_buffer value;
    mtr_buffer_init(&value, EXPANDED_BYTES_MAX);
    int rc = auth_expand(session, template, values, &value);
    if (!rc) rc = auth_add_header(turn, turn->call, name, mtr_buffer_str(&value));
    secret_wipe(&value);
    return rc;
}
