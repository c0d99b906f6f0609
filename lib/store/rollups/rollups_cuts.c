/*
 * At which instants the fold has cut the cells of a subscription: facts `cut/` and its number, which hold the
 * instants as biased i64, ascending.
 */
#include <string.h>

#include "lib/store/rollups/rollups_txn.h"
#include "meterd/core/time.h"

enum { PREFIX_BYTES = 4, NAME_BYTES = PREFIX_BYTES + 4, INSTANT_BYTES = 8 };

static const char prefix[] = {'c', 'u', 't', '/'};
static const uint64_t bias = UINT64_C(1) << 63;

static struct mtr_key fact_name(uint32_t subscription)
{
    struct mtr_key name = {.size = 0};
    rollups_key_bytes(&name, (struct mtr_str){prefix, PREFIX_BYTES});
    rollups_key_u32(&name, subscription);
    return name;
}

int64_t mtr_rollups_cut_at(struct mtr_str cuts, uint32_t index)
{
    MTR_ASSERT(cuts.size % INSTANT_BYTES == 0 && index < cuts.size / INSTANT_BYTES);
    return (int64_t)(lmdb_get_u64((const unsigned char *)cuts.data + (size_t)index * INSTANT_BYTES) ^ bias);
}

uint32_t mtr_rollups_cut_count(struct mtr_str cuts)
{
    return (uint32_t)(cuts.size / INSTANT_BYTES);
}

bool mtr_rollups_cuts_are(struct mtr_str cuts, const int64_t *cuts_us, uint32_t count)
{
    if (mtr_rollups_cut_count(cuts) != count) return false;
    for (uint32_t i = 0; i < count; i++)
        if (mtr_rollups_cut_at(cuts, i) != cuts_us[i]) return false;
    return true;
}

static int check(struct mtr_str cuts)
{
    int64_t before_us = -MTR_US_PER_DAY; /* no hour of an event begins so early */
    if (!cuts.size || cuts.size % INSTANT_BYTES) return MTR_ECORRUPT;
    if (cuts.size > (size_t)MTR_SUBSCRIPTION_CUTS_MAX * INSTANT_BYTES) return MTR_ECORRUPT;
    for (uint32_t i = 0; i < mtr_rollups_cut_count(cuts); i++) {
        const int64_t cut_us = mtr_rollups_cut_at(cuts, i);
        if (cut_us <= before_us || cut_us >= MTR_TIME_US_MAX) return MTR_ECORRUPT;
        before_us = cut_us;
    }
    return MTR_OK;
}

int mtr_rollups_get_cuts(struct mtr_rollups_txn *txn, uint32_t subscription, struct mtr_str *cuts)
{
    struct mtr_key name = fact_name(subscription);
    int rc = rollups_get(txn, MTR_TABLE_FACTS, rollups_key_str(&name), cuts);
    if (!rc) return check(*cuts);
    if (rc == MTR_ENOTFOUND) *cuts = (struct mtr_str){NULL, 0};
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_rollups_put_cuts(struct mtr_rollups_txn *txn, uint32_t subscription, const int64_t *cuts_us,
                         uint32_t count)
{
    unsigned char bytes[MTR_SUBSCRIPTION_CUTS_MAX * INSTANT_BYTES];
    struct mtr_key name = fact_name(subscription);
    MTR_ASSERT(count <= MTR_SUBSCRIPTION_CUTS_MAX);
    if (count == 0) {
        int rc = rollups_delete(txn, MTR_TABLE_FACTS, rollups_key_str(&name));
        return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    }
    for (uint32_t i = 0; i < count; i++) {
        MTR_ASSERT(i == 0 || cuts_us[i - 1] < cuts_us[i]);
        lmdb_put_u64(bytes + (size_t)i * INSTANT_BYTES, (uint64_t)cuts_us[i] ^ bias);
    }
    return rollups_put(txn, MTR_TABLE_FACTS, rollups_key_str(&name),
                       (struct mtr_str){(const char *)bytes, (size_t)count * INSTANT_BYTES});
}

struct cuts_walk {
    mtr_rollups_on_cuts on_cuts;
    void *context;
};

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    const struct cuts_walk *walk = context;
    if (name.size != NAME_BYTES || check(value)) return MTR_ECORRUPT;
    return walk->on_cuts(walk->context, lmdb_get_u32((const unsigned char *)name.data + PREFIX_BYTES), value);
}

int mtr_rollups_walk_cuts(struct mtr_rollups_txn *txn, mtr_rollups_on_cuts on_cuts, void *context)
{
    struct cuts_walk walk = {on_cuts, context};
    const struct mtr_str all = {prefix, PREFIX_BYTES};
    return rollups_scan(txn, MTR_TABLE_FACTS, all, all, on_fact, &walk);
}
