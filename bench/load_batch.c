/*
 * The batch's encoding: HTTP head, then the events in one of three formats. Memory is taken once; renewing
 * writes into it.
 *
 * Every event has an id, a type (one of three meters'), a subject, a time, an amount and a region; the source
 * is the vendor's own. The amount is a decimal of three digits, as text in msgpack (which has no exact
 * decimal) and as a number in JSON.
 */
#include "bench/load_batch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "bench/bench_support.h"
#include "meterd/core/time.h"

enum { EVENT_BYTES_MAX = 320, HEAD_BYTES_MAX = 512, ID_BYTES = 36, COUNT = 3 };
#define HOUR_US (INT64_C(3600) * 1000000)

static const char *const types[COUNT] = {"compute.cpu", "network.egress", "storage.peak"};
static const char *const regions[COUNT] = {"eu-west-1", "us-east-1", "ap-south-1"};
static const char *const content_types[] = {"application/msgpack", "application/x-ndjson",
                                            "application/json"};
static const char *const fields[] = {"id", "type", "subject", "time", "data.amount", "data.region"};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };
static const char no_id[] = "00000000-0000-0000-0000-000000000000";

struct writer {
    char *at;
    char *end;
};

static void put_bytes(struct writer *writer, const void *bytes, size_t size)
{
    BENCH_CHECK((size_t)(writer->end - writer->at) < size);
    memcpy(writer->at, bytes, size);
    writer->at += size;
}

static void put(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *writer, const char *format, ...)
{
    char text[HEAD_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    BENCH_CHECK(size < 0 || (size_t)size >= sizeof(text));
    put_bytes(writer, text, (size_t)size);
}

static void put_text(struct writer *writer, const char *text) /* msgpack */
{
    size_t size = strlen(text);
    uint8_t head[2] = {0xd9, (uint8_t)size};
    if (size < 32) {
        head[0] = (uint8_t)(0xa0 | size);
        put_bytes(writer, head, 1);
    } else {
        put_bytes(writer, head, 2);
    }
    put_bytes(writer, text, size);
}

static void put_count(struct writer *writer, uint8_t kind, uint32_t count) /* msgpack array32 or map32 */
{
    uint8_t head[5] = {kind, (uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8),
                       (uint8_t)count};
    put_bytes(writer, head, sizeof(head));
}

static void put_time(struct writer *writer, int64_t time_us)
{
    uint8_t head[9] = {0xcf};
    for (int i = 0; i < 8; i++) head[1 + i] = (uint8_t)((uint64_t)time_us >> (56 - 8 * i));
    put_bytes(writer, head, sizeof(head));
}

struct sample {
    const char *type, *region;
    char subject[24], amount[24];
    int64_t time_us;
};

static struct sample sample_of(const struct load_batch_options *options, uint64_t *random)
{
    struct sample sample = {.type = types[bench_random(random) % COUNT],
                            .region = regions[bench_random(random) % COUNT]};
    snprintf(sample.subject, sizeof(sample.subject), "sub-%" PRIu64,
             bench_random(random) % options->subjects);
    uint64_t amount = bench_random(random) % 100000;
    snprintf(sample.amount, sizeof(sample.amount), "%" PRIu64 ".%03" PRIu64, amount / 1000, amount % 1000);
    sample.time_us = options->now_us - (int64_t)(bench_random(random) % HOUR_US);
    return sample;
}

/* Returns where the id stands. */
static char *put_row(struct writer *writer, const struct sample *sample)
{
    put_bytes(writer, (const uint8_t[]){0x90 | FIELDS}, 1);
    put_text(writer, no_id);
    char *id = writer->at - ID_BYTES;
    put_text(writer, sample->type);
    put_text(writer, sample->subject);
    put_time(writer, sample->time_us);
    put_text(writer, sample->amount);
    put_text(writer, sample->region);
    return id;
}

static char *put_object(struct writer *writer, const struct sample *sample)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(sample->time_us, time);
    put(writer, "{\"id\":\"%s", no_id);
    char *id = writer->at - ID_BYTES;
    put(writer,
        "\",\"type\":\"%s\",\"subject\":\"%s\",\"time\":\"%s\",\"data\":{\"amount\":%s,\"region\":\"%s\"}}",
        sample->type, sample->subject, time, sample->amount, sample->region);
    return id;
}

