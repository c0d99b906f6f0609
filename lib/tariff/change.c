/*
 * A tariff against the one that is stored: versions are told by their hash and those of their overrides, and
 * are the same one where they begin at the same time.
 */
#include "lib/tariff/fields.h"

#include "meterd/core/time.h"

static bool same_hash(const struct mtr_tariff_version *a, const struct mtr_tariff_version *b)
{
    return a->hash_high == b->hash_high && a->hash_low == b->hash_low;
}

/* Overrides are in an order, whatever theirs was in the document. */
static bool same_overrides(const struct mtr_tariff_version *a, const struct mtr_tariff_version *b)
{
    if (a->override_count != b->override_count) return false;
    for (uint32_t i = 0; i < a->override_count; i++) {
        const struct mtr_tariff_override *x = &a->overrides[i], *y = &b->overrides[i];
        if (tariff_compare_overrides(x, y) != 0 || !same_hash(&x->version, &y->version)) return false;
    }
    return true;
}

static bool has_version(const struct mtr_tariff_document *tariff, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < tariff->version_count; i++)
        if (same_hash(&tariff->versions[i], version) && same_overrides(&tariff->versions[i], version))
            return true;
    return false;
}

static bool begins_with(const struct mtr_tariff_document *tariff, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *other = &tariff->versions[i];
        if (other->from_is_date == version->from_is_date && other->from_days == version->from_days &&
            other->from_us == version->from_us)
            return true;
    }
    return false;
}

/* Where the day begins first that is the farthest east. */
static int64_t begins_first_us(const struct mtr_tariff_version *version)
{
    return version->from_is_date ? (version->from_days - 1) * MTR_US_PER_DAY : version->from_us;
}

/* What is of all versions. */
static bool same_document(const struct mtr_tariff_document *a, const struct mtr_tariff_document *b)
{
    const struct mtr_exchange_rule *x = &a->exchange, *y = &b->exchange;
    bool same = mtr_str_equal(a->currency, b->currency) && a->rounding == b->rounding &&
                a->rounding_digits == b->rounding_digits &&
                a->rounding_digits_given == b->rounding_digits_given && a->round_total == b->round_total &&
                a->rounding_step_count == b->rounding_step_count && x->given == y->given &&
                mtr_str_equal(x->source, y->source) && x->at == y->at && x->max_age_days == y->max_age_days;
    for (uint32_t i = 0; i < a->rounding_step_count && same; i++)
        same = mtr_str_equal(a->rounding_steps[i].currency, b->rounding_steps[i].currency) &&
               a->rounding_steps[i].step.e18 == b->rounding_steps[i].step.e18;
    return same;
}

struct mtr_tariff_change mtr_tariff_compare(const struct mtr_tariff_document *stored,
                                            const struct mtr_tariff_document *tariff)
{
    struct mtr_tariff_change change = {.from_us = INT64_MAX, .dated = true};
    if (!same_document(stored, tariff)) return (struct mtr_tariff_change){.from_us = INT64_MIN};
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        if (has_version(stored, version)) continue;
        if (begins_first_us(version) < change.from_us) change.from_us = begins_first_us(version);
        change.dated = change.dated && !begins_with(stored, version);
    }
    for (uint32_t i = 0; i < stored->version_count; i++) {
        const struct mtr_tariff_version *version = &stored->versions[i];
        if (has_version(tariff, version)) continue;
        if (begins_first_us(version) < change.from_us) change.from_us = begins_first_us(version);
        change.dated = false; /* written anew, or taken out */
    }
    return change;
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
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_VERSION_PAST, from ? from->line : 0,
                             from ? from->column : 0, "versions.from",
                             "the version from %.*s is new or changed and begins in the past: use since then "
                             "is rated again, and closed periods "
                             "get corrections",
                             MTR_STR_ARGS(version->from));
    }
}
