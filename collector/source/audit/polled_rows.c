/*
 * See polled_rows.h. The first pass notes which events were taken back, and counts rows; each further one
 * gathers the rows of a share of all identities, and sorts them: equal ones are neighbours then.
 */
#include "meterd/collector/polled_rows.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/reading/receipt.h"
#include "collector/source/reading/row_changes.h"
#include "meterd/core/arena.h"
#include "meterd/core/hash_sort.h"

enum { ARENA_BYTES_MAX = 1 << 20, BITS_BYTES_MIN = 1 << 16 };

struct polled_row { /* the identity first: a hash to sort by */
    struct mtr_event_identity identity;
    uint64_t seq;
};

struct checking {
    struct mtr_log_reader *reader;
    const struct mtr_polled_rows_hooks *hooks;
    struct mtr_diagnostic *diagnostic;
    struct mtr_arena arena;        /* of one receipt */
    uint64_t first_seq, end_seq;   /* of the first pass: what came meanwhile is of another check */
    unsigned char *is_taken_back;  /* a bit for each event */
    uint64_t bits_bytes;
    uint64_t rows_seen;
    uint64_t share, shares;        /* of identities: the one of this pass */
    struct polled_row *rows;
    uint64_t count, capacity;
    struct mtr_polled_rows *out;
};

/* ---- what was taken back ---- */

static int make_bits(struct checking *checking, uint64_t end_seq)
{
    const uint64_t needed = (end_seq - checking->first_seq) / 8 + 1;
    if (needed <= checking->bits_bytes) return MTR_OK;
    const uint64_t bytes = 2 * needed > BITS_BYTES_MIN ? 2 * needed : BITS_BYTES_MIN;
    unsigned char *grown = realloc(checking->is_taken_back, bytes);
    if (!grown) return MTR_ENOMEM;
    memset(grown + checking->bits_bytes, 0, bytes - checking->bits_bytes);
    checking->is_taken_back = grown;
    checking->bits_bytes = bytes;
    return MTR_OK;
}

static void take_back(struct checking *checking, uint64_t seq)
{
    if (seq < checking->first_seq) return; /* removed by retention */
    const uint64_t at = seq - checking->first_seq;
    MTR_ASSERT(at / 8 < checking->bits_bytes);
    checking->is_taken_back[at / 8] |= (unsigned char)(1u << at % 8);
}

static bool was_taken_back(const struct checking *checking, uint64_t seq)
{
    const uint64_t at = seq - checking->first_seq;
    return (checking->is_taken_back[at / 8] >> at % 8 & 1) != 0;
}

/* ---- rows ---- */

/* A row of the reading that the receipt is of, by its own id. False: it is none, or does not count. */
static bool is_row(const struct mtr_event *event, const struct receipt *receipt, struct mtr_str *own)
{
    *own = event->id;
    if (event->disposition != MTR_DISPOSITION_NORMAL) return false;
    return receipt->is_append || read_row_own_id(event->id, own);
}

static struct mtr_event_identity identity_of(const struct mtr_event *event, const struct receipt *receipt,
                                             struct mtr_str own)
{
    static const uint8_t no_key[MTR_EVENT_KEY_BYTES];
    struct mtr_event_identity identity = read_row_key(event->vendor, event->source, own, no_key);
    identity.high ^= XXH3_64bits(receipt->strand.each.data, receipt->strand.each.size);
    return identity;
}

static int gather(struct checking *checking, const struct mtr_event_identity *identity, uint64_t seq)
{
    if (identity->low % checking->shares != checking->share) return MTR_OK;
    if (checking->count == checking->capacity) {
        const uint64_t capacity = checking->capacity ? 2 * checking->capacity : 4096;
        void *grown = realloc(checking->rows, capacity * sizeof(*checking->rows));
        if (!grown) return MTR_ENOMEM;
        checking->rows = grown;
        checking->capacity = capacity;
    }
    checking->rows[checking->count++] = (struct polled_row){*identity, seq};
    return MTR_OK;
}

static int take_rows(struct checking *checking, const struct mtr_event *events, uint32_t at,
                     uint64_t first_seq)
{
    struct receipt receipt;
    struct mtr_str own;
    mtr_arena_reset(&checking->arena);
    int rc = receipt_read(&events[at], &checking->arena, &receipt);
    for (uint32_t i = row_changes_begin(events, at); !rc && i < at; i++) {
        if (!row_change_is_of(&events[i], &events[at]) || !is_row(&events[i], &receipt, &own)) continue;
        if (!checking->shares) {
            checking->rows_seen++;
            continue;
        }
        if (was_taken_back(checking, first_seq + i)) continue;
        const struct mtr_event_identity identity = identity_of(&events[i], &receipt, own);
        rc = gather(checking, &identity, first_seq + i);
    }
    return rc;
}

/* ---- passes ---- */

