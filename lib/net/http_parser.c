/*
 * Heads and bodies of requests.
 *
 * The end of the head is found line by line before llhttp sees it. That makes three rules exact that are easy
 * to lose at the border of two reads: no line starts with a blank (obs-fold), no line ends with a bare LF,
 * and the limits count every byte, seen by llhttp or not. llhttp then gets the whole head in one piece, so
 * that its spans point into the head's buffer, and stops at its end (HPE_PAUSED). Identity bodies are only
 * counted; chunked ones go on through llhttp, and everything in them that is not body is bounded.
 */
#include "lib/net/http_parser.h"

#include <string.h>
#include <strings.h>

enum {
    FRAMING_BYTES_PER_CHUNK =
        32, /* allowance for the size line of each chunk; extensions and trailers share header_bytes_max */
    REQUEST_LINE_REST_BYTES = 32, /* method, blanks and version beside the URL */
};

static enum mtr_http_progress refuse(struct mtr_http_parser *parser, unsigned status, const char *detail)
{
    parser->refused_status = status;
    parser->refused_detail = detail;
    return MTR_HTTP_REFUSED;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t size)
{
    struct mtr_http_parser *parser = llhttp->data;
    parser->head->url = (struct mtr_str){at, size};
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct mtr_http_parser *parser = llhttp->data;
    struct mtr_http_head *head = parser->head;
    if (parser->on_body) return 0; /* a trailer: bounded by its framing bytes, never used */
    if (head->header_count == MTR_HTTP_HEADERS_MAX) {
        refuse(parser, 431, "too many headers");
        return HPE_USER;
    }
    head->headers[head->header_count++] = (struct mtr_http_header){.name = {at, size}};
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct mtr_http_parser *parser = llhttp->data;
    if (parser->on_body) return 0;
    MTR_ASSERT(parser->head->header_count > 0);
    struct mtr_str *value = &parser->head->headers[parser->head->header_count - 1].value;
    MTR_ASSERT(!value->data ||
               value->data + value->size == at); /* one run: there are no folds, and the head is one piece */
    *value = (struct mtr_str){value->data ? value->data : at, value->size + size};
    return 0;
}

static int on_pause(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct mtr_http_parser *parser = llhttp->data;
    parser->chunks++;
    parser->body_left = llhttp->content_length;
    return 0;
}

static int on_body_piece(llhttp_t *llhttp, const char *at, size_t size)
{
    struct mtr_http_parser *parser = llhttp->data;
    MTR_ASSERT(size <= parser->body_left);
    parser->body_left -= size;
    parser->body_bytes += size;
    int status = parser->on_body(parser->context, at, size);
    if (status) refuse(parser, (unsigned)status, NULL);
    return status ? HPE_USER : 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_pause,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body_piece,
    .on_message_complete = on_pause,
};

void http_parser_init(struct mtr_http_parser *parser, size_t url_bytes_max, size_t header_bytes_max)
{
    *parser = (struct mtr_http_parser){.url_bytes_max = url_bytes_max, .header_bytes_max = header_bytes_max};
}

void http_parser_begin(struct mtr_http_parser *parser, struct mtr_http_head *head)
{
    mtr_buffer_reset(&head->bytes);
    head->header_count = 0;
    head->url = head->path = head->query = (struct mtr_str){0};
    head->is_http10 = head->keep_alive = head->is_chunked = head->expects_continue = false;
    head->content_length = 0;
    *parser = (struct mtr_http_parser){.head = head,
                                       .url_bytes_max = parser->url_bytes_max,
                                       .header_bytes_max = parser->header_bytes_max,
                                       .last_byte = '\n'};
}

static enum mtr_http_progress too_large(struct mtr_http_parser *parser)
{
    if (parser->first_line_done) return refuse(parser, 431, "the headers are larger than this server takes");
    return refuse(parser, 414, "the URL is longer than this server takes");
}

/* Bytes of data up to the end of the head; size when it is not there yet. Sets *done, or refuses: of several
 * faults the one that stands first, as if the bytes came one by one. */
