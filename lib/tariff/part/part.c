/*
 * The orders of parts, and the reading of those that have a key.
 */
#include "lib/tariff/part/part.h"

#define STEP(part) &tariff_part_##part,
#define KEY(part, key) STEP(part)
const struct tariff_part *const tariff_slice_parts[] = {TARIFF_SLICE_PARTS(KEY, STEP) NULL};
const struct tariff_part *const tariff_line_parts[] = {TARIFF_LINE_PARTS(KEY, STEP) NULL};
const struct tariff_part *const tariff_component_parts[] = {TARIFF_COMPONENT_PARTS(KEY, STEP) NULL};
const struct tariff_part *const tariff_whole_parts[] = {TARIFF_WHOLE_PARTS(STEP) NULL};
const struct tariff_part *const tariff_keyed_parts[TARIFF_PART_COUNT] = {
    TARIFF_COMPONENT_KEYS(KEY, TARIFF_PART_NOTHING)};

bool mtr_component_has(const struct mtr_component *component, const char *key)
{
    const struct mtr_str wanted = mtr_str_from(key);
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++)
        if (mtr_str_equal(mtr_str_from(tariff_keyed_parts[i]->row.name), wanted)) return component->parts[i];
    MTR_ASSERT(!"the key of a part");
    return false;
}

static void couple_lines(const struct mtr_component *component, struct mtr_tariff_coupling *coupling)
{
    for (uint32_t i = 0; component->group_by_count && i < TARIFF_PART_COUNT; i++) {
        const struct tariff_part *part = tariff_keyed_parts[i];
        if (!component->parts[i] || !part->apply_to_component) continue;
        MTR_ASSERT(part->adds_lines || part->cuts_lines || part->of_single_lines); /* nothing else is known */
        coupling->adds_up = coupling->adds_up || part->adds_lines;
        coupling->cuts = coupling->cuts || part->cuts_lines;
    }
}

struct mtr_tariff_coupling mtr_tariff_couples(const struct mtr_tariff_document *tariff,
                                              const struct mtr_tariff_version *version)
{
    struct mtr_tariff_coupling coupling = {
        .cuts = version->has_cap || version->account.has_cap,
        .adds_up = tariff->round_total || version->has_minimum || version->commitment.given ||
                   version->account.has_minimum || version->term.given};
    for (uint32_t i = 0; i < version->component_count; i++)
        couple_lines(&version->components[i], &coupling);
    return coupling;
}

int tariff_read_parts(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                      struct mtr_arena *arena, struct mtr_component *component,
                      struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++) {
        const struct tariff_part *part = tariff_keyed_parts[i];
        component->has_parts = component->has_parts || component->parts[i];
        if (!component->parts[i] || !part->read) continue;
        int rc = part->read(arena, component->parts[i], &component->parts[i]);
        if (rc) return rc;
    }
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++)
        if (component->parts[i] && tariff_keyed_parts[i]->lint)
            tariff_keyed_parts[i]->lint(node, tariff, component, findings);
    return MTR_OK;
}
