/*
 * Bodies of answers: decoding and bounds.
 */
#include "lib/net/http_body.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/net/coding_reader.h"

enum { BYTES_MAX_DEFAULT = 64 << 20, PLAIN_BYTES = 64 << 10, STATUS_NO_CONTENT = 204 };

void http_body_init(struct http_body *body, const struct mtr_http_call *call, void *context,
                    struct mtr_http_answer *answer)
{
    *body = (struct http_body){.answer = answer,
                               .on_piece = call->on_piece,
                               .context = context,
                               .is_decoded = call->accepts_codings,
                               .bytes_max = call->answer_bytes_max};
    if (!body->bytes_max) body->bytes_max = BYTES_MAX_DEFAULT;
    mtr_buffer_reset(&answer->body);
    answer->body.size_max = body->bytes_max;
    if (answer->body.capacity > answer->body.size_max) mtr_buffer_release(&answer->body);
}

void http_body_release(struct http_body *body)
{
    coding_reader_close(body->reader);
    free(body->plain);
    body->reader = NULL;
    body->plain = NULL;
}

static int begin(struct http_body *body)
{
    struct mtr_str name = {0};
    enum mtr_coding coding;
    body->has_begun = true;
    if (!body->is_decoded || !mtr_http_answer_header(body->answer, "content-encoding", &name)) return MTR_OK;
    if (!mtr_coding_from_name(name, &coding)) {
        snprintf(body->coding, sizeof(body->coding),
                 "it has the content coding `%.*s%s`, which was not asked for", MTR_STR_QUOTED(name));
        body->fault = body->coding;
        return MTR_ECORRUPT;
    }
    if (coding == MTR_CODING_IDENTITY) return MTR_OK;
    body->plain = malloc(PLAIN_BYTES);
    return body->plain ? coding_reader_open(coding, &body->reader) : MTR_ENOMEM;
}

int http_body_expect(struct http_body *body, unsigned status)
{
    struct mtr_str size;
    const bool is_empty = status == STATUS_NO_CONTENT ||
                          (mtr_http_answer_header(body->answer, "content-length", &size) &&
                           mtr_str_equal(size, MTR_STR("0")));
    if (body->has_begun || is_empty || status / 100 != 2) return MTR_OK;
    const int rc = begin(body);
    return body->error = rc == MTR_ECORRUPT ? MTR_EVERSION : rc;
}

static int give(struct http_body *body, struct mtr_str piece)
{
    if (!piece.size) return MTR_OK;
    if (piece.size > body->bytes_max - body->bytes) return MTR_ELIMIT;
    int rc = body->on_piece ? body->on_piece(body->context, body->answer, piece)
                            : mtr_buffer_append_str(&body->answer->body, piece);
    if (!rc) body->bytes += piece.size;
    body->is_refused = body->on_piece && rc && rc != MTR_EAGAIN;
    return rc;
}

static int give_plain(struct http_body *body)
{
    int rc = give(body, (struct mtr_str){body->plain, body->plain_size});
    if (!rc) body->plain_size = 0;
    return rc;
}

static int decode(struct http_body *body, struct mtr_str *in)
{
    bool is_more = in->size > 0 || body->plain_size == PLAIN_BYTES;
    int rc = give_plain(body); /* of a pause */
    while (!rc && is_more) {
        rc = coding_read(body->reader, in, body->plain, PLAIN_BYTES, &body->plain_size);
        if (rc == MTR_ECORRUPT) body->fault = coding_reader_fault(body->reader);
        is_more = in->size > 0 || body->plain_size == PLAIN_BYTES;
        if (!rc) rc = give_plain(body);
    }
    return rc;
}

int http_body_take(struct http_body *body, struct mtr_str piece)
{
    MTR_ASSERT(!body->error && body->taken <= piece.size);
    if (!piece.size) return MTR_OK;
    int rc = body->has_begun ? MTR_OK : begin(body);
    if (!rc && !body->reader) {
        rc = give(body, piece);
    } else if (!rc) {
        struct mtr_str in = {piece.data + body->taken, piece.size - body->taken};
        rc = decode(body, &in);
        body->taken = rc == MTR_EAGAIN ? piece.size - in.size : 0;
    }
    if (rc != MTR_EAGAIN) body->error = rc;
    return rc;
}

int http_body_end(struct http_body *body)
{
    if (body->error || !body->reader || coding_reader_is_whole(body->reader)) return body->error;
    body->fault = coding_reader_fault(body->reader);
    return body->error = MTR_ECORRUPT;
}
