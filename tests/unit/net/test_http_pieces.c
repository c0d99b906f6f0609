/*
 * Answers that come in pieces, from a peer that sends raw bytes: order, pauses, floods, torn and coded bodies,
 * bounds of size and speed, connections that are used again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "meterd/net/coding.h"
#include "meterd/net/http_client.h"
#include "tests/support/random.h"
#include "tests/support/raw_peer.h"

enum {
    PIECE_BYTES_MAX = 64 << 10,
    FLOOD_BYTES = 64 << 20,
    SOCKET_BYTES_MAX = 24 << 20, /* what two socket buffers of this machine may hold, amply */
    LONGEST_S = 32, /* the most that a machine is believed to be busy elsewhere */
};

/* ---- this side ---- */

struct fixture {
    struct mtr_loop *loop;
    struct mtr_http_client *client;
    struct mtr_http_transfer *transfer;
    struct mtr_timer *resumer;
    struct random_source random;
    unsigned pause_percent; /* of pieces */
    uint64_t pause_after;   /* bytes: pauses, and nobody resumes; 0: never */
    int refusal;            /* what on_piece returns for the first piece */
    struct mtr_buffer got;
    bool keeps;             /* into got */
    uint64_t bytes;
    unsigned pieces, pauses;
    bool is_done;
    int error;
    unsigned status;
    size_t body_size;
    char reason[MTR_HTTP_REASON_BYTES];
};

static int on_piece(void *context, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    struct fixture *fixture = context;
    struct mtr_str value;
    assert_int_equal(answer->status, 200);
    assert_true(mtr_http_answer_header(answer, "etag", &value));
    assert_true(mtr_str_equal(value, MTR_STR("\"v1\"")));
    assert_in_range(piece.size, 1, PIECE_BYTES_MAX);
    fixture->pieces++;
    if (fixture->refusal) return fixture->refusal;
    if (fixture->pause_after && fixture->bytes >= fixture->pause_after) {
        fixture->pauses++;
        return MTR_EAGAIN;
    }
    if (random_below(&fixture->random, 100) < fixture->pause_percent) {
        fixture->pauses++;
        mtr_timer_start(fixture->resumer, 0, 0);
        return MTR_EAGAIN;
    }
    fixture->bytes += piece.size;
    if (fixture->keeps) assert_int_equal(mtr_buffer_append_str(&fixture->got, piece), 0);
    return MTR_OK;
}

static void on_resumer(void *context)
{
    struct fixture *fixture = context;
    fixture->pause_after = 0;
    mtr_http_transfer_resume(fixture->transfer);
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct fixture *fixture = context;
    fixture->is_done = true;
    fixture->error = answer->error;
    fixture->status = answer->status;
    fixture->body_size = answer->body.size;
    if (!fixture->keeps) assert_int_equal(mtr_buffer_append_str(&fixture->got, mtr_buffer_str(&answer->body)), 0);
    snprintf(fixture->reason, sizeof(fixture->reason), "%s", answer->reason);
    mtr_loop_stop(fixture->loop);
}

static void setup(struct fixture *fixture)
{
    struct mtr_http_client_options options = {.transfers_max = 8};
    *fixture = (struct fixture){.keeps = true};
    mtr_buffer_init(&fixture->got, 256 << 20);
    assert_int_equal(mtr_loop_open(&fixture->loop), MTR_OK);
    assert_int_equal(mtr_http_client_open(fixture->loop, &options, &fixture->client), MTR_OK);
    assert_int_equal(mtr_timer_open(fixture->loop, on_resumer, fixture, &fixture->resumer), MTR_OK);
}

static void teardown(struct fixture *fixture)
{
    mtr_timer_close(fixture->resumer);
    mtr_http_client_close(fixture->client);
    mtr_loop_close(fixture->loop);
    mtr_buffer_release(&fixture->got);
}

