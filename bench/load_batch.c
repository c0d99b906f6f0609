/*
 * The batch's encoding: HTTP head, then the events in one of the formats. msgpack is written by msgpack-c's
 * packer, straight into the batch. Memory is taken once; renewing writes into it.
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

#include <msgpack/pack.h>

#include "bench/bench_support.h"
#include "meterd/core/time.h"

enum { EVENT_BYTES_MAX = 320, HEAD_BYTES_MAX = 512, ID_BYTES = 36, COUNT = 3 };
#define HOUR_US (INT64_C(3600) * 1000000)

static const char *const types[COUNT] = {"compute.cpu", "network.egress", "storage.peak"};
static const char *const regions[COUNT] = {"eu-west-1", "us-east-1", "ap-south-1"};
const char *const load_format_names[LOAD_FORMATS] = {"msgpack", "msgpack-maps", "ndjson", "json"};
const char *const load_content_types[LOAD_FORMATS] = {"application/msgpack", "application/msgpack",
                                                      "application/x-ndjson", "application/json"};
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

/* msgpack-c's hook for what the packer makes. */
static int on_packed(void *context, const char *bytes, size_t size)
{
    put_bytes(context, bytes, size);
    return 0;
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
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

/* As compact row. Returns where the id stands. */
static char *put_row(struct writer *writer, const struct sample *sample)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, writer, on_packed);
    msgpack_pack_array(&packer, FIELDS);
    pack_text(&packer, no_id);
    char *id = writer->at - ID_BYTES;
    pack_text(&packer, sample->type);
    pack_text(&packer, sample->subject);
    msgpack_pack_uint64(&packer, (uint64_t)sample->time_us);
    pack_text(&packer, sample->amount);
    pack_text(&packer, sample->region);
    return id;
}

static char *put_map(struct writer *writer, const struct sample *sample)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, writer, on_packed);
    msgpack_pack_map(&packer, 5);
    pack_text(&packer, "id");
    pack_text(&packer, no_id);
    char *id = writer->at - ID_BYTES;
    pack_text(&packer, "type");
    pack_text(&packer, sample->type);
    pack_text(&packer, "subject");
    pack_text(&packer, sample->subject);
    pack_text(&packer, "time");
    msgpack_pack_uint64(&packer, (uint64_t)sample->time_us);
    pack_text(&packer, "data");
    msgpack_pack_map(&packer, 2);
    pack_text(&packer, "amount");
    pack_text(&packer, sample->amount);
    pack_text(&packer, "region");
    pack_text(&packer, sample->region);
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

static void put_head(struct writer *writer, const struct load_batch_options *options)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, writer, on_packed);
    switch (options->format) {
    case LOAD_MSGPACK:
        msgpack_pack_map(&packer, 2);
        pack_text(&packer, "fields");
        msgpack_pack_array(&packer, FIELDS);
        for (int i = 0; i < FIELDS; i++) pack_text(&packer, fields[i]);
        pack_text(&packer, "rows");
        msgpack_pack_array(&packer, options->events);
        break;
    case LOAD_MSGPACK_MAPS: msgpack_pack_array(&packer, options->events); break;
    case LOAD_JSON: put(writer, options->events > 1 ? "[" : ""); break;
    default: break;
    }
}

static char *put_event(struct writer *writer, enum load_format format, const struct sample *sample)
{
    switch (format) {
    case LOAD_MSGPACK: return put_row(writer, sample);
    case LOAD_MSGPACK_MAPS: return put_map(writer, sample);
    default: return put_object(writer, sample);
    }
}

static void put_body(struct writer *writer, struct load_batch *batch,
                     const struct load_batch_options *options, uint64_t random)
{
    bool is_list = options->format == LOAD_JSON && options->events > 1;
    put_head(writer, options);
    for (uint32_t i = 0; i < options->events; i++) {
        struct sample sample = sample_of(options, &random);
        if (is_list && i) put(writer, ",");
        batch->id_at[i] = (uint32_t)(put_event(writer, options->format, &sample) - batch->bytes);
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
        options->host, options->key, load_content_types[options->format], batch->body_bytes);
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
