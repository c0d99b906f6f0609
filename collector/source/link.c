/*
 * Links: first made whole, then cut as any URL is, then held against the document.
 */
#include "collector/source/link.h"

#include <string.h>
#include <strings.h>

#include "meterd/net/url.h"

static struct mtr_str behind(struct mtr_str text, size_t size)
{
    return (struct mtr_str){text.data + size, text.size - size};
}

/* "https:": letters, digits, + - . before a colon that comes before all else. */
static bool has_scheme(struct mtr_str reference)
{
    for (size_t i = 0; i < reference.size; i++) {
        const char c = reference.data[i];
        if (c == ':') return i > 0;
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!is_letter && !(i > 0 && is_other)) return false;
    }
    return false;
}

static int append_origin(const struct source_call *from, struct mtr_buffer *out)
{
    int rc = mtr_buffer_append_str(out, from->is_https ? MTR_STR("https://") : MTR_STR("http://"));
    return rc ? rc : source_call_write_host(from, out);
}

/* The path of the request up to its last slash. */
static struct mtr_str folder_of(struct mtr_str path)
{
    while (path.size && path.data[path.size - 1] != '/') path.size--;
    return path.size ? path : MTR_STR("/");
}

/* s3://BUCKET/KEY: that object, where base_url has the buckets. A key is no URL: it is escaped, all but its
 * slashes. */
static int write_object(struct mtr_str object, const struct mtr_source *source, struct mtr_buffer *out)
{
    const char *slash;
    int rc = mtr_buffer_append_str(out, source->base.url);
    do {
        slash = memchr(object.data, '/', object.size);
        const struct mtr_str piece = {object.data, slash ? (size_t)(slash - object.data) : object.size};
        if (!rc) rc = mtr_buffer_append_char(out, '/');
        if (!rc) rc = mtr_percent_encode(out, piece);
        object = behind(object, piece.size + (slash != NULL));
    } while (slash);
    return rc;
}

static int make_whole(const struct source_call *from, struct mtr_str reference,
                      const struct mtr_source *source, struct mtr_buffer *out)
{
    const struct mtr_str s3 = MTR_STR("s3://");
    if (mtr_str_starts_with(reference, s3)) return write_object(behind(reference, s3.size), source, out);
    if (has_scheme(reference)) return mtr_buffer_append_str(out, reference);
    if (mtr_str_starts_with(reference, MTR_STR("//"))) {
        int rc = mtr_buffer_append_str(out, from->is_https ? MTR_STR("https:") : MTR_STR("http:"));
        return rc ? rc : mtr_buffer_append_str(out, reference);
    }
    const bool is_same = reference.data[0] == '#'; /* a place in the same document */
    int rc = is_same ? source_call_write_url(from, out) : append_origin(from, out);
    if (rc || is_same) return rc ? rc : mtr_buffer_append_str(out, reference);
    if (reference.data[0] == '?') rc = mtr_buffer_append_str(out, from->path);
    else if (reference.data[0] != '/') rc = mtr_buffer_append_str(out, folder_of(from->path));
    return rc ? rc : mtr_buffer_append_str(out, reference);
}

/* RFC 3986, 5.2.4: `.` and `..` are taken out of the path, in place. */
static struct mtr_str without_dots(char *path, size_t size)
{
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        const char *slash = memchr(path + at + 1, '/', size - at - 1);
        const size_t end = slash ? (size_t)(slash - path) : size;
        const struct mtr_str segment = {path + at, end - at}; /* with its slash before it */
        const bool is_up = mtr_str_equal(segment, MTR_STR("/.."));
        if (is_up || mtr_str_equal(segment, MTR_STR("/."))) {
            while (is_up && used > 0 && path[--used] != '/') continue;
            if (!slash) path[used++] = '/';
        } else {
            memmove(path + used, path + at, end - at);
            used += end - at;
        }
        at = end;
    }
    return (struct mtr_str){path, used};
}

/* "*.files.example": any name below it, and not itself. */
static bool is_same_host(struct mtr_str host, struct mtr_str allowed)
{
    const bool is_any = allowed.size > 2 && allowed.data[0] == '*' && allowed.data[1] == '.';
    if (is_any) {
        allowed = behind(allowed, 1);
        if (host.size <= allowed.size) return false;
        host = behind(host, host.size - allowed.size);
    }
    return host.size == allowed.size && strncasecmp(host.data, allowed.data, host.size) == 0;
}

static bool is_host_of(const struct source_call *call, struct mtr_str host)
{
    const char *colon = host.size ? memrchr(host.data, ':', host.size) : NULL;
    const char *bracket = host.size ? memrchr(host.data, ']', host.size) : NULL;
    uint64_t port = call->is_https ? 443 : 80;
    if (colon && (!bracket || colon > bracket)) {
        const size_t size = (size_t)(colon - host.data);
        if (!mtr_str_to_u64(behind(host, size + 1), &port)) return false;
        host.size = size;
    }
    if (bracket && host.size > 2) host = (struct mtr_str){host.data + 1, host.size - 2};
    return call->port == port && is_same_host(call->host, host);
}

bool source_link_is_allowed(const struct source_call *call, const struct mtr_source *source)
{
    const struct mtr_source_base *base = &source->base;
    if (base->is_https && !call->is_https) return false;
    if (call->port == base->port && call->host.size == base->host.size &&
        strncasecmp(call->host.data, base->host.data, base->host.size) == 0)
        return true;
    for (uint32_t i = 0; i < source->host_count; i++)
        if (is_host_of(call, source->hosts[i])) return true;
    return false;
}

static int resolve(const struct source_call *from, struct mtr_str reference, const struct mtr_source *source,
                   struct mtr_buffer *whole, struct mtr_buffer *out, const char **fault)
{
    struct source_call call = {.method = {NULL, 0}};
    struct mtr_arena arena;
    int rc = make_whole(from, reference, source, whole);
    if (rc) return rc;
    mtr_arena_init(&arena, 512, SOURCE_CALL_URL_BYTES_MAX + 1024);
    rc = source_call_set_url(&call, mtr_buffer_str(whole), &arena);
    *fault = "a link is no http(s) URL, or has a user, a space or a control character in it";
    if (!rc && !source_link_is_allowed(&call, source)) {
        *fault = from->is_https && !call.is_https
                     ? "a link leads from https to http"
                     : "a link leads to another host: name it in `hosts` if files of the vendor are there";
        rc = MTR_EINVALID;
    }
    char *path = rc ? NULL : mtr_arena_alloc(&arena, call.path.size);
    if (!rc && !path) rc = MTR_ENOMEM;
    if (!rc) {
        memcpy(path, call.path.data, call.path.size);
        call.path = without_dots(path, call.path.size);
        rc = source_call_write_url(&call, out);
    }
    mtr_arena_release(&arena);
    return rc;
}

int source_link_resolve(const struct source_call *from, struct mtr_str reference,
                        const struct mtr_source *source, struct mtr_buffer *out, const char **fault)
{
    const size_t before = out->size;
    struct mtr_buffer whole;
    *fault = "a link is empty";
    if (!reference.size) return MTR_EINVALID;
    mtr_buffer_init(&whole, 2 * SOURCE_CALL_URL_BYTES_MAX);
    int rc = resolve(from, reference, source, &whole, out, fault);
    mtr_buffer_release(&whole);
    if (rc) out->size = before;
    return rc;
}
