/*
 * Rows of what another request of the same source asks for. A vendor that does not heed whom it is asked for
 * gives all rows to each request, and each row has as many windows that want it.
 *
 * It is that request's, whether it has read the window or not: it will, and has it then. Of a subject that is
 * not asked for any more it is the window's that has rows.
 *
 * Each row's subject is looked up, whatever stands before it: accounts that nobody is asked for may come
 * first, and in any number. Those that others ask for are noted as texts of the document or the catalog; of
 * the rest, which the ledger may know, the first READING_UNASKED_MAX.
 */
#include <stdlib.h>
#include <xxhash.h>

#include "collector/source/reading/reading_state.h"
#include "meterd/catalog/catalog.h"

enum { SLOTS_FIRST = 64 };

/* ---- the table ---- */

static uint32_t *slot_of(const struct reading_others *others, uint64_t hash, struct mtr_str subject)
{
    uint32_t at = (uint32_t)hash & (others->slot_count - 1);
    for (; others->slots[at]; at = (at + 1) & (others->slot_count - 1)) {
        const struct reading_other *other = &others->items[others->slots[at] - 1];
        if (other->hash == hash && mtr_str_equal(other->subject, subject)) break;
    }
    return &others->slots[at];
}

/* There are twice as many slots as there is room for subjects. */
static int grow(struct reading_others *others)
{
    const uint32_t slot_count = others->slot_count ? 2 * others->slot_count : SLOTS_FIRST;
    if (2 * others->count < others->slot_count) return MTR_OK;
    void *items = realloc(others->items, slot_count / 2 * sizeof(*others->items));
    if (!items) return MTR_ENOMEM;
    others->items = items;
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (!slots) return MTR_ENOMEM;
    free(others->slots);
    others->slots = slots;
    others->slot_count = slot_count;
    for (uint32_t i = 0; i < others->count; i++)
        *slot_of(others, others->items[i].hash, others->items[i].subject) = i + 1;
    return MTR_OK;
}

/* It is not there yet; its text is borrowed. */
static int add(struct reading_others *others, const struct reading_other *other)
{
    int rc = grow(others);
    if (rc) return rc;
    *slot_of(others, other->hash, other->subject) = others->count + 1;
    others->items[others->count++] = *other;
    return MTR_OK;
}

void reading_forget_others(struct reading *reading)
{
    for (uint32_t i = 0; i < reading->others.count; i++) {
        struct reading_other *other = &reading->others.items[i];
        if (other->piece == reading->pieces.count) other->piece = 0;
    }
}

void reading_release_others(struct reading *reading)
{
    free(reading->others.items);
    free(reading->others.slots);
}

/* ---- who is asked for ---- */

static uint64_t hash_of(struct mtr_str subject) { return XXH3_64bits(subject.data, subject.size); }

/* All values of `for_each`, of which no row came yet. */
static int begin(struct reading *reading)
{
    const struct mtr_source_each *each = &reading->ask.source->each;
    int rc = grow(&reading->others);
    for (uint32_t i = 0; !rc && each->kind == MTR_EACH_VALUE && i < each->value_count; i++) {
        const struct reading_other asked = {
            .subject = each->values[i], .hash = hash_of(each->values[i]), .is_asked = true};
        rc = add(&reading->others, &asked);
    }
    return rc;
}

/* In the term of a subscription that is asked for: the catalog's text of its subject; else no data. */
static struct mtr_str asked_subject(const struct reading *reading, const struct mtr_event *row)
{
    const struct mtr_source_each *each = &reading->ask.source->each;
    const struct mtr_subscription *of = reading->judged.subscription;
    const bool is_asked = each->kind == MTR_EACH_SUBSCRIPTION && reading->ask.catalog && of &&
                          mtr_str_equal(of->service->key, each->service) && row->time_us >= of->start_us &&
                          row->time_us < of->end_us;
    return is_asked ? of->subject : (struct mtr_str){NULL, 0};
}

static int note_first(struct reading *reading, struct mtr_str subject, struct reading_other *other)
{
    struct reading_others *others = &reading->others;
    uint32_t *count = other->is_asked ? &others->asked : &others->unasked;
    if (*count == (other->is_asked ? READING_ASKED_MAX : READING_UNASKED_MAX)) return MTR_OK;
    int rc = other->is_asked ? MTR_OK : mtr_arena_copy(&reading->arena, subject, &other->subject);
    if (!rc) rc = add(others, other);
    *count += !rc;
    return rc;
}

int reading_note_other(struct reading *reading, const struct mtr_event *row)
{
    struct reading_others *others = &reading->others;
    const struct mtr_str own = reading->ask.strand.each, subject = row->subject;
    if (!own.size || reading->is_list || row->disposition == MTR_DISPOSITION_REFUSED) return MTR_OK;
    if (mtr_str_equal(subject, own) || subject.size > MTR_LEDGER_EACH_BYTES_MAX) return MTR_OK;
    int rc = others->slot_count ? MTR_OK : begin(reading);
    if (rc) return rc;
    const struct mtr_str asked = asked_subject(reading, row);
    const uint64_t hash = hash_of(subject);
    const uint32_t at = *slot_of(others, hash, subject);
    if (!at) {
        struct reading_other other = {asked, hash, reading->pieces.count, asked.size > 0};
        return note_first(reading, subject, &other);
    }
    struct reading_other *other = &others->items[at - 1];
    other->is_asked = other->is_asked || asked.size;
    if (!other->piece) other->piece = reading->pieces.count;
    return MTR_OK;
}

void reading_tell_asked(struct reading *reading, bool (*is_asked)(void *context, struct mtr_str each),
                        void *context)
{
    for (uint32_t i = 0; i < reading->others.count; i++) {
        struct reading_other *other = &reading->others.items[i];
        other->is_asked = other->is_asked || (other->piece && is_asked(context, other->subject));
    }
}

/* ---- whose the rows are ---- */

/* Its own request has read the window, and has rows. */
static int has_window(const struct reading *reading, struct mtr_ledger_txn *txn, struct mtr_str subject,
                      bool *out)
{
    struct mtr_strand strand = reading->ask.strand;
    struct mtr_ledger_window window;
    strand.each = subject;
    int rc = mtr_ledger_get_window(txn, &strand, reading->ask.window.from_us, &window);
    *out = !rc && window.readings && (window.rows || window.said_rows);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int reading_find_other(const struct reading *reading, struct mtr_ledger_txn *txn, struct mtr_str *out)
{
    const struct reading_others *others = &reading->others;
    *out = (struct mtr_str){NULL, 0};
    for (uint32_t i = 0; i < others->count; i++) {
        const struct reading_other *other = &others->items[i];
        const bool is_first = !out->size || mtr_str_compare(other->subject, *out) < 0;
        if (other->piece && other->is_asked && is_first) *out = other->subject;
    }
    for (uint32_t i = 0; !out->size && i < others->count; i++) {
        bool is_others = false;
        int rc = others->items[i].piece ? has_window(reading, txn, others->items[i].subject, &is_others)
                                        : MTR_OK;
        if (rc) return rc;
        if (is_others) *out = others->items[i].subject;
    }
    return MTR_OK;
}