static int take_block(struct checking *checking, const struct mtr_block_header *header,
                      const struct mtr_event *events)
{
    int rc = MTR_OK;
    if (!checking->shares) {
        if (!checking->first_seq) checking->first_seq = header->first_seq;
        checking->end_seq = header->first_seq + header->count;
        rc = make_bits(checking, checking->end_seq);
    }
    for (uint32_t i = 0; !rc && i < header->count; i++) {
        if (!checking->shares && events[i].disposition == MTR_DISPOSITION_VOID)
            take_back(checking, events[i].target_seq);
        if (receipt_is(&events[i])) rc = take_rows(checking, events, i, header->first_seq);
    }
    return rc;
}

static int walk(struct checking *checking)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    uint64_t seq = 1;
    for (;;) {
        int rc = mtr_log_read(checking->reader, seq, &header, &events, checking->diagnostic);
        if (rc == MTR_ENOTFOUND) return MTR_OK;
        if (!rc && checking->shares && header.first_seq >= checking->end_seq) return MTR_OK;
        if (!rc) rc = take_block(checking, &header, events);
        if (rc) return rc;
        seq = header.first_seq + header.count;
        if (checking->hooks->on_progress) checking->hooks->on_progress(checking->hooks->context, seq - 1);
    }
}

static int compare(const void *a, const void *b)
{
    const struct polled_row *x = a, *y = b;
    if (x->identity.high != y->identity.high) return x->identity.high < y->identity.high ? -1 : 1;
    if (x->identity.low != y->identity.low) return x->identity.low < y->identity.low ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* ---- what counts twice ---- */

/* The time of the event at seq; the rest of it and of its receipt where `twice` is given. */
static int look_up(struct checking *checking, uint64_t seq, int64_t *time_us, struct mtr_polled_twice *twice)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct receipt receipt;
    int rc = mtr_log_read(checking->reader, seq, &header, &events, checking->diagnostic);
    if (rc || header.first_seq > seq) return rc ? rc : MTR_ENOTFOUND;
    const struct mtr_event *event = &events[seq - header.first_seq];
    uint32_t at = (uint32_t)(seq - header.first_seq);
    *time_us = event->time_us;
    if (!twice) return MTR_OK;
    while (at < header.count && !(receipt_is(&events[at]) && row_change_is_of(event, &events[at]))) at++;
    if (at == header.count) return MTR_ECORRUPT;
    mtr_arena_reset(&checking->arena);
    rc = receipt_read(&events[at], &checking->arena, &receipt);
    if (rc || !is_row(event, &receipt, &twice->id)) return rc ? rc : MTR_ECORRUPT;
    twice->vendor = event->vendor;
    twice->source = receipt.strand.source;
    twice->each = receipt.strand.each;
    return MTR_OK;
}

/* Retention may have removed one of them meanwhile: then there is nothing to say. */
static int tell(struct checking *checking, uint64_t first_seq, uint64_t second_seq)
{
    struct mtr_polled_twice twice = {.first_seq = first_seq, .second_seq = second_seq};
    checking->out->twice++;
    if (!checking->hooks->on_twice) return MTR_OK;
    int rc = look_up(checking, first_seq, &twice.first_us, NULL);
    if (!rc) rc = look_up(checking, second_seq, &twice.second_us, &twice);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return checking->hooks->on_twice(checking->hooks->context, &twice);
}

static int check_share(struct checking *checking)
{
    checking->count = 0;
    int rc = walk(checking);
    if (rc) return rc;
    mtr_hash_sort(checking->rows, checking->count, sizeof(*checking->rows), compare);
    for (uint64_t i = 1; !rc && i < checking->count; i++) {
        const struct polled_row *before = &checking->rows[i - 1], *row = &checking->rows[i];
        if (row->identity.high == before->identity.high && row->identity.low == before->identity.low)
            rc = tell(checking, before->seq, row->seq);
    }
    checking->out->rows += checking->count;
    return rc;
}

int mtr_polled_rows_check(struct mtr_log_reader *reader, uint64_t together,
                          const struct mtr_polled_rows_hooks *hooks, struct mtr_polled_rows *out,
                          struct mtr_diagnostic *diagnostic)
{
    struct checking checking = {.reader = reader, .hooks = hooks, .diagnostic = diagnostic, .out = out};
    MTR_ASSERT(together > 0);
    *out = (struct mtr_polled_rows){0};
    mtr_arena_init(&checking.arena, 16 << 10, ARENA_BYTES_MAX);
    int rc = walk(&checking);
    const uint64_t shares = (checking.rows_seen + together - 1) / together;
    for (checking.shares = shares; !rc && checking.share < shares; checking.share++)
        rc = check_share(&checking);
    mtr_arena_release(&checking.arena);
    free(checking.is_taken_back);
    free(checking.rows);
    return rc;
}