static void begin(struct fixture *fixture, const struct peer *peer, struct mtr_http_call call)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer->port);
    call.url = url;
    call.allow_loopback = true;
    mtr_buffer_reset(&fixture->got);
    fixture->bytes = fixture->pieces = fixture->pauses = 0;
    fixture->is_done = false;
    assert_int_equal(mtr_http_client_send(fixture->client, &call, on_answer, fixture, &fixture->transfer), 0);
}

static void ask(struct fixture *fixture, const struct peer *peer, struct mtr_http_call call)
{
    begin(fixture, peer, call);
    while (!fixture->is_done) mtr_loop_run(fixture->loop);
}

/* ---- bodies ---- */

enum framing { BY_LENGTH, BY_CHUNKS, BY_CLOSE };

static void add(struct mtr_buffer *out, const char *format, ...) MTR_PRINTF(2, 3);
static void add(struct mtr_buffer *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    assert_int_equal(mtr_buffer_vprintf(out, format, args), 0);
    va_end(args);
}

static void add_answer(struct mtr_buffer *out, struct random_source *random, enum framing framing,
                       enum mtr_coding coding, struct mtr_str body)
{
    add(out, "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\n");
    if (coding) add(out, "Content-Encoding: %.*s\r\n", MTR_STR_ARGS(mtr_coding_name(coding)));
    if (framing == BY_LENGTH) add(out, "Content-Length: %zu\r\n\r\n", body.size);
    if (framing == BY_CLOSE) add(out, "Connection: close\r\n\r\n");
    if (framing == BY_CHUNKS) add(out, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; framing == BY_CHUNKS && at < body.size;) {
        size_t size = 1 + random_below(random, 40000);
        if (size > body.size - at) size = body.size - at;
        add(out, "%zx\r\n", size);
        assert_int_equal(mtr_buffer_append(out, body.data + at, size), 0);
        add(out, "\r\n");
        at += size;
    }
    if (framing == BY_CHUNKS) add(out, "0\r\n\r\n");
    else assert_int_equal(mtr_buffer_append_str(out, body), 0);
}

/* Runs of equal bytes, so that it packs well but not to nothing. */
static void add_text(struct mtr_buffer *out, struct random_source *random, size_t size)
{
    while (out->size < size) {
        const char byte = (char)('a' + random_below(random, 26));
        for (uint64_t left = 1 + random_below(random, 300); left && out->size < size; left--)
            assert_int_equal(mtr_buffer_append_char(out, byte), 0);
    }
}

static void code(struct mtr_buffer *out, struct random_source *random, enum mtr_coding coding,
                 struct mtr_str text)
{
    struct mtr_coding_writer writer = {.coding = coding};
    for (size_t at = 0, size; at <= text.size; at += size) {
        size = 1 + random_below(random, 200000);
        if (size > text.size - at) size = text.size - at;
        const bool is_last = at + size == text.size;
        assert_int_equal(mtr_coding_write(&writer, (struct mtr_str){text.data + at, size}, is_last, out), 0);
        if (is_last) break;
    }
}

static uint64_t seed(void)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t value = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("METERD_SEED=%llu\n", (unsigned long long)value);
    return value;
}

