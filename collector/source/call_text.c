/*
 * See call_text.h.
 */
#include "collector/source/call_text.h"

enum { METHOD_BYTES_MAX = 32 };

int call_text_make(struct call_text *out, const struct source_call *call, const struct call_rules *rules)
{
    mtr_buffer_init(&out->url, SOURCE_CALL_URL_BYTES_MAX + 1);
    mtr_buffer_init(&out->method, METHOD_BYTES_MAX);
    int rc = source_call_write_url(call, &out->url);
    if (!rc) rc = mtr_buffer_append_char(&out->url, '\0');
    if (!rc) rc = mtr_buffer_append(&out->method, call->method.data, call->method.size);
    if (!rc) rc = mtr_buffer_append_char(&out->method, '\0');
    out->call = (struct mtr_http_call){.method = out->method.data,
                                       .url = out->url.data,
                                       .headers = call->headers,
                                       .header_count = call->header_count,
                                       .body = call->body,
                                       .timeout_ms = (uint32_t)(call->timeout_us / 1000),
                                       .answer_bytes_max = rules->answer_bytes_max,
                                       .allow_loopback = rules->allow_loopback,
                                       .allow_private = rules->allow_private,
                                       .allowed_by = "poller",
                                       .accepts_codings = !call->is_verbatim,
                                       .certificate = call->certificate,
                                       .key = call->key};
    return rc;
}

void call_text_release(struct call_text *text)
{
    mtr_buffer_release(&text->url);
    mtr_buffer_release(&text->method);
}
