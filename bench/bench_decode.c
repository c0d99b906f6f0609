/*
 * Decoding alone: from a request's body to events, CPU time for each event of the load generator's shape.
 *
 *   bench_decode [batches, default 400] [events of a batch, default 1,000] [format, default all]
 *
 * Ids are new in every batch, as in a run of the load generator. The memory of a request is used again, so
 * what is measured is the steady state. Prints a line for each format, with the best and the middle batch.
 */
#include "bench/bench_support.h"

#include <stdbool.h>
#include <string.h>

#include "bench/load_batch.h"
#include "meterd/collector/decode.h"
#include "meterd/core/time.h"

static int64_t decode_ns(const struct load_batch *batch, enum load_format format, struct mtr_request *request)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_decode_input input = {
        .body = {batch->bytes + batch->size - batch->body_bytes, batch->body_bytes},
        .content_type = mtr_str_from(load_content_types[format]),
        .body_bytes_max = batch->size,
        .events_max = batch->events,
        .received_us = 1,
    };
    mtr_request_reset(request);
    request->vendor = MTR_STR("bench");
    int64_t start_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    BENCH_CHECK(mtr_decode(&input, request, &diagnostic));
    int64_t ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
    BENCH_CHECK(request->count != batch->events);
    for (uint32_t i = 0; i < request->count; i++)
        BENCH_CHECK(request->results[i].code != MTR_RESULT_ACCEPTED);
    return ns;
}

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void measure(enum load_format format, uint32_t events, uint64_t batches)
{
    struct load_batch_options options = {.format = format,
                                         .events = events,
                                         .subjects = 300,
                                         .now_us = INT64_C(1773144000) * MTR_US_PER_SECOND,
                                         .nonce = 1,
                                         .host = "localhost",
                                         .key = "key"};
    struct load_batch batch;
    struct mtr_request request;
    uint64_t counter = 0;
    int64_t *times_ns = calloc(batches, sizeof(*times_ns));
    BENCH_CHECK(!times_ns);
    load_batch_init(&batch, &options, 0);
    mtr_request_init(&request, 1 << 30);
    for (uint64_t i = 0; i < batches; i++) {
        load_batch_renew(&batch, &counter);
        times_ns[i] = decode_ns(&batch, format, &request);
    }
    qsort(times_ns, batches, sizeof(*times_ns), by_size);
    printf("%-13s %4zu bytes an event, %4.0f ns (best batch), %4.0f ns (middle batch) an event\n",
           load_format_names[format], batch.body_bytes / events, (double)times_ns[0] / events,
           (double)times_ns[batches / 2] / events);
    mtr_request_release(&request);
    load_batch_release(&batch);
    free(times_ns);
}

int main(int argc, char **argv)
{
    uint64_t batches = bench_argument(argc, argv, 1, 400);
    uint32_t events = (uint32_t)bench_argument(argc, argv, 2, 1000);
    bool measured = false;
    if (!batches || !events || events > 100000) return 64;
    for (int format = 0; format < LOAD_FORMATS; format++) {
        if (argc > 3 && strcmp(argv[3], load_format_names[format]) != 0) continue;
        measure((enum load_format)format, events, batches);
        measured = true;
    }
    return measured ? 0 : 64;
}
