/*
 * The table of parts: what stands around the curve, in the published order (docs/pricing.md). Private to
 * lib/tariff.
 *
 *   of a slice     convert → free units → allowances → curve → bounds of each
 *   of a line      discount → markup; then the line is rounded
 *   of a component line minimum → overage → cap → minimum → true-up
 *   of the tariff  draws → overage → cap → the account's cap → minimum → true-up → the account's minimum →
 *                  limits of the term → credits → exchange → total
 *
 * KEY(part, key) is a part that components write under that key; STEP(part) has none. A part's file ends with
 * `const struct tariff_part tariff_part_<part>`. The schema of components and the orders of part.c are made
 * of these rows. One part may stand in two orders: a cap is of a component, and of the tariff.
 */
#ifndef METERD_LIB_TARIFF_PART_TABLE_H
#define METERD_LIB_TARIFF_PART_TABLE_H

#define TARIFF_SLICE_PARTS(KEY, STEP)                                                                        \
    KEY(convert, "convert")                                                                                  \
    KEY(free_units, "free_units")                                                                            \
    STEP(allowances)                                                                                         \
    STEP(curve)                                                                                              \
    KEY(each, "each")
#define TARIFF_LINE_PARTS(KEY, STEP)                                                                         \
    KEY(discount, "discount")                                                                                \
    KEY(markup, "markup")
#define TARIFF_COMPONENT_PARTS(KEY, STEP)                                                                    \
    KEY(line_minimum, "line_minimum")                                                                        \
    KEY(overage, "commitment")                                                                               \
    KEY(cap, "cap")                                                                                          \
    KEY(minimum, "minimum")                                                                                  \
    KEY(minimum_prorate, "minimum_prorate")                                                                  \
    STEP(true_up)
#define TARIFF_WHOLE_PARTS(STEP)                                                                             \
    STEP(allowances)                                                                                         \
    STEP(overage)                                                                                            \
    STEP(cap)                                                                                                \
    STEP(account_cap)                                                                                        \
    STEP(minimum)                                                                                            \
    STEP(true_up)                                                                                            \
    STEP(account_minimum)                                                                                    \
    STEP(term)                                                                                               \
    STEP(credits)                                                                                            \
    STEP(exchange)                                                                                           \
    STEP(total)

#define TARIFF_COMPONENT_KEYS(KEY, STEP)                                                                     \
    TARIFF_SLICE_PARTS(KEY, STEP)                                                                            \
    TARIFF_LINE_PARTS(KEY, STEP)                                                                             \
    TARIFF_COMPONENT_PARTS(KEY, STEP)

#define TARIFF_PART_INDEX(part, key) tariff_part_index_##part,
#define TARIFF_PART_NOTHING(part)
enum { TARIFF_COMPONENT_KEYS(TARIFF_PART_INDEX, TARIFF_PART_NOTHING) TARIFF_PART_COUNT };

/* What that part has of a component, or of its decoded fields: NULL where it is not written. */
#define TARIFF_PART_OF(component, part) ((component)->parts[tariff_part_index_##part])

#endif
