/*
 * Answers of vendors, as the client takes them: whatever the pieces that the bytes come in, the same status, headers
 * and body come out, or the same error; never more than the call allows. The peer is this process, without a
 * network: the first byte says how the call is made, the second how large the pieces are.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/net/http_exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 16384, PIECES_MAX = 64, SMALL_BYTES_MAX = 100 };

/* Listens under a name that the kernel chooses: of whole packets, each of which is one read, or of a stream. */
struct peer {
    int fd, type;
    struct sockaddr_un name;
    socklen_t name_size;
};

static void listen_as(struct peer *peer, int type)
{
    peer->name.sun_family = AF_UNIX;
    peer->name_size = sizeof(peer->name);
    peer->type = type;
    peer->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    MTR_ASSERT(peer->fd >= 0 && bind(peer->fd, (struct sockaddr *)&peer->name, sizeof(sa_family_t)) == 0);
    MTR_ASSERT(listen(peer->fd, 8) == 0 && getsockname(peer->fd, (struct sockaddr *)&peer->name, &peer->name_size) == 0);
}

/* One connection: what is to be answered, and where that is written. */
struct visit {
    const struct peer *peer;
    struct mtr_str bytes;
    size_t piece;
    int fd;
    struct mtr_http_answer *answer;
};

/* To the peer, whatever the URL says. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct visit *visit = context;
    (void)purpose;
    address->addrlen = visit->peer->name_size;
    memcpy(&address->addr, &visit->peer->name, visit->peer->name_size);
    return socket(AF_UNIX, visit->peer->type | SOCK_CLOEXEC, 0);
}

/* All is answered before anything is asked. */
static int on_connected(void *context, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
    struct visit *visit = context;
    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    visit->fd = accept(visit->peer->fd, NULL, NULL);
    MTR_ASSERT(visit->fd >= 0);
    visit->answer->was_sent = true;
    for (size_t at = 0; at < visit->bytes.size; at += visit->piece) {
        const size_t left = visit->bytes.size - at, count = left < visit->piece ? left : visit->piece;
        MTR_ASSERT(send(visit->fd, visit->bytes.data + at, count, MSG_NOSIGNAL) == (ssize_t)count);
    }
    MTR_ASSERT(shutdown(visit->fd, SHUT_WR) == 0);
    return CURL_PREREQFUNC_OK;
}

struct collected {
    struct mtr_buffer body;
};

static int on_piece(void *context, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    struct collected *collected = context;
    MTR_ASSERT(piece.size && answer->status && !answer->body.size);
    return mtr_buffer_append(&collected->body, piece.data, piece.size);
}

static void ask(const struct mtr_http_call *call, struct visit *visit, struct mtr_http_answer *answer)
{
    struct mtr_http_exchange exchange;
    struct collected collected;
    CURL *easy = curl_easy_init(); /* one each: as the multiplexed client has it */
    MTR_ASSERT(easy);
    mtr_buffer_init(&collected.body, INPUT_BYTES_MAX << 10);
    mtr_http_answer_init(answer);
    visit->answer = answer;
    int rc = http_exchange_begin(&exchange, easy, call, &collected, false, answer);
    MTR_ASSERT(rc == MTR_OK);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, visit);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, visit);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    http_exchange_conclude(&exchange, curl_easy_perform(easy));
    curl_easy_cleanup(easy);
    http_exchange_release(&exchange);
    MTR_ASSERT(answer->was_sent && answer->error != MTR_EUNREACHABLE);
    if (call->on_piece) {
        MTR_ASSERT(!answer->body.size && (!call->answer_bytes_max || collected.body.size <= call->answer_bytes_max));
        rc = answer->error ? MTR_OK : mtr_buffer_append(&answer->body, collected.body.data ? collected.body.data : "", collected.body.size);
        MTR_ASSERT(rc == MTR_OK);
    }
    mtr_buffer_release(&collected.body);
    close(visit->fd);
}