static void put_body(struct writer *writer, struct load_batch *batch,
                     const struct load_batch_options *options, uint64_t random)
{
    bool is_list = options->format == LOAD_JSON && options->events > 1;
    if (options->format == LOAD_MSGPACK) {
        put_bytes(writer, (const uint8_t[]){0x82}, 1);
        put_text(writer, "fields");
        put_count(writer, 0xdd, FIELDS);
        for (int i = 0; i < FIELDS; i++) put_text(writer, fields[i]);
        put_text(writer, "rows");
        put_count(writer, 0xdd, options->events);
    }
    if (is_list) put(writer, "[");
    for (uint32_t i = 0; i < options->events; i++) {
        struct sample sample = sample_of(options, &random);
        if (is_list && i) put(writer, ",");
        char *id = options->format == LOAD_MSGPACK ? put_row(writer, &sample) : put_object(writer, &sample);
        batch->id_at[i] = (uint32_t)(id - batch->bytes);
        if (options->format == LOAD_NDJSON) put(writer, "\n");
    }
    if (is_list) put(writer, "]");
}

void load_batch_init(struct load_batch *batch, const struct load_batch_options *options, uint32_t lane)
{
    size_t body_bytes_max = (size_t)options->events * EVENT_BYTES_MAX + HEAD_BYTES_MAX;
    *batch = (struct load_batch){.events = options->events, .nonce = options->nonce};
    batch->bytes = malloc(HEAD_BYTES_MAX + body_bytes_max);
    batch->id_at = malloc(options->events * sizeof(*batch->id_at));
    if (!batch->bytes || !batch->id_at) {
        fprintf(stderr, "loadgen: out of memory\n");
        exit(1);
    }
    /* The body first, so that its length is known; then the head before it. */
    struct writer writer = {batch->bytes + HEAD_BYTES_MAX, batch->bytes + HEAD_BYTES_MAX + body_bytes_max};
    put_body(&writer, batch, options, options->nonce ^ lane);
    batch->body_bytes = (size_t)(writer.at - batch->bytes) - HEAD_BYTES_MAX;
    struct writer head = {batch->bytes, batch->bytes + HEAD_BYTES_MAX};
    put(&head,
        "POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: "
        "%s\r\nContent-Length: %zu\r\n\r\n",
        options->host, options->key, content_types[options->format], batch->body_bytes);
    size_t head_bytes = (size_t)(head.at - batch->bytes);
    memmove(head.at, batch->bytes + HEAD_BYTES_MAX, batch->body_bytes);
    for (uint32_t i = 0; i < batch->events; i++) batch->id_at[i] -= (uint32_t)(HEAD_BYTES_MAX - head_bytes);
    batch->size = head_bytes + batch->body_bytes;
}

static void put_hex(char *at, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4) at[i] = "0123456789abcdef"[value & 15];
}

void load_batch_renew(struct load_batch *batch, uint64_t *counter)
{
    for (uint32_t i = 0; i < batch->events; i++) {
        uint64_t high = (*counter)++ ^ batch->nonce, low;
        high = bench_random(&high); /* a bijection: unique while the counter is */
        low = high ^ batch->nonce;
        low = bench_random(&low);
        char *id = batch->bytes + batch->id_at[i];
        put_hex(id, high >> 32, 8);
        put_hex(id + 9, high >> 16, 4);
        put_hex(id + 14, high, 4);
        put_hex(id + 19, low >> 48, 4);
        put_hex(id + 24, low, 12);
    }
}

void load_batch_release(struct load_batch *batch)
{
    free(batch->bytes);
    free(batch->id_at);
}
