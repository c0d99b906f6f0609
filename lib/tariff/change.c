/*
 * A tariff against the one that is stored: versions are told by their hash.
 */
#include "lib/tariff/fields.h"

#include "meterd/core/time.h"

static bool has_version(const struct mtr_tariff_document *tariff, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *other = &tariff->versions[i];
        if (other->hash_high == version->hash_high && other->hash_low == version->hash_low) return true;
    }
    return false;
}

void mtr_tariff_lint_change(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                            const struct mtr_tariff_document *stored, int64_t now_us,
                            struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = node ? mtr_node_get(node, "versions") : NULL;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        const int64_t begin_us =
            version->from_is_date ? version->from_days * MTR_US_PER_DAY : version->from_us;
        if (begin_us >= now_us || has_version(stored, version)) continue;
        const struct mtr_node *from = list ? mtr_node_get(&list->children[i], "from") : NULL;
        mtr_diagnostics_addf(findings, MTR_SEVERITY_WARNING, from ? from->line : 0, from ? from->column : 0,
                             "versions.from",
                             "the version from %.*s is new or changed and begins in the past: use since then "
                             "is rated again, and closed periods "
                             "get corrections",
                             MTR_STR_ARGS(version->from));
    }
}