/* Whatever the framing, the coding, the sizes of writes and the pauses: the same bytes, once, in order. */
static void pieces_are_the_body(void **state)
{
    (void)state;
    struct fixture fixture;
    struct random_source random = {seed()};
    setup(&fixture);
    fixture.random.state = random_u64(&random);
    for (int i = 0; i < 60; i++) {
        const enum framing framing = (enum framing)random_below(&random, 3);
        const enum mtr_coding coding = (enum mtr_coding)random_below(&random, 3);
        const bool is_raw = random_below(&random, 4) == 0, is_whole = random_below(&random, 4) == 0;
        struct peer peer = {.random = {random_u64(&random)}};
        struct mtr_buffer text, body, script;
        mtr_buffer_init(&text, 1 << 24);
        mtr_buffer_init(&body, 1 << 24);
        mtr_buffer_init(&script, 1 << 24);
        add_text(&text, &random, random_below(&random, 3) ? random_below(&random, 1 << 20) : 1);
        code(&body, &random, coding, mtr_buffer_str(&text));
        add_answer(&script, &random, framing, coding, mtr_buffer_str(&body));
        peer.write_bytes_max = random_below(&random, 2) ? 0 : 1 + random_below(&random, 50000);
        fixture.pause_percent = (unsigned)random_below(&random, 3) * 30;
        fixture.keeps = !is_whole;
        peer_start(&peer, mtr_buffer_str(&script));
        ask(&fixture, &peer, (struct mtr_http_call){.accepts_codings = !is_raw, .on_piece = is_whole ? NULL : on_piece});
        assert_string_equal(fixture.reason, "");
        assert_int_equal(fixture.error, MTR_OK);
        const struct mtr_buffer *wanted = is_raw ? &body : &text;
        if (!mtr_str_equal(mtr_buffer_str(&fixture.got), mtr_buffer_str(wanted)))
            fail_msg("case %d: %zu bytes, wanted %zu", i, fixture.got.size, wanted->size);
        if (!is_whole) assert_int_equal(fixture.body_size, 0);
        mtr_http_client_close(fixture.client); /* its kept connection, too */
        assert_int_equal(mtr_http_client_open(fixture.loop, &(struct mtr_http_client_options){.transfers_max = 8},
                                              &fixture.client), MTR_OK);
        peer_stop(&peer);
        mtr_buffer_release(&text);
        mtr_buffer_release(&body);
        mtr_buffer_release(&script);
    }
    teardown(&fixture);
}

/* Before the pause it is this thread that does not get on: the machine is busy elsewhere. */
static void on_stall(void *context)
{
    struct fixture *fixture = context;
    if (fixture->pauses) mtr_loop_stop(fixture->loop);
}

/* While it is paused the peer can send no more than socket buffers hold; then all of it comes. */
static void a_pause_stops_a_flood(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peer = {.flood_bytes = FLOOD_BYTES};
    char script[120];
    setup(&fixture);
    fixture.keeps = false;
    fixture.pause_after = 1 << 20;
    assert_int_equal(mtr_wakeup_open(fixture.loop, true, on_stall, &fixture, &peer.on_stall), MTR_OK);
    snprintf(script, sizeof(script), "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: %u\r\n\r\n", FLOOD_BYTES);
    peer_start(&peer, mtr_str_from(script));
    begin(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece, .answer_bytes_max = FLOOD_BYTES});
    mtr_loop_run(fixture.loop); /* until the flood stalls */
    assert_false(fixture.is_done);
    assert_int_equal(fixture.pauses, 1);
    assert_in_range(fixture.bytes, 1 << 20, (1 << 20) + PIECE_BYTES_MAX);
    assert_in_range(peer.sent, 1 << 20, SOCKET_BYTES_MAX);
    fixture.pause_after = 0;
    mtr_http_transfer_resume(fixture.transfer);
    assert_int_equal(fixture.pauses, 1); /* never from inside */
    while (!fixture.is_done) mtr_loop_run(fixture.loop);
    assert_int_equal(fixture.error, MTR_OK);
    assert_int_equal(fixture.bytes, FLOOD_BYTES);
    mtr_wakeup_close(peer.on_stall);
    teardown(&fixture);
    peer_stop(&peer);
}

