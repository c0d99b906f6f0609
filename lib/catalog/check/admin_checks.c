/*
 * Who may change the catalog: after a change there is still a key that may, and if there was one without an
 * end, there is one. Otherwise nobody could make the next, and nobody could undo this one: 401 for ever.
 */
#include "lib/catalog/record.h"
#include "lib/catalog/snapshot.h"

enum standing { NONE, UNTIL_SOME_TIME, FOR_EVER };

static enum standing standing_of(const struct mtr_api_key *key, int64_t now_us)
{
    if (!key->number || key->disabled || key->vendor || !(key->scopes & MTR_SCOPE_ADMIN)) return NONE;
    if (key->retired_us <= now_us) return NONE;
    return key->retired_us == INT64_MAX ? FOR_EVER : UNTIL_SOME_TIME;
}

static enum standing best_of(const struct mtr_catalog *catalog, int64_t now_us)
{
    enum standing best = NONE;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_API_KEY]; i++) {
        const enum standing standing = standing_of(&catalog->api_keys[i], now_us);
        if (standing > best) best = standing;
    }
    return best;
}

bool mtr_catalog_has_admin(const struct mtr_catalog *catalog, int64_t now_us)
{
    return best_of(catalog, now_us) != NONE;
}

/* What was changed of it so that it administers no more. */
static const char *field_of(const struct mtr_api_key *key)
{
    if (key->disabled) return "disabled";
    if (!(key->scopes & MTR_SCOPE_ADMIN)) return "scopes";
    return key->vendor ? "vendor" : "retired";
}

void catalog_check_admins(const struct mtr_catalog *before, const struct mtr_catalog *catalog, int64_t now_us,
                          struct mtr_diagnostics *findings)
{
    const enum standing was = best_of(before, now_us), is = best_of(catalog, now_us);
    if (is >= was) return;
    const char *left = is == NONE ? "no API key" : "no API key without an end";
    for (uint32_t i = 0; i < before->counts[MTR_KIND_API_KEY]; i++) {
        const struct mtr_api_key *key = &catalog->api_keys[i];
        const struct mtr_record *record = catalog->records[MTR_KIND_API_KEY][i];
        if (standing_of(&before->api_keys[i], now_us) < was) continue;
        static const char sentence[] =
            "`%.*s` is the last: %s of scope admin and without a vendor would be left, and nobody could "
            "change the catalog any more; make another one before: meterd key NAME --scope admin";
        if (record)
            record_fail(record, MTR_FINDING_CATALOG_API_KEY_LAST, field_of(key), findings, sentence,
                        MTR_STR_ARGS(record->key), left);
        else
            mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_API_KEY_LAST, 0, 0, "api_key", sentence,
                                 MTR_STR_ARGS(before->api_keys[i].key), left);
    }
}