static void check_answer(const struct mtr_http_answer *answer, const struct mtr_http_call *call)
{
    static const char *const names[] = {"content-type", "link", "retry-after", "content-encoding"};
    MTR_ASSERT(answer->error ? answer->reason[0] != '\0' : answer->status >= 100);
    MTR_ASSERT(answer->headers.size <= HTTP_ANSWER_HEADERS_BYTES_MAX);
    MTR_ASSERT(!call->answer_bytes_max || answer->body.size <= call->answer_bytes_max);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct mtr_str value;
        for (size_t at = 0, before = 0; mtr_http_answer_next_header(answer, names[i], &at, &value); before = at) {
            MTR_ASSERT(at > before && value.data >= answer->headers.data && value.data + value.size <= answer->headers.data + answer->headers.size);
            MTR_ASSERT(!value.size || (value.data[0] != ' ' && value.data[value.size - 1] != '\r'));
        }
    }
}

/* Up to its blank line, or all there is. */
static size_t head_bytes(struct mtr_str bytes)
{
    for (size_t i = 0; i + 1 < bytes.size; i++) {
        if (bytes.data[i] != '\n') continue;
        if (bytes.data[i + 1] == '\n') return i + 2;
        if (i + 2 < bytes.size && bytes.data[i + 1] == '\r' && bytes.data[i + 2] == '\n') return i + 3;
    }
    return bytes.size;
}

/* In a head, that of an interim answer or the one behind it: what curl makes of it depends on pieces. */
static bool has_nul(struct mtr_str bytes)
{
    while (bytes.size) {
        const struct mtr_str head = {bytes.data, head_bytes(bytes)};
        const char *space = memchr(head.data, ' ', head.size);
        if (memchr(head.data, '\0', head.size)) return true;
        while (space && space + 1 < head.data + head.size && *space == ' ') space++;
        if (!space || *space != '1') return false;
        bytes = (struct mtr_str){bytes.data + head.size, bytes.size - head.size};
    }
    return false;
}

/* Both too large and damaged: which of them is seen first is a matter of pieces. */
static bool is_of_body(int error)
{
    return error == MTR_ELIMIT || error == MTR_ECORRUPT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct peer stream, packets;
    struct mtr_http_answer whole, pieces;
    if (size < 2 || size > INPUT_BYTES_MAX) return 0;
    if (!stream.fd) {
        int rc = http_exchange_init_curl();
        listen_as(&stream, SOCK_STREAM);
        listen_as(&packets, SOCK_SEQPACKET);
        MTR_ASSERT(rc == MTR_OK);
    }
    const struct mtr_str bytes = {(const char *)data + 2, size - 2};
    if (has_nul(bytes)) return 0;
    const struct mtr_http_call call = {.url = "http://127.0.0.1:1/", .method = data[0] & 1 ? "HEAD" : NULL, .accepts_codings = data[0] & 2,
                                       .answer_bytes_max = data[0] & 4 ? SMALL_BYTES_MAX : 0, .on_piece = data[0] & 8 ? on_piece : NULL};
    const size_t piece = 1 + data[1] % 64 + bytes.size / PIECES_MAX;
    struct visit first = {.peer = &stream, .bytes = bytes, .piece = size}, second = {.peer = &packets, .bytes = bytes, .piece = piece};
    ask(&call, &first, &whole);
    ask(&call, &second, &pieces);
    check_answer(&whole, &call);
    MTR_ASSERT(whole.error == pieces.error || (is_of_body(whole.error) && is_of_body(pieces.error)));
    MTR_ASSERT(whole.error || (whole.status == pieces.status && mtr_str_equal(mtr_buffer_str(&whole.headers), mtr_buffer_str(&pieces.headers)) &&
                               mtr_str_equal(mtr_buffer_str(&whole.body), mtr_buffer_str(&pieces.body))));
    mtr_http_answer_release(&whole);
    mtr_http_answer_release(&pieces);
    return 0;
}
