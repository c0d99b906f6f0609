/*
 * A bill in the columns of FOCUS 1.0, as CSV over HTTP or from S3: a billing period is overwritten until
 * it is final. The cost stays with the usage, for the seller's side. FOCUS rows have no id, so that equal
 * ones are counted.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_focus = {
    .key = "focus",
    .doc = "bills in the columns of FOCUS, a billing period each, overwritten until they are final",
    .text =
            "schedule: {every: 6h, jitter: 30m}\n"
            "window: {length: month, open: 1d, lateness: 6h, rereads: [1d, 3d, 5d, 10d]}\n"
            "delivery: overwrite\n"
            "format: {csv: {delimiter: \",\", header: true}}\n"
            "identity:\n"
            "  hash: [ProviderName, SubAccountId, ResourceId, SkuPriceId, ChargePeriodStart,\n"
            "         ChargePeriodEnd, ChargeDescription, PricingQuantity]\n"
            "  multiset: true\n"
            "map:\n"
            "  type: =cloud.usage\n"
            "  subject: SubAccountId\n"
            "  time: {column: ChargePeriodStart, format: utc}\n"
            "  data:\n"
            "    quantity: {column: PricingQuantity, as: number, round: {digits: 12}}\n"
            "    cost: {column: EffectiveCost, as: number, round: {digits: 12}}\n"
            "    sku: {column: SkuPriceId, as: text}\n"
            "    region: RegionId\n"
            "    unit: PricingUnit\n"
            "  skip: {ChargeCategory: [Tax, Credit, Adjustment, Purchase]}\n"
            "  \"null\": [\"NULL\"]\n",
};