/* 64 MiB out of 64 KiB: a paused receiver has one piece of it, not what curl would unpack. */
static void a_pause_stops_a_bomb(void **state)
{
    (void)state;
    for (int coding = MTR_CODING_GZIP; coding <= MTR_CODING_ZSTD; coding++) {
        struct fixture fixture;
        struct peer peer = {0};
        struct random_source random = {1};
        struct mtr_buffer body, script;
        struct mtr_coding_writer writer = {.coding = (enum mtr_coding)coding};
        char *zeros = calloc(1, FLOOD_BYTES);
        setup(&fixture);
        mtr_buffer_init(&body, SIZE_MAX);
        mtr_buffer_init(&script, SIZE_MAX);
        assert_int_equal(mtr_coding_write(&writer, (struct mtr_str){zeros, FLOOD_BYTES}, true, &body), 0);
        add_answer(&script, &random, BY_LENGTH, (enum mtr_coding)coding, mtr_buffer_str(&body));
        peer_start(&peer, mtr_buffer_str(&script));
        fixture.keeps = false;
        fixture.pause_percent = 50;
        struct mtr_http_call call = {.on_piece = on_piece, .accepts_codings = true, .answer_bytes_max = FLOOD_BYTES};
        ask(&fixture, &peer, call);
        assert_int_equal(fixture.error, MTR_OK);
        assert_int_equal(fixture.bytes, FLOOD_BYTES);
        assert_true(fixture.pauses > 100);
        call.answer_bytes_max = 1 << 20;
        ask(&fixture, &peer, call);
        assert_int_equal(fixture.error, MTR_ELIMIT);
        assert_true(fixture.bytes <= 1 << 20);
        assert_non_null(strstr(fixture.reason, "is larger than 1048576 bytes"));
        teardown(&fixture);
        peer_stop(&peer);
        mtr_buffer_release(&body);
        mtr_buffer_release(&script);
        free(zeros);
    }
}

#define HEAD "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\n"

