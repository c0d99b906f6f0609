/*
 * A request of many events, encoded once and made new for each round by writing fresh ids into it in place.
 *
 * The ids are random UUIDs by look and unique by construction: a bijection of a counter, beside the run's
 * nonce. So no event of a run is a duplicate, none compresses, and the client's own cost for each event is a
 * few nanoseconds.
 */
#ifndef METERD_BENCH_LOAD_BATCH_H
#define METERD_BENCH_LOAD_BATCH_H

#include <stddef.h>
#include <stdint.h>

/* msgpack as compact rows, and as a list of maps. */
enum load_format { LOAD_MSGPACK, LOAD_MSGPACK_MAPS, LOAD_NDJSON, LOAD_JSON, LOAD_FORMATS };
extern const char *const load_format_names[LOAD_FORMATS];
extern const char *const load_content_types[LOAD_FORMATS];

struct load_batch_options {
    enum load_format format;
    uint32_t events;
    uint32_t subjects;   /* of subscriptions sub-0 … */
    int64_t now_us;      /* events happened in the hour before */
    uint64_t nonce;
    const char *host;    /* of the Host header */
    const char *key;     /* API key */
};

struct load_batch {
    char *bytes;         /* the whole HTTP request; owned */
    size_t size;
    size_t body_bytes;
    uint32_t *id_at;     /* places of the ids in it; owned */
    uint32_t events;
    uint64_t nonce;
};

/* Exits with a line when memory runs out. `lane` makes the batches of several connections differ. */
void load_batch_init(struct load_batch *batch, const struct load_batch_options *options, uint32_t lane);
/* Fresh ids, from *counter on, which is moved. */
void load_batch_renew(struct load_batch *batch, uint64_t *counter);
void load_batch_release(struct load_batch *batch);

#endif