static size_t find_head_end(struct mtr_http_parser *parser, const char *data, size_t size, bool *done)
{
    const size_t room = parser->header_bytes_max - parser->head->bytes.size, most = size < room ? size : room;
    size_t at = 0;
    while (at < most) {
        const char *newline = memchr(data + at, '\n', most - at);
        size_t end = newline ? (size_t)(newline - data) : most;
        if (parser->line_bytes == 0 && end > at && (data[at] == ' ' || data[at] == '\t')) {
            refuse(parser, 400, "a line of the head starts with a blank (folded headers are not accepted)");
            return 0;
        }
        parser->line_bytes += end - at;
        if (!parser->first_line_done &&
            parser->line_bytes > parser->url_bytes_max + REQUEST_LINE_REST_BYTES) {
            too_large(parser);
            return 0;
        }
        if (newline && (end > at ? data[end - 1] : parser->last_byte) != '\r') {
            refuse(parser, 400, "a line of the head does not end with CR LF");
            return 0;
        }
        if (end > at) parser->last_byte = data[end - 1];
        at = end;
        if (!newline) break;
        parser->last_byte = '\n';
        at++;
        if (parser->line_bytes <= 1) { /* the CR alone */
            *done = true;
            return at;
        }
        parser->first_line_done = true;
        parser->line_bytes = 0;
    }
    if (size > most) too_large(parser);
    return at;
}

/* Status for a head that llhttp does not take. */
static enum mtr_http_progress refuse_grammar(struct mtr_http_parser *parser, llhttp_errno_t error)
{
    if (parser->refused_status) return MTR_HTTP_REFUSED; /* a callback has */
    switch (error) {
    case HPE_INVALID_METHOD: return refuse(parser, 501, "unknown method");
    case HPE_INVALID_VERSION: return refuse(parser, 505, "this version of HTTP is not spoken here");
    case HPE_INVALID_URL: return refuse(parser, 400, "the request target is not a valid path");
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return refuse(parser, 400, "Content-Length is malformed, repeated or beside Transfer-Encoding");
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(parser, 400, "Transfer-Encoding is malformed or beside Content-Length");
    case HPE_INVALID_CHUNK_SIZE: return refuse(parser, 400, "a chunk size is malformed");
    case HPE_INVALID_HEADER_TOKEN: return refuse(parser, 400, "a header is malformed");
    default: return refuse(parser, 400, "the request is malformed");
    }
}

static bool method_of(llhttp_method_t method, enum mtr_http_method *out)
{
    switch (method) {
    case HTTP_GET: *out = MTR_HTTP_GET; return true;
    case HTTP_HEAD: *out = MTR_HTTP_HEAD; return true;
    case HTTP_POST: *out = MTR_HTTP_POST; return true;
    case HTTP_PUT: *out = MTR_HTTP_PUT; return true;
    case HTTP_DELETE: *out = MTR_HTTP_DELETE; return true;
    case HTTP_PATCH: *out = MTR_HTTP_PATCH; return true;
    case HTTP_OPTIONS: *out = MTR_HTTP_OPTIONS; return true;
    default: return false;
    }
}

static struct mtr_str trimmed(struct mtr_str text)
{
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

static bool equal_ignoring_case(struct mtr_str a, struct mtr_str b)
{
    return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

/* Headers that framing, routing or rights depend on: two of them would let two readers see two requests. */
enum single { SINGLE_HOST, SINGLE_CONTENT_LENGTH, SINGLE_TRANSFER_ENCODING, SINGLE_EXPECT, SINGLE_COUNT = 7 };
static const struct mtr_str single_names[SINGLE_COUNT] = {
    [SINGLE_HOST] = {"host", 4},
    [SINGLE_CONTENT_LENGTH] = {"content-length", 14},
    [SINGLE_TRANSFER_ENCODING] = {"transfer-encoding", 17},
    [SINGLE_EXPECT] = {"expect", 6},
    [4] = {"content-type", 12},
    [5] = {"content-encoding", 16},
    [6] = {"authorization", 13},
};

/* Lowers names, trims values, and finds the single headers. False: one of them is repeated. */
static bool scan_headers(struct mtr_http_head *head, const struct mtr_str *values[SINGLE_COUNT])
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct mtr_http_header *header = &head->headers[i];
        char *name = head->bytes.data + (header->name.data - head->bytes.data);
        for (size_t j = 0; j < header->name.size; j++)
            if (name[j] >= 'A' && name[j] <= 'Z') name[j] = (char)(name[j] | 0x20);
        header->value = trimmed(header->value);
        for (int s = 0; s < SINGLE_COUNT; s++) {
            if (!mtr_str_equal(header->name, single_names[s])) continue;
            if (values[s]) return false;
            values[s] = &header->value;
        }
    }
    return true;
}