static void torn_bodies_are_errors(void **state)
{
    (void)state;
    const struct {
        struct mtr_str script;
        int error;
        const char *reason;
        uint64_t bytes;
    } rows[] = {
        {MTR_STR(HEAD "Torn: 1\r\nContent-Length: 10\r\n\r\n12345"), MTR_EIO, "broke off", 5},
        {MTR_STR(HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"), MTR_EIO, "broke off", 5},
        {MTR_STR(HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nxyz\r\n"), MTR_EIO, "broke off", 5},
        {MTR_STR(HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345"), MTR_ECORRUPT, "incorrect header", 0},
        {MTR_STR(HEAD "Content-Encoding: zstd\r\nContent-Length: 5\r\n\r\n12345"), MTR_ECORRUPT, "cannot be decoded", 0},
        {MTR_STR(HEAD "Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03"), MTR_ECORRUPT,
         "ends too early", 0},
        {MTR_STR(HEAD "Content-Encoding: zstd\r\nContent-Length: 4\r\n\r\n\x28\xb5\x2f\xfd"), MTR_ECORRUPT, "ends too early", 0},
        {MTR_STR(HEAD "Content-Encoding: br\r\nContent-Length: 9\r\n\r\n"), MTR_EVERSION, "the content coding `br`, which was not asked for", 0},
        {MTR_STR(HEAD "Content-Encoding: gzip, br\r\nTransfer-Encoding: chunked\r\n\r\n"), MTR_EVERSION, "coding `gzip, br`, which", 0},
        {MTR_STR("HTTP/1.1 503 No\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\n1"), MTR_ECORRUPT, "was not asked for", 0},
        {MTR_STR("HTTP/1.1 304 Same\r\nContent-Encoding: br\r\n\r\n"), MTR_OK, "", 0},
        {MTR_STR("HTTP/1.1 204 None\r\nContent-Encoding: br\r\n\r\n"), MTR_OK, "", 0},
        {MTR_STR(HEAD "Content-Encoding: br\r\nContent-Length: 0\r\n\r\n"), MTR_OK, "", 0},
        {MTR_STR("nonsense\r\n\r\n"), MTR_EIO, "is not HTTP", 0},
        {MTR_STR(""), MTR_EIO, "broke off", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture fixture;
        struct peer peer = {0};
        setup(&fixture);
        peer_start(&peer, rows[i].script);
        ask(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece, .accepts_codings = true});
        if (fixture.error != rows[i].error || !strstr(fixture.reason, rows[i].reason) || fixture.bytes != rows[i].bytes)
            fail_msg("row %zu: %s, \"%s\", %llu bytes", i, mtr_error_name(fixture.error), fixture.reason,
                     (unsigned long long)fixture.bytes);
        teardown(&fixture);
        peer_stop(&peer);
    }
}

static void a_receiver_may_refuse(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peer = {0};
    setup(&fixture);
    peer_start(&peer, MTR_STR(HEAD "Content-Length: 5\r\n\r\n12345"));
    fixture.refusal = MTR_EFULL;
    ask(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece});
    assert_int_equal(fixture.error, MTR_EFULL);
    assert_int_equal(fixture.pieces, 1);
    assert_non_null(strstr(fixture.reason, "was not taken: queue, map or disk is full"));
    teardown(&fixture);
    peer_stop(&peer);
}

static void a_paused_transfer_may_be_cancelled(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peer = {.flood_bytes = FLOOD_BYTES};
    char script[120];
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        setup(&fixture);
        fixture.keeps = false;
        fixture.pause_after = 1;
        peer.is_ending = false;
        assert_int_equal(mtr_wakeup_open(fixture.loop, true, on_stall, &fixture, &peer.on_stall), MTR_OK);
        snprintf(script, sizeof(script), HEAD "Content-Length: %u\r\n\r\n", FLOOD_BYTES);
        peer_start(&peer, mtr_str_from(script));
        begin(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece});
        mtr_loop_run(fixture.loop);
        assert_int_equal(fixture.pauses, 1);
        mtr_http_transfer_resume(fixture.transfer); /* it is asked for, and then does not come */
        if (!is_closed) mtr_http_transfer_cancel(fixture.transfer);
        mtr_http_client_close(fixture.client);
        fixture.client = NULL;
        assert_true(fixture.is_done);
        assert_int_equal(fixture.error, MTR_ECLOSED);
        peer_stop(&peer);
        mtr_wakeup_close(peer.on_stall);
        teardown(&fixture);
    }
}

static void too_slow_is_an_error(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peer = {.holds_on = true};
    setup(&fixture);
    peer_start(&peer, MTR_STR(HEAD "Content-Length: 9\r\n\r\n12345"));
    for (uint32_t slow_s = 1; fixture.bytes < 5 && slow_s <= LONGEST_S; slow_s *= 2) {
        ask(&fixture, &peer,
            (struct mtr_http_call){.on_piece = on_piece, .slow_bytes_per_s = 1000, .slow_s = slow_s, .timeout_ms = 120000});
        assert_int_equal(fixture.error, MTR_ETIMEDOUT);
        assert_non_null(strstr(fixture.reason, "came too slowly"));
    }
    assert_int_equal(fixture.bytes, 5);
    ask(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece, .timeout_ms = 50});
    assert_int_equal(fixture.error, MTR_ETIMEDOUT);
    assert_non_null(strstr(fixture.reason, "no answer in time"));
    teardown(&fixture);
    peer_stop(&peer);
}

/* Three times as long as the bound allows to be slow, and longer than the timeout; then all of it comes. */
static int pause_for_long(uint32_t slow_s)
{
    struct fixture fixture;
    struct peer peer = {.flood_bytes = FLOOD_BYTES};
    char script[120];
    setup(&fixture);
    fixture.keeps = false;
    fixture.pause_after = 1 << 20;
    snprintf(script, sizeof(script), HEAD "Content-Length: %u\r\n\r\n", FLOOD_BYTES);
    peer_start(&peer, mtr_str_from(script));
    begin(&fixture, &peer,
          (struct mtr_http_call){.on_piece = on_piece, .slow_bytes_per_s = 1 << 20, .slow_s = slow_s, .timeout_ms = slow_s * 2000,
                                 .answer_bytes_max = FLOOD_BYTES});
    mtr_timer_start(fixture.resumer, slow_s * 3000, 0);
    while (!fixture.is_done) {
        mtr_loop_run(fixture.loop);
        assert_true(fixture.is_done);
    }
    if (!fixture.error) {
        assert_int_equal(fixture.bytes, FLOOD_BYTES);
        assert_int_equal(fixture.pauses, 1);
    }
    teardown(&fixture);
    peer_stop(&peer);
    return fixture.error;
}

/* What comes beside the pause has to come in time: on a machine that is busy elsewhere, in more of it. */
static void a_pause_does_not_count(void **state)
{
    (void)state;
    int error = MTR_ETIMEDOUT;
    for (uint32_t slow_s = 1; error == MTR_ETIMEDOUT && slow_s <= LONGEST_S; slow_s *= 2) error = pause_for_long(slow_s);
    assert_int_equal(error, MTR_OK);
}

static void silence_after_a_pause_times_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peer = {.holds_on = true};
    setup(&fixture);
    peer_start(&peer, MTR_STR(HEAD "Content-Length: 9\r\n\r\n12345"));
    fixture.pause_percent = 50;
    for (uint32_t timeout_ms = 300; fixture.bytes < 5 && timeout_ms <= LONGEST_S * 1000; timeout_ms *= 2) {
        fixture.random.state = 0;
        for (struct random_source random = {0}; random_below(&random, 100) >= 50;) fixture.random = random; /* pauses first */
        ask(&fixture, &peer, (struct mtr_http_call){.on_piece = on_piece, .timeout_ms = timeout_ms});
        assert_int_equal(fixture.error, MTR_ETIMEDOUT);
    }
    assert_true(fixture.pauses > 0);
    assert_int_equal(fixture.bytes, 5);
    teardown(&fixture);
    peer_stop(&peer);
}

static void hosts_keep_their_connections(void **state)
{
    (void)state;
    struct fixture fixture;
    struct peer peers[3] = {0};
    setup(&fixture);
    for (int i = 0; i < 3; i++) peer_start(&peers[i], MTR_STR(HEAD "Content-Length: 5\r\n\r\n12345"));
    for (int i = 0; i < 12; i++) {
        ask(&fixture, &peers[i % 3], (struct mtr_http_call){.on_piece = on_piece});
        assert_int_equal(fixture.error, MTR_OK);
    }
    for (int i = 0; i < 3; i++) assert_int_equal(peers[i].connections, 1);
    teardown(&fixture);
    for (int i = 0; i < 3; i++) peer_stop(&peers[i]);
}

static void a_header_may_come_several_times(void **state)
{
    (void)state;
    struct mtr_http_answer answer;
    struct mtr_str value;
    size_t position = 0;
    mtr_http_answer_init(&answer);
    assert_false(mtr_http_answer_next_header(&answer, "link", &position, &value));
    assert_int_equal(mtr_buffer_append_str(&answer.headers, MTR_STR("Link: <a>\r\nX: 1\r\nLinks: no\r\nlINK:<b>\r\nLink:\r\n\r\n")), 0);
    static const char *const wanted[] = {"<a>", "<b>", ""};
    for (int i = 0; i < 3; i++) {
        assert_true(mtr_http_answer_next_header(&answer, "link", &position, &value));
        assert_true(mtr_str_equal(value, mtr_str_from(wanted[i])));
    }
    assert_false(mtr_http_answer_next_header(&answer, "link", &position, &value));
    mtr_http_answer_release(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_the_body),      cmocka_unit_test(a_pause_stops_a_flood),
        cmocka_unit_test(a_pause_stops_a_bomb),     cmocka_unit_test(torn_bodies_are_errors),
        cmocka_unit_test(a_receiver_may_refuse),    cmocka_unit_test(a_paused_transfer_may_be_cancelled),
        cmocka_unit_test(too_slow_is_an_error),     cmocka_unit_test(a_pause_does_not_count),
        cmocka_unit_test(silence_after_a_pause_times_out), cmocka_unit_test(hosts_keep_their_connections),
        cmocka_unit_test(a_header_may_come_several_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
