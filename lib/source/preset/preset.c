/*
 * The presets, by key.
 */
#include "lib/source/preset/preset.h"

static const struct mtr_source_preset *const presets[] = {
    &source_preset_activeplatform, &source_preset_cloudevents, &source_preset_focus,
    &source_preset_gnocchi,        &source_preset_partner_center, &source_preset_prometheus,
    &source_preset_rest,           &source_preset_stripe_list,
};

const struct mtr_source_preset *mtr_source_preset_at(unsigned index)
{
    return index < sizeof(presets) / sizeof(*presets) ? presets[index] : NULL;
}