static bool is_host(struct mtr_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte >= 0x7f || strchr("/?#@\\,\"<>", byte)) return false;
    }
    return true;
}

static enum mtr_http_progress judge_headers(struct mtr_http_parser *parser)
{
    struct mtr_http_head *head = parser->head;
    const struct mtr_str *values[SINGLE_COUNT] = {NULL};
    for (uint32_t i = 0; i < head->header_count; i++)
        if (head->headers[i].name.size == 0) return refuse(parser, 400, "a header has no name");
    if (!scan_headers(head, values)) return refuse(parser, 400, "a header that must be single is repeated");
    if (!values[SINGLE_HOST] && !head->is_http10) return refuse(parser, 400, "the Host header is missing");
    if (values[SINGLE_HOST] && !is_host(*values[SINGLE_HOST]))
        return refuse(parser, 400, "the Host header is malformed");
    const struct mtr_str *coding = values[SINGLE_TRANSFER_ENCODING];
    if (coding) {
        if (values[SINGLE_CONTENT_LENGTH])
            return refuse(parser, 400, "Content-Length beside Transfer-Encoding");
        if (head->is_http10) return refuse(parser, 400, "Transfer-Encoding needs HTTP/1.1");
        if (!equal_ignoring_case(*coding, MTR_STR("chunked")))
            return refuse(parser, 501, "Transfer-Encoding may only be chunked");
        head->is_chunked = true;
    } else if (values[SINGLE_CONTENT_LENGTH]) {
        if (!mtr_str_to_u64(*values[SINGLE_CONTENT_LENGTH], &head->content_length))
            return refuse(parser, 400, "Content-Length is not a number");
    }
    if (values[SINGLE_EXPECT] && !head->is_http10) {
        if (!equal_ignoring_case(*values[SINGLE_EXPECT], MTR_STR("100-continue")))
            return refuse(parser, 417, "unknown expectation");
        head->expects_continue = head->is_chunked || head->content_length > 0;
    }
    return MTR_HTTP_DONE;
}

static enum mtr_http_progress judge_target(struct mtr_http_parser *parser)
{
    struct mtr_http_head *head = parser->head;
    struct mtr_str url = head->url;
    if (url.size > parser->url_bytes_max)
        return refuse(parser, 414, "the URL is longer than this server takes");
    bool is_star = head->method == MTR_HTTP_OPTIONS && mtr_str_equal(url, MTR_STR("*"));
    if (!is_star && (url.size == 0 || url.data[0] != '/'))
        return refuse(parser, 400, "the request target must be a path");
    if (memchr(url.data, '#', url.size)) return refuse(parser, 400, "the request target has a fragment");
    const char *mark = memchr(url.data, '?', url.size);
    head->path = mark ? (struct mtr_str){url.data, (size_t)(mark - url.data)} : url;
    head->query = mark ? (struct mtr_str){mark + 1, url.size - head->path.size - 1}
                       : (struct mtr_str){url.data + url.size, 0};
    return MTR_HTTP_DONE;
}

/* Two blanks, one on each side of the target: llhttp passes over more. */
static bool has_two_blanks(struct mtr_str head)
{
    unsigned blanks = 0;
    for (size_t i = 0; i < head.size && head.data[i] != '\r'; i++)
        blanks += head.data[i] == ' ' || head.data[i] == '\t' || head.data[i] == '\f';
    return blanks == 2;
}

