/*
 * What goes on beside the stages, on a thread of its own, once a second:
 *
 *   scrubbing     all that is stored is read again and checked, so many bytes a second
 *                 (scrub.bytes_per_second): stores by their pages (meterd/store/scrub.h), then the log block by
 *                 block, then the identities of its segments chunk by chunk, then anew
 *   damage        what anybody has met is told, once, and counted
 *   dead readers  transactions of processes that were killed are ended, every ten seconds
 *
 * It changes nothing that is stored. Damage that it finds is told; who reads the place later is refused as
 * ever.
 */
#include "daemon/stores/scrubbing.h"

#include <stdlib.h>

#include "daemon/metrics.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/damage.h"
#include "meterd/store/readers.h"
#include "meterd/store/scrub.h"

enum { EVERY_MS = 1000 };
#define READERS_EVERY_US (10 * MTR_US_PER_SECOND)

enum phase { STORES, BLOCKS, IDENTITIES };

struct scrubbing {
    struct mtr_daemon *daemon;
    struct mtr_stage_thread *thread;
    struct mtr_scrub *scrub;
    struct mtr_log_reader *reader;
    enum phase phase;
    uint64_t next_seq; /* of BLOCKS */
    struct mtr_identities_place place;
    uint64_t budget;   /* bytes that may still be read in this second; the last block may be larger */
    uint64_t damaged;  /* told so far */
    int64_t readers_us; /* monotonic, when dead readers were last looked for; 0: never */
};

/* Also between the slices of a step, which takes longer than a second on a slow disk. */
static void end_dead_readers(struct scrubbing *scrubbing)
{
    const int64_t now_us = mtr_clock_monotonic_us();
    if (scrubbing->readers_us && now_us - scrubbing->readers_us < READERS_EVERY_US) return;
    scrubbing->readers_us = now_us;
    const unsigned ended = mtr_store_end_dead_readers();
    mtr_metric_add(&metric_dead_readers, ended);
    if (ended)
        mtr_logline(MTR_LEVEL_INFO, "daemon", "ended %u read transaction%s of processes that are gone", ended,
                    mtr_plural(ended));
}

static void tell_damage(struct scrubbing *scrubbing)
{
    struct mtr_damage damage;
    mtr_store_damage(&damage);
    mtr_metric_set(&metric_damage, (int64_t)damage.count);
    if (damage.count && !scrubbing->damaged) mtr_logline(MTR_LEVEL_ERROR, "daemon", "%s", damage.text);
    scrubbing->damaged = damage.count;
}

static void end_round(struct scrubbing *scrubbing)
{
    scrubbing->phase = STORES;
    mtr_metric_add(&metric_scrub_rounds, 1);
    mtr_metric_set(&metric_scrub_ended, mtr_clock_wall_us() / MTR_US_PER_SECOND);
}

/* Takes what was read off the budget. */
static void count_bytes(struct scrubbing *scrubbing, uint64_t bytes)
{
    mtr_metric_add(&metric_scrub_bytes, bytes);
    scrubbing->budget -= bytes < scrubbing->budget ? bytes : scrubbing->budget;
}

static void scrub_stores(struct scrubbing *scrubbing)
{
    struct mtr_scrub_slice slice;
    struct mtr_diagnostic diagnostic = {0};
    const int rc = mtr_scrub_step(scrubbing->scrub, scrubbing->budget, &slice, &diagnostic);
    count_bytes(scrubbing, slice.bytes);
    if (rc && rc != MTR_ECORRUPT) /* damage is told by tell_damage */
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "a store cannot be read again: %s", mtr_error_text(rc));
    if (!rc && slice.is_round) {
        scrubbing->phase = BLOCKS;
        scrubbing->next_seq = 1;
    } else if (rc || !slice.bytes) {
        scrubbing->budget = 0;
    }
}

static void scrub_blocks(struct scrubbing *scrubbing)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic = {0};
    const uint64_t before = mtr_log_reader_bytes(scrubbing->reader);
    const int rc = mtr_log_read(scrubbing->reader, scrubbing->next_seq, &header, &events, &diagnostic);
    count_bytes(scrubbing, mtr_log_reader_bytes(scrubbing->reader) - before);
    if (!rc) scrubbing->next_seq = header.first_seq + header.count;
    if (rc == MTR_ENOTFOUND || rc == MTR_ECORRUPT) scrubbing->phase = IDENTITIES;
    if (rc && rc != MTR_ENOTFOUND) scrubbing->budget = 0;
    if (rc == MTR_ECORRUPT) mtr_store_note_damage(diagnostic.text);
}

static void scrub_identities(struct scrubbing *scrubbing)
{
    struct mtr_diagnostic diagnostic = {0};
    uint64_t bytes;
    const int rc = mtr_log_scrub_identities(scrubbing->daemon->log, &scrubbing->place, scrubbing->budget,
                                            &bytes, &diagnostic);
    count_bytes(scrubbing, bytes);
    if (rc == MTR_ENOTFOUND) end_round(scrubbing);
    if (rc) scrubbing->budget = 0; /* the next round begins with the next second */
    if (rc == MTR_ECORRUPT) mtr_store_note_damage(diagnostic.text);
}

static int step(void *context, bool *idle)
{
    struct scrubbing *scrubbing = context;
    *idle = true; /* and again in a second */
    scrubbing->budget = scrubbing->daemon->config->scrub.bytes_per_second;
    while (scrubbing->budget > 0 && !atomic_load(&scrubbing->daemon->stopping)) {
        switch (scrubbing->phase) {
        case STORES: scrub_stores(scrubbing); break;
        case BLOCKS: scrub_blocks(scrubbing); break;
        case IDENTITIES: scrub_identities(scrubbing); break;
        }
        end_dead_readers(scrubbing);
    }
    end_dead_readers(scrubbing);
    tell_damage(scrubbing);
    return MTR_OK;
}

static void on_end(void *context, int error)
{
    (void)context;
    (void)error;
}

int scrubbing_open(struct mtr_daemon *daemon, struct scrubbing **out)
{
    const struct mtr_stage_hooks hooks = {"scrub", step, on_end, EVERY_MS, EVERY_MS};
    struct scrubbing *scrubbing = calloc(1, sizeof(*scrubbing));
    if (!scrubbing) return MTR_ENOMEM;
    scrubbing->daemon = daemon;
    int rc = mtr_scrub_open(&scrubbing->scrub);
    if (!rc) rc = mtr_log_reader_attach(daemon->log, &scrubbing->reader);
    if (!rc) rc = stage_start(&hooks, scrubbing, &scrubbing->thread);
    if (rc) scrubbing_close(scrubbing);
    else *out = scrubbing;
    return rc;
}

void scrubbing_close(struct scrubbing *scrubbing)
{
    if (!scrubbing) return;
    if (scrubbing->thread) {
        stage_stop(scrubbing->thread, false);
        stage_join(scrubbing->thread);
    }
    mtr_log_reader_close(scrubbing->reader);
    mtr_scrub_close(scrubbing->scrub);
    free(scrubbing);
}
