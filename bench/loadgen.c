/*
 * A load generator for POST /v1/events: a few connections on loopback, one request at a time on each, batches
 * encoded beforehand.
 *
 *   loadgen --url http://127.0.0.1:8787 --key-file FILE [--connections 4] [--batch 1000]
 *           [--format msgpack|msgpack-maps|ndjson|json] [--seconds 5 | --events N] [--subjects 300]
 *           [--seed N]
 *
 *   IDLE ──send_more──▶ SENDING ──all written──▶ WAITING ──take_answer: 200, counts checked──▶ IDLE
 *
 * Every answer must be 200 and must say that as many events were accepted as were sent: anything else ends
 * the run with exit code 1. An event counts when its answer is there. Prints one line of JSON. One thread;
 * times of an acknowledgement go from the first byte written to the last byte of the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench_support.h"
#include "bench/load_batch.h"

enum {
    CONNECTIONS_MAX = 1024,
    ANSWER_BYTES_MAX = 16 << 10,
    STEPS = 32,              /* of the histogram, for each power of two: 3 % */
    BUCKETS = 64 * STEPS,
    KEY_BYTES_MAX = 128,
    STALL_MS = 30000,
};

struct connection {
    int fd;
    struct load_batch batch;
    size_t sent;             /* of batch.size; 0: idle */
    bool waits_to_write;
    int64_t began_ns;
    char answer[ANSWER_BYTES_MAX + 1];
    size_t answer_bytes;
};

static struct {
    struct load_batch_options batch;
    struct sockaddr_in address;
    uint32_t connections;
    int64_t seconds;
    uint64_t events;         /* 0: by time */
} options = {
    .batch = {.format = LOAD_MSGPACK, .events = 1000, .subjects = 300}, .connections = 4, .seconds = 5};

static struct connection *connections;
static int poller;
static uint64_t counter, events_sent, events_acked, requests_acked, bytes_sent;
static uint64_t histogram[BUCKETS];
static int64_t slowest_ns, deadline_ns;
static uint32_t busy;

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "loadgen: %s: %s\n", what, detail);
    exit(1);
}

/* ---- times ---- */

static uint32_t bucket_of(uint64_t ns)
{
    if (ns < STEPS) return (uint32_t)ns;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(ns) - 5; /* STEPS is 2^5 */
    return (power + 1) * STEPS + (uint32_t)(ns >> power) - STEPS;
}

static uint64_t bucket_floor_ns(uint32_t bucket)
{
    uint32_t power = bucket / STEPS;
    return power ? (uint64_t)(STEPS + bucket % STEPS) << (power - 1) : bucket;
}

static void note_time(int64_t ns)
{
    histogram[bucket_of((uint64_t)ns)]++;
    if (ns > slowest_ns) slowest_ns = ns;
}

static double quantile_ms(double part)
{
    uint64_t rank = (uint64_t)((double)requests_acked * part), seen = 0;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen > rank) return (double)bucket_floor_ns(i) / 1e6;
    }
    return (double)slowest_ns / 1e6;
}

/* ---- one connection ---- */

static void watch(struct connection *connection, bool to_write)
{
    struct epoll_event event = {.events = EPOLLIN | (to_write ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = connection};
    if (connection->waits_to_write == to_write) return;
    connection->waits_to_write = to_write;
    if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event)) fail("epoll", strerror(errno));
}

static void send_more(struct connection *connection)
{
    while (connection->sent < connection->batch.size) {
        ssize_t sent = send(connection->fd, connection->batch.bytes + connection->sent,
                            connection->batch.size - connection->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            watch(connection, true);
            return;
        }
        if (sent < 0) fail("send", strerror(errno));
        connection->sent += (size_t)sent;
    }
    watch(connection, false);
}

static bool may_go_on(int64_t now_ns)
{
    return options.events ? events_sent < options.events : now_ns < deadline_ns;
}

static void begin_request(struct connection *connection, int64_t now_ns)
{
    if (!may_go_on(now_ns)) return;
    load_batch_renew(&connection->batch, &counter);
    events_sent += connection->batch.events;
    bytes_sent += connection->batch.body_bytes;
    connection->sent = 0;
    connection->answer_bytes = 0;
    connection->began_ns = now_ns;
    busy++;
    send_more(connection);
}

static uint64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at) fail("an answer without", name);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Is the answer whole? Then it must say that everything was accepted. */
static bool take_answer(struct connection *connection)
{
    char *head = connection->answer;
    head[connection->answer_bytes] = 0;
    char *body = strstr(head, "\r\n\r\n");
    if (!body) return false;
    body += 4;
    *(body - 1) = 0;
    uint64_t body_bytes = number_after(head, "Content-Length: ");
    *(body - 1) = '\n';
    if ((uint64_t)(head + connection->answer_bytes - body) < body_bytes) return false;
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) fail("refused", head);
    if (number_after(body, "\"accepted\":") != connection->batch.events)
        fail("not everything was accepted", body);
    return true;
}

static void receive(struct connection *connection)
{
    ssize_t size = recv(connection->fd, connection->answer + connection->answer_bytes,
                        ANSWER_BYTES_MAX - connection->answer_bytes, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) fail("the daemon closed a connection", size ? strerror(errno) : "end of stream");
    connection->answer_bytes += (size_t)size;
    if (!take_answer(connection)) {
        if (connection->answer_bytes == ANSWER_BYTES_MAX) fail("a long answer", connection->answer);
        return;
    }
    int64_t now_ns = bench_clock_ns(CLOCK_MONOTONIC);
    note_time(now_ns - connection->began_ns);
    busy--;
    requests_acked++;
    events_acked += connection->batch.events;
    begin_request(connection, now_ns);
}

