/*
 * Fuzzing of the HTTP parser: requests one after the other, once in one piece and once cut into pieces whose
 * sizes come from the input. The law: how bytes are cut changes nothing, neither what is understood nor where
 * a request ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_parser.h"
#include "meterd/core/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { URL_BYTES_MAX = 256, HEADER_BYTES_MAX = 2048, BODY_BYTES_MAX = 4096, REQUESTS_MAX = 64 };

/* What was understood, folded into one number, and where it ended. */
struct reading {
    uint64_t digest;
    size_t end;
    unsigned requests;
    unsigned refused_status;
    size_t body_bytes;
};

static void mix(struct reading *reading, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        reading->digest = (reading->digest ^ bytes[i]) * UINT64_C(1099511628211);
}

static int on_body(void *context, const char *data, size_t size)
{
    struct reading *reading = context;
    size_t room = BODY_BYTES_MAX - reading->body_bytes;
    mix(reading, data, size < room ? size : room);
    reading->body_bytes += size < room ? size : room;
    return size > room ? 413 : 0;
}

static void mix_head(struct reading *reading, const struct mtr_http_head *head)
{
    MTR_ASSERT(head->header_count <= MTR_HTTP_HEADERS_MAX && head->bytes.size <= HEADER_BYTES_MAX &&
               head->url.size <= URL_BYTES_MAX);
    mix(reading, head->path.data, head->path.size);
    mix(reading, head->query.data, head->query.size);
    mix(reading, &head->method, sizeof(head->method));
    mix(reading, &head->content_length, sizeof(head->content_length));
    bool flags[4] = {head->is_http10, head->keep_alive, head->is_chunked, head->expects_continue};
    mix(reading, flags, sizeof(flags));
    for (uint32_t i = 0; i < head->header_count; i++) {
        mix(reading, head->headers[i].name.data, head->headers[i].name.size);
        mix(reading, head->headers[i].value.data, head->headers[i].value.size);
    }
}

/* Pieces are copied to memory of their own size, so that a sanitizer sees a read past them. */
static struct reading read_requests(const uint8_t *data, size_t size, const uint8_t *cuts, size_t cut_count)
{
    struct mtr_http_parser parser;
    static struct mtr_http_head head;
    struct reading reading = {.digest = UINT64_C(14695981039346656037)};
    bool in_body = false;
    size_t cut = 0, left_in_piece = 0;
    mtr_buffer_init(&head.bytes, HEADER_BYTES_MAX);
    http_parser_init(&parser, URL_BYTES_MAX, HEADER_BYTES_MAX);
    http_parser_begin(&parser, &head);
    while (reading.end < size && reading.requests < REQUESTS_MAX) {
        if (left_in_piece == 0) left_in_piece = cut_count ? 1 + cuts[cut++ % cut_count] % 16u : size;
        size_t piece_size = size - reading.end < left_in_piece ? size - reading.end : left_in_piece;
        char *piece = malloc(piece_size);
        MTR_ASSERT(piece);
        memcpy(piece, data + reading.end, piece_size);
        size_t used = 0;
        enum mtr_http_progress progress =
            in_body ? http_parser_body(&parser, piece, piece_size, &used, on_body, &reading)
                    : http_parser_head(&parser, piece, piece_size, &used);
        free(piece);
        MTR_ASSERT(used <= piece_size && (progress != MTR_HTTP_MORE || used == piece_size));
        if (progress == MTR_HTTP_REFUSED) {
            MTR_ASSERT(parser.refused_status >= 400);
            reading.refused_status = parser.refused_status;
            break;
        }
        reading.end += used;
        left_in_piece -= used;
        if (progress == MTR_HTTP_MORE) continue;
        if (!in_body) mix_head(&reading, &head);
        in_body = !in_body && (head.is_chunked || head.content_length > 0);
        if (in_body) continue;
        reading.requests++;
        reading.body_bytes = 0;
        http_parser_begin(&parser, &head);
    }
    mtr_buffer_release(&head.bytes);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CUTS = 4 };
    if (size < CUTS) return 0;
    struct reading whole = read_requests(data + CUTS, size - CUTS, NULL, 0);
    struct reading cut = read_requests(data + CUTS, size - CUTS, data, CUTS);
    MTR_ASSERT(whole.requests == cut.requests && whole.refused_status == cut.refused_status);
    if (whole.refused_status == 0) MTR_ASSERT(whole.digest == cut.digest && whole.end == cut.end);
    return 0;
}
