/*
 * The bytes of HTTP/1.1 requests, without sockets: heads and bodies out of any pieces. Private to lib/net
 * (and its fuzz target).
 *
 *   begin ─▶ head (MORE…, DONE) ─▶ body (MORE…, DONE) ─▶ begin …
 *                └── REFUSED ──────────┴──▶ the connection's framing is lost: answer refused_status and close
 *
 * A head is collected in one buffer, where its text stays for as long as the request lives; llhttp (strict
 * mode) judges its grammar and the framing of chunked bodies; what it lets through and we do not (obs-fold,
 * hosts, repeated headers, codings) is judged here. Neither result depends on how the bytes were cut into
 * pieces.
 */
#ifndef METERD_LIB_NET_HTTP_PARSER_H
#define METERD_LIB_NET_HTTP_PARSER_H

#include <llhttp.h>
#include <stdbool.h>

#include "meterd/core/buffer.h"
#include "meterd/core/str.h"
#include "meterd/net/http.h"
#include "meterd/net/http_server.h"

#if !defined(LLHTTP_STRICT_MODE) || !LLHTTP_STRICT_MODE
#error "llhttp without LLHTTP_STRICT_MODE=1 lets requests be smuggled (CVE-2023-30589)"
#endif

struct mtr_http_head {
    struct mtr_buffer bytes;                              /* the raw head; names are lowered in place */
    struct mtr_http_header headers[MTR_HTTP_HEADERS_MAX]; /* borrow from bytes */
    uint32_t header_count;
    struct mtr_str url;
    struct mtr_str path;
    struct mtr_str query;
    enum mtr_http_method method;
    bool is_http10;
    bool keep_alive;
    bool is_chunked;
    bool expects_continue;
    uint64_t content_length; /* 0 without a body or when chunked */
};

enum mtr_http_progress { MTR_HTTP_MORE, MTR_HTTP_DONE, MTR_HTTP_REFUSED };

struct mtr_http_parser {
    llhttp_t llhttp;
    struct mtr_http_head *head;
    size_t url_bytes_max;
    size_t header_bytes_max;
    size_t line_bytes;      /* of the head's current line, without its end */
    bool first_line_done;
    char last_byte;
    uint64_t body_left;      /* of an identity body, or of the chunk */
    uint64_t body_bytes;     /* handed out */
    uint64_t framing_bytes;  /* of a chunked body: sizes, extensions, trailers */
    uint64_t chunks;
    int (*on_body)(void *context, const char *data, size_t size); /* while http_parser_body runs */
    void *context;
    unsigned refused_status;
    const char *refused_detail;
};

void http_parser_init(struct mtr_http_parser *parser, size_t url_bytes_max, size_t header_bytes_max);

/* A new request into *head, whose buffer is reused. */
void http_parser_begin(struct mtr_http_parser *parser, struct mtr_http_head *head);
/* Takes *used bytes of data; never a byte behind the head's end. */
enum mtr_http_progress http_parser_head(struct mtr_http_parser *parser, const char *data, size_t size,
                                        size_t *used);
/* After DONE of the head; DONE at once without a body. on_body returns 0 or the status to refuse the
 * request with. */
enum mtr_http_progress http_parser_body(struct mtr_http_parser *parser, const char *data, size_t size,
                                        size_t *used,
                                        int (*on_body)(void *context, const char *data, size_t size),
                                        void *context);

#endif
