/*
 * URLs, cut and written. Nothing is resolved or normalized: whoever compares hosts compares their letters.
 */
#include "collector/source/call.h"

#include <string.h>
#include <strings.h>

static uint16_t usual_port(bool is_https)
{
    return is_https ? 443 : 80;
}

/* A request line would end at these, or a log line. */
static bool is_plain(struct mtr_str url)
{
    for (size_t i = 0; i < url.size; i++)
        if ((unsigned char)url.data[i] <= ' ' || url.data[i] == 0x7f) return false;
    return true;
}

static struct mtr_str behind(struct mtr_str text, size_t size)
{
    return (struct mtr_str){text.data + size, text.size - size};
}

/* What stands before the first of `ends`; *text goes on with it. */
static struct mtr_str cut(struct mtr_str *text, const char *ends)
{
    size_t size = 0;
    while (size < text->size && !strchr(ends, text->data[size])) size++;
    struct mtr_str piece = {text->data, size};
    *text = behind(*text, size);
    return piece;
}

static bool read_port(struct mtr_str text, uint16_t *out)
{
    uint64_t port;
    if (!mtr_str_to_u64(text, &port) || port == 0 || port > UINT16_MAX) return false;
    *out = (uint16_t)port;
    return true;
}

static bool is_host(struct mtr_str host)
{
    for (size_t i = 0; i < host.size; i++) {
        const unsigned char byte = (unsigned char)host.data[i];
        const bool is_word = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
        if (!is_word && byte < 0x80 && byte != '-' && byte != '.' && byte != '_') return false;
    }
    return host.size > 0;
}

static bool read_authority(struct mtr_str authority, struct source_call *call)
{
    if (authority.size && memchr(authority.data, '@', authority.size)) return false;
    if (authority.size && authority.data[0] == '[') {
        authority = behind(authority, 1);
        call->host = cut(&authority, "]");
        if (!authority.size || !call->host.size) return false;
        for (size_t i = 0; i < call->host.size; i++)
            if (!strchr("0123456789abcdefABCDEF:.", call->host.data[i])) return false;
        authority = behind(authority, 1);
    } else {
        call->host = cut(&authority, ":");
        if (!is_host(call->host)) return false;
    }
    call->port = usual_port(call->is_https);
    if (!authority.size) return true;
    return authority.data[0] == ':' && read_port(behind(authority, 1), &call->port);
}

int source_call_set_url(struct source_call *call, struct mtr_str url, struct mtr_arena *arena)
{
    struct mtr_str left;
    if (url.size > SOURCE_CALL_URL_BYTES_MAX) return MTR_ELIMIT;
    int rc = mtr_arena_copy(arena, url, &left);
    if (rc) return rc;
    if (!is_plain(left)) return MTR_EINVALID;
    call->is_https = left.size >= 8 && strncasecmp(left.data, "https://", 8) == 0;
    if (!call->is_https && (left.size < 7 || strncasecmp(left.data, "http://", 7) != 0)) return MTR_EINVALID;
    left = behind(left, call->is_https ? 8 : 7);
    if (!read_authority(cut(&left, "/?#"), call)) return MTR_EINVALID;
    call->path = cut(&left, "?#");
    if (!call->path.size) call->path = MTR_STR("/");
    call->query = (struct mtr_str){0};
    if (!left.size || left.data[0] != '?') return MTR_OK;
    left = behind(left, 1);
    call->query = cut(&left, "#");
    return MTR_OK;
}

int source_call_add_header(struct source_call *call, struct mtr_str name, struct mtr_str value)
{
    if (call->header_count == SOURCE_CALL_HEADERS_MAX) return MTR_ELIMIT;
    call->headers[call->header_count++] = (struct mtr_http_header){name, value};
    return MTR_OK;
}

int source_call_write_host(const struct source_call *call, struct mtr_buffer *out)
{
    const bool is_ipv6 = call->host.size && memchr(call->host.data, ':', call->host.size);
    int rc = is_ipv6 ? mtr_buffer_printf(out, "[%.*s]", MTR_STR_ARGS(call->host))
                     : mtr_buffer_append_str(out, call->host);
    if (!rc && call->port != usual_port(call->is_https)) rc = mtr_buffer_printf(out, ":%u", call->port);
    return rc;
}

int source_call_write_url(const struct source_call *call, struct mtr_buffer *out)
{
    int rc = mtr_buffer_append_str(out, call->is_https ? MTR_STR("https://") : MTR_STR("http://"));
    if (!rc) rc = source_call_write_host(call, out);
    if (!rc) rc = mtr_buffer_append_str(out, call->path);
    if (!rc && call->query.size) rc = mtr_buffer_append_char(out, '?');
    return rc ? rc : mtr_buffer_append_str(out, call->query);
}

bool source_call_goes_to(const struct source_call *call, const struct mtr_source_base *base)
{
    return call->is_https == base->is_https && call->port == base->port &&
           call->host.size == base->host.size &&
           strncasecmp(call->host.data, base->host.data, call->host.size) == 0;
}
