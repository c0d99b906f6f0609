/*
 * What the HTTP server answers to bytes, hostile ones among them, however they are cut; and the bounds of
 * what it reads.
 */
#include "tests/support/http_world.h"

static const struct {
    const char *what;
    const char *bytes;
    const char *statuses;
} table[] = {
    {"plain", NEXT, "200"},
    {"two, pipelined", "GET /a HTTP/1.1\r\n" HOST "\r\n" NEXT, "200 200"},
    {"empty lines before", "\r\n\r\n" NEXT, "200"},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n" NEXT, "200"},
    {"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT, "200 200"},
    {"nothing read behind close", NEXT NEXT, "200"},
    {"body by length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" NEXT, "200 200"},
    {"body in chunks", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" NEXT, "200 200"},
    {"chunk extension", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n" NEXT, "200 200"},
    {"trailer", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n" NEXT, "200 200"},
    {"upgrade is ignored", "GET / HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" NEXT, "200 200"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" NEXT, "200 200"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "200"},
    {"early refusal without body goes on", "GET /deny HTTP/1.1\r\n" HOST "\r\n" NEXT, "401 200"},
    {"early refusal with body closes", "POST /deny HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" NEXT, "401"},
    {"own limit kept", "POST /small HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789" NEXT, "200 200"},
    {"own limit by length", "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n", "413"},
    {"own limit by chunks", "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n", "413"},
    {"too large", "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n", "413"},
    {"unknown expectation", "POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\na", "417"},
    {"expectation with the body behind it", "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na" NEXT, "200 200|100 200 200"},
    {"missing Host", "GET / HTTP/1.1\r\n\r\n", "400"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
    {"malformed Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
    {"folded header", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "400"},
    {"folded with a tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", "400"},
    {"blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
    {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", "400"},
    {"one bare LF", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400"},
    {"bare CR in a header", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400"},
    {"blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
    {"header without colon", "GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n", "400"},
    {"two equal lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "400"},
    {"two lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "400"},
    {"list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", "400"},
    {"length and chunks", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"chunks and length", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
    {"signed length", "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na", "400"},
    {"negative length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\na", "400"},
    {"hexadecimal length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\na", "400"},
    {"empty length", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", "400"},
    {"endless length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", "400"},
    {"two codings", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
    {"chunked twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"chunked not last", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400|501"},
    {"identity coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", "400|501"},
    {"almost chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400|501"},
    {"chunked by vertical tab", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n", "400|501"},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"bad chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n", "400"},
    {"signed chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", "400"},
    {"prefixed chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", "400"},
    {"huge chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na", "400"},
    {"chunk longer than its size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "400"},
    {"bare LF behind a chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "400"},
    {"NUL in a header", NULL, "400"},
    {"unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", "501"},
    {"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "501"},
    {"absolute target", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"target without slash", "GET a HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "501|505|400"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "505"},
    {"HTTP/0.9", "GET /\r\n\r\n", "400|505"},
    {"no HTTP", "hello\r\n\r\n", "400|501"},
    {"two blanks before the target", "GET  / HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"two blanks before the version", "GET /  HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"a blank behind the version", "GET / HTTP/1.1 \r\n" HOST "\r\n", "400|505"},
    {"a tab before the target", "GET \t/ HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"a tab in the target", "GET /a\tb HTTP/1.1\r\n" HOST "\r\n", "400"},
    {"first header without a name", "GET / HTTP/1.1\r\n: b\r\n" HOST "\r\n", "400"},
    {"header without a name", "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", "400"},
    {"nothing but a colon", "GET / HTTP/1.1\r\n" HOST ":\r\n\r\n", "400"},
    {"two authorizations", "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", "400"},
};

static void assert_statuses(const char *what, const char *bytes, size_t size, size_t piece,
                            const char *wanted, struct fixture *fixture)
{
    char found[128], *text;
    int fd = connect_to(fixture);
    for (size_t at = 0; at < size; at += piece)
        send_bytes(fd, bytes + at, size - at < piece ? size - at : piece);
    read_all(fd, &text);
    close(fd);
    statuses(text, found, sizeof(found));
    const char *match = strstr(wanted, found);
    if (!found[0] || !match || (!strchr(wanted, '|') && strcmp(found, wanted) != 0)) {
        printf("%s (pieces of %zu): wanted %s, got \"%s\" from:\n%s\n", what, piece, wanted, found, text);
        fail();
    }
    free(text);
}

static void answers_hostile_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    static const char nul[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *bytes = table[i].bytes ? table[i].bytes : nul;
        size_t size = table[i].bytes ? strlen(bytes) : sizeof(nul) - 1;
        assert_statuses(table[i].what, bytes, size, size, table[i].statuses, &fixture);
        assert_statuses(table[i].what, bytes, size, 1, table[i].statuses, &fixture);
    }
    stop(&fixture);
}

static void bounds_what_it_reads(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    struct mtr_buffer bytes;
    mtr_buffer_init(&bytes, 1 << 20);
    char *many = malloc(4001);
    memset(many, 'a', 4000);
    many[4000] = '\0';
    assert_int_equal(mtr_buffer_printf(&bytes, "GET /%.201s HTTP/1.1\r\n" HOST "\r\n", many), 0);
    assert_statuses("long URL", bytes.data, bytes.size, bytes.size, "414", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET /%s", many), 0);
    assert_statuses("endless URL", bytes.data, bytes.size, bytes.size, "414", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET / HTTP/1.1\r\n" HOST "X: %s", many), 0);
    assert_statuses("endless header", bytes.data, bytes.size, bytes.size, "431", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET / HTTP/1.1\r\n" HOST), 0);
    for (int i = 0; i < MTR_HTTP_HEADERS_MAX; i++) assert_int_equal(mtr_buffer_printf(&bytes, "a:b\r\n"), 0);
    assert_int_equal(mtr_buffer_printf(&bytes, "\r\n"), 0);
    assert_statuses("too many headers", bytes.data, bytes.size, bytes.size, "431", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(
        mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;%s", many),
        0);
    assert_statuses("endless chunk extension", bytes.data, bytes.size, bytes.size, "400", &fixture);
    mtr_buffer_reset(&bytes);
    memset(many, '0', 4000);
    assert_int_equal(
        mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%s", many),
        0);
    assert_statuses("endless chunk size", bytes.data, bytes.size, bytes.size, "400", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(
        mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: %s",
                          many),
        0);
    assert_statuses("endless trailer", bytes.data, bytes.size, bytes.size, "400", &fixture);
    free(many);
    mtr_buffer_release(&bytes);
    stop(&fixture);
}

/* Of several faults the first counts, wherever a piece ends. */
static void refuses_alike_however_cut(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, patient_options());
    struct mtr_buffer bytes;
    mtr_buffer_init(&bytes, 1 << 20);
    char many[601];
    memset(many, 'a', 600);
    many[600] = '\0';
    assert_int_equal(mtr_buffer_printf(&bytes, "%.300s / HTTP/1.1\r\n" HOST "\r\n", many), 0);
    assert_statuses("long method", bytes.data, bytes.size, bytes.size, "414", &fixture);
    assert_statuses("long method", bytes.data, bytes.size, 16, "414", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "GET / HTTP/1.1\r\n" HOST "X: %s\r\nY: %s\r\n b\r\n\r\n", many, many), 0);
    assert_statuses("fold behind the bound", bytes.data, bytes.size, bytes.size, "431", &fixture);
    assert_statuses("fold behind the bound", bytes.data, bytes.size, 16, "431", &fixture);
    mtr_buffer_reset(&bytes);
    assert_int_equal(mtr_buffer_printf(&bytes, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;%s%s\r\na\r\n", many, many), 0);
    for (int i = 0; i < 40; i++) assert_int_equal(mtr_buffer_printf(&bytes, "1\r\na\r\n"), 0);
    assert_int_equal(mtr_buffer_printf(&bytes, "0\r\n\r\n"), 0);
    assert_statuses("chunks behind an endless extension", bytes.data, bytes.size, bytes.size, "400", &fixture);
    assert_statuses("chunks behind an endless extension", bytes.data, bytes.size, 16, "400", &fixture);
    mtr_buffer_release(&bytes);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_hostile_bytes),
        cmocka_unit_test(bounds_what_it_reads),
        cmocka_unit_test(refuses_alike_however_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