static void connect_to(struct connection *connection, uint32_t lane)
{
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&options.address, sizeof(options.address)))
        fail("connect", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fcntl(connection->fd, F_SETFL, O_NONBLOCK)) fail("fcntl", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event)) fail("epoll", strerror(errno));
    load_batch_init(&connection->batch, &options.batch, lane);
}

/* ---- the run ---- */

static void run(void)
{
    struct epoll_event ready[64];
    while (busy) {
        int count = epoll_wait(poller, ready, 64, STALL_MS);
        if (count == 0) fail("no answer", "for 30 seconds");
        for (int i = 0; i < count; i++) {
            struct connection *connection = ready[i].data.ptr;
            if (ready[i].events & EPOLLOUT) send_more(connection);
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(connection);
        }
    }
}

static void report(int64_t wall_ns)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)wall_ns / 1e9;
    double cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    printf("{\"events\": %" PRIu64 ", \"requests\": %" PRIu64
           ", \"seconds\": %.3f, \"events_per_s\": %.0f, \"requests_per_s\": %.0f, "
           "\"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"body_bytes\": %" PRIu64
           ", \"cpu_ns_per_event\": %.0f}\n",
           events_acked, requests_acked, seconds, (double)events_acked / seconds,
           (double)requests_acked / seconds, quantile_ms(0.5), quantile_ms(0.9), quantile_ms(0.99),
           (double)slowest_ns / 1e6, bytes_sent, cpu_us * 1000 / (double)(events_acked ? events_acked : 1));
}

static void read_key(const char *path, char key[KEY_BYTES_MAX])
{
    FILE *file = fopen(path, "r");
    if (!file || !fgets(key, KEY_BYTES_MAX, file)) fail("cannot read the key", path);
    key[strcspn(key, "\r\n")] = 0;
    fclose(file);
}

static void set_url(const char *url)
{
    static char host[64];
    unsigned port;
    if (sscanf(url, "http://%40[0-9.]:%u", host, &port) != 2 || port > 65535)
        fail("not http://ADDRESS:PORT", url);
    options.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &options.address.sin_addr) != 1) fail("not an IPv4 address", host);
    options.batch.host = host;
}

static void set_format(const char *name)
{
    for (int i = 0; i < LOAD_FORMATS; i++)
        if (strcmp(name, load_format_names[i]) == 0) {
            options.batch.format = (enum load_format)i;
            return;
        }
    fail("unknown format", name);
}

static void set_options(int argc, char **argv)
{
    static const struct option known[] = {{"url", 1, NULL, 'u'},         {"key-file", 1, NULL, 'k'},
                                          {"connections", 1, NULL, 'c'}, {"batch", 1, NULL, 'b'},
                                          {"format", 1, NULL, 'f'},      {"seconds", 1, NULL, 's'},
                                          {"events", 1, NULL, 'e'},      {"subjects", 1, NULL, 'n'},
                                          {"seed", 1, NULL, 'r'},        {NULL, 0, NULL, 0}};
    static char key[KEY_BYTES_MAX];
    options.batch.nonce = (uint64_t)bench_clock_ns(CLOCK_REALTIME);
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'u': set_url(optarg); break;
        case 'k': read_key(optarg, key); break;
        case 'c': options.connections = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'b': options.batch.events = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'f': set_format(optarg); break;
        case 's': options.seconds = strtol(optarg, NULL, 10); break;
        case 'e': options.events = strtoull(optarg, NULL, 10); break;
        case 'n': options.batch.subjects = (uint32_t)strtoul(optarg, NULL, 10); break;
        case 'r': options.batch.nonce = strtoull(optarg, NULL, 10); break;
        default: exit(64);
        }
    }
    options.batch.key = key;
    options.batch.now_us = bench_clock_ns(CLOCK_REALTIME) / 1000;
    if (optind != argc || !options.batch.host || !key[0] || !options.connections ||
        options.connections > CONNECTIONS_MAX || !options.batch.events || options.batch.events > 100000 ||
        !options.batch.subjects) {
        fprintf(stderr, "usage: loadgen --url http://ADDRESS:PORT --key-file FILE [--connections N]\n"
                        "               [--batch N] [--format msgpack|msgpack-maps|ndjson|json]\n"
                        "               [--seconds N | --events N] [--subjects N] [--seed N]\n");
        exit(64);
    }
}

int main(int argc, char **argv)
{
    set_options(argc, argv);
    connections = calloc(options.connections, sizeof(*connections));
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0) fail("set up", strerror(errno));
    for (uint32_t i = 0; i < options.connections; i++) connect_to(&connections[i], i);
    int64_t start_ns = bench_clock_ns(CLOCK_MONOTONIC);
    deadline_ns = start_ns + options.seconds * 1000000000;
    for (uint32_t i = 0; i < options.connections; i++) begin_request(&connections[i], start_ns);
    run();
    report(bench_clock_ns(CLOCK_MONOTONIC) - start_ns);
    for (uint32_t i = 0; i < options.connections; i++) {
        close(connections[i].fd);
        load_batch_release(&connections[i].batch);
    }
    free(connections);
    close(poller);
    return 0;
}
