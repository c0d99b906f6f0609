/*
 * The order of lines, in the charges store: the lines of a period by their place, where a rating goes through
 * them range by range. A line is stored under a hash, so that the lines of a range lie everywhere among the
 * others.
 *
 * Invariant: a period has a row for each of its lines, or none at all. To keep it is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

#include <string.h>

/* Before the place stands of how many values it is: so no place is the beginning of another, and rows are in
 * the order of their places, whatever hash stands behind. */
enum { COUNT_BYTES = 1, HASH_BYTES = 16, VALUE_END = 0x1F, WALK_ENDED = 1 };
enum { KEY_BYTES_MAX = PERIOD_BYTES_MAX + COUNT_BYTES + MTR_LINE_PLACE_BYTES_MAX + HASH_BYTES };
_Static_assert((int)KEY_BYTES_MAX <= (int)MTR_LMDB_KEY_BYTES_MAX, "a row's key must fit");

static unsigned value_count(struct mtr_str place)
{
    unsigned count = 0;
    for (size_t i = 0; i < place.size; i++) count += place.data[i] == VALUE_END;
    return count;
}

/* Up to the place's end. */
static size_t place_key(unsigned char *p, uint32_t subscription, int64_t period_start_us, unsigned values,
                        struct mtr_str place)
{
    MTR_ASSERT(subscription > 0 && place.size <= MTR_LINE_PLACE_BYTES_MAX);
    MTR_ASSERT(values <= MTR_LINE_PLACE_VALUES_MAX);
    const size_t count_at = put_period(p, subscription, period_start_us);
    p[count_at] = (unsigned char)values;
    if (place.size) memcpy(p + count_at + COUNT_BYTES, place.data, place.size);
    return count_at + COUNT_BYTES + place.size;
}

/* Places are made of what is stored: the disk may have lost a line's. */
static int row_key(unsigned char *p, const struct mtr_charge_line *line, struct mtr_str place, size_t *size)
{
    const unsigned values = value_count(place);
    if (values > MTR_LINE_PLACE_VALUES_MAX || place.size > MTR_LINE_PLACE_BYTES_MAX) return MTR_ECORRUPT;
    *size = place_key(p, line->subscription, line->period_start_us, values, place);
    put_hash(p + *size, line->key);
    *size += HASH_BYTES;
    return MTR_OK;
}

int mtr_charges_put_place(struct mtr_charges_txn *txn, const struct mtr_charge_line *line,
                          struct mtr_str place)
{
    unsigned char key[KEY_BYTES_MAX];
    size_t size;
    int rc = row_key(key, line, place, &size);
    return rc ? rc : charges_put(txn, TABLE_LINE_ORDER, key, size, (struct mtr_str){"", 0}, 0);
}

int mtr_charges_has_place(struct mtr_charges_txn *txn, const struct mtr_charge_line *line,
                          struct mtr_str place)
{
    unsigned char key[KEY_BYTES_MAX];
    struct mtr_str value;
    size_t size;
    int rc = row_key(key, line, place, &size);
    return rc ? rc : charges_get(txn, TABLE_LINE_ORDER, key, size, &value);
}

struct place_walk {
    mtr_charges_on_place on_place;
    void *context;
    struct mtr_str from;
    size_t place_at;
};

static int on_row(void *context, struct mtr_str key, struct mtr_str value)
{
    const struct place_walk *walk = context;
    (void)value;
    if (key.size < walk->place_at + HASH_BYTES || key.size > KEY_BYTES_MAX) return MTR_ECORRUPT;
    const struct mtr_str place = {key.data + walk->place_at, key.size - walk->place_at - HASH_BYTES};
    const unsigned char *hash = (const unsigned char *)place.data + place.size;
    if (mtr_str_compare(place, walk->from) < 0) return MTR_OK; /* with its hash it is behind that */

    return walk->on_place(walk->context, place,
                          (struct mtr_hash128){lmdb_get_u64(hash), lmdb_get_u64(hash + 8)});
}

int mtr_charges_walk_places(struct mtr_charges_txn *txn, const struct mtr_line_places *places,
                            mtr_charges_on_place on_place, void *context)
{
    unsigned char key[KEY_BYTES_MAX];
    const size_t size =
        place_key(key, places->subscription, places->period_start_us, places->values, places->from);
    struct place_walk walk = {on_place, context, places->from, size - places->from.size};
    const struct charges_range range = {TABLE_LINE_ORDER, key, size, walk.place_at};
    return charges_walk(txn, &range, on_row, &walk);
}

struct first_row {
    size_t count_at; /* in the keys of the period */
    bool is_of_period;
};

/* The rows of a period come before those of one behind it in its second. */
static int on_first_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct first_row *first = context;
    (void)value;
    first->is_of_period = key.size > first->count_at &&
                          (unsigned char)key.data[first->count_at] <= MTR_LINE_PLACE_VALUES_MAX;
    return WALK_ENDED;
}

int mtr_charges_is_ordered(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           bool *out)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct first_row first = {.count_at = put_period(key, subscription, period_start_us)};
    const struct charges_range range = {TABLE_LINE_ORDER, key, first.count_at, first.count_at};
    const int rc = charges_walk(txn, &range, on_first_row, &first);
    *out = first.is_of_period;
    return rc == WALK_ENDED ? MTR_OK : rc;
}