static enum mtr_http_progress judge_head(struct mtr_http_parser *parser)
{
    struct mtr_http_head *head = parser->head;
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, head->bytes.data, head->bytes.size);
    if (error != HPE_PAUSED) return refuse_grammar(parser, error);
    if (llhttp_get_http_major(&parser->llhttp) != 1 || llhttp_get_http_minor(&parser->llhttp) > 1)
        return refuse(parser, 505, "this version of HTTP is not spoken here");
    if (!has_two_blanks(mtr_buffer_str(&head->bytes)))
        return refuse(parser, 400, "the request line has blanks that do not belong there");
    if (!method_of(llhttp_get_method(&parser->llhttp), &head->method))
        return refuse(parser, 501, "unknown method");
    head->is_http10 = llhttp_get_http_minor(&parser->llhttp) == 0;
    head->keep_alive = llhttp_should_keep_alive(&parser->llhttp);
    enum mtr_http_progress progress = judge_target(parser);
    if (progress == MTR_HTTP_DONE) progress = judge_headers(parser);
    parser->body_left = head->content_length;
    parser->llhttp.upgrade =
        0; /* an Upgrade we do not know is ignored (RFC 9110 §7.8); its request is an ordinary one */
    return progress;
}

enum mtr_http_progress http_parser_head(struct mtr_http_parser *parser, const char *data, size_t size,
                                        size_t *used)
{
    struct mtr_http_head *head = parser->head;
    size_t skipped = 0;
    /* Empty lines before a request are skipped (RFC 9112 §2.2). */
    while (head->bytes.size == 0 && skipped < size && (data[skipped] == '\r' || data[skipped] == '\n')) {
        if ((data[skipped] == '\n') != (parser->last_byte == '\r')) {
            *used = skipped;
            return refuse(parser, 400, "a line does not end with CR LF");
        }
        parser->last_byte = data[skipped++];
    }
    *used = skipped;
    if (skipped == size) return MTR_HTTP_MORE;
    if (head->bytes.size == 0 && parser->last_byte != '\n')
        return refuse(parser, 400, "a line does not end with CR LF");
    bool done = false;
    size_t taken = find_head_end(parser, data + skipped, size - skipped, &done);
    if (parser->refused_status) return MTR_HTTP_REFUSED;
    if (mtr_buffer_append(&head->bytes, data + skipped, taken)) return refuse(parser, 503, "out of memory");
    *used = skipped + taken;
    return done ? judge_head(parser) : MTR_HTTP_MORE;
}

static enum mtr_http_progress identity_body(struct mtr_http_parser *parser, const char *data, size_t size,
                                            size_t *used)
{
    size_t taken = size < parser->body_left ? size : (size_t)parser->body_left;
    *used = 0;
    if (taken > 0) {
        int status = parser->on_body(parser->context, data, taken);
        if (status) return refuse(parser, (unsigned)status, NULL);
    }
    parser->body_left -= taken;
    parser->body_bytes += taken;
    *used = taken;
    return parser->body_left == 0 ? MTR_HTTP_DONE : MTR_HTTP_MORE;
}

/* What is no body goes byte by byte: so it is bounded where it stands, not where a piece ends. */
static enum mtr_http_progress chunked_body(struct mtr_http_parser *parser, const char *data, size_t size,
                                           size_t *used)
{
    llhttp_errno_t error = HPE_OK;
    *used = 0;
    if (llhttp_get_errno(&parser->llhttp) == HPE_PAUSED) llhttp_resume(&parser->llhttp);
    while (error == HPE_OK && *used < size) {
        const size_t left = size - *used;
        const bool is_body = parser->body_left > 0;
        const size_t step = !is_body ? 1 : left < parser->body_left ? left : (size_t)parser->body_left;
        error = llhttp_execute(&parser->llhttp, data + *used, step);
        if (error != HPE_OK && error != HPE_PAUSED) return refuse_grammar(parser, error);
        const size_t taken =
            error ? (size_t)(llhttp_get_error_pos(&parser->llhttp) - data) - *used : step;
        *used += taken;
        parser->framing_bytes += is_body ? 0 : taken;
        if (parser->framing_bytes > parser->header_bytes_max + parser->chunks * FRAMING_BYTES_PER_CHUNK)
            return refuse(parser, 400, "chunk extensions or trailers are larger than this server takes");
    }
    return error == HPE_PAUSED ? MTR_HTTP_DONE : MTR_HTTP_MORE;
}

enum mtr_http_progress http_parser_body(struct mtr_http_parser *parser, const char *data, size_t size,
                                        size_t *used,
                                        int (*on_body)(void *context, const char *data, size_t size),
                                        void *context)
{
    parser->on_body = on_body;
    parser->context = context;
    return parser->head->is_chunked ? chunked_body(parser, data, size, used)
                                    : identity_body(parser, data, size, used);
}
