/*
 * The worked examples of config/tariffs, for tests and benches: a document's text, and the usage of its `#
 * expect: USAGE -> LINES` lines. USAGE is "component[/dimensions][#meter][@time[..time]]=quantity …", by
 * time. In a bundle with meters a word is what the meter is told, not what it comes to: a level or its change
 * from that time on, an event, a span's quantity, the value in each window of a span. Whatever is wrong with
 * one ends the program with a sentence.
 */
#ifndef METERD_TESTS_SUPPORT_EXAMPLES_H
#define METERD_TESTS_SUPPORT_EXAMPLES_H

#include <stdlib.h>

#include "meterd/catalog/meter.h"
#include "meterd/core/time.h"
#include "meterd/rater/slicing.h"
#include "tests/support/pricing.h"

#define EXAMPLES_DIRECTORY "config/tariffs"
#define EXAMPLES_MARK "# expect: "
enum { EXAMPLE_TEXT_BYTES = 1 << 14, EXAMPLE_USAGE_MAX = 16, EXAMPLE_POOLS_MAX = 16 };

struct example {
    const char *name;
    struct pricing pricing;
    struct mtr_zone *utc;
};

static inline void example_check(bool holds, const char *name, const char *sentence, struct mtr_str text)
{
    if (holds) return;
    fprintf(stderr, EXAMPLES_DIRECTORY "/%s: %s %.*s\n", name, sentence, MTR_STR_ARGS(text));
    exit(1);
}

static inline void example_read_file(const char *name, char text[EXAMPLE_TEXT_BYTES])
{
    char path[512];
    snprintf(path, sizeof(path), EXAMPLES_DIRECTORY "/%s", name);
    FILE *file = fopen(path, "r");
    example_check(file != NULL, name, "cannot be opened", MTR_STR(""));
    size_t size = fread(text, 1, EXAMPLE_TEXT_BYTES - 1, file);
    fclose(file);
    example_check(size < EXAMPLE_TEXT_BYTES - 1, name, "is too long", MTR_STR(""));
    text[size] = '\0';
}

static inline uint32_t example_index_of(const struct example *example, struct mtr_str key)
{
    const struct mtr_tariff_version *version = &example->pricing.tariff.versions[0];
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, key)) return i;
    example_check(false, example->name, "there is no component", key);
    return 0;
}

static inline uint32_t example_input_of(const struct example *example, const struct mtr_component *component,
                                        struct mtr_str meter)
{
    for (uint32_t i = 0; i < component->input_count; i++)
        if (mtr_str_equal(component->inputs[i], meter)) return i;
    example_check(false, example->name, "the component has no meter", meter);
    return 0;
}

/* "time" or "time..time" */
static inline void example_parse_times(const struct example *example, struct mtr_str text,
                                       struct mtr_usage_row *row)
{
    const char *dots = memmem(text.data, text.size, "..", 2);
    size_t first = dots ? (size_t)(dots - text.data) : text.size;
    int rc = mtr_time_parse((struct mtr_str){text.data, first}, &row->time_us);
    row->until_us = row->time_us;
    if (!rc && dots) rc = mtr_time_parse((struct mtr_str){dots + 2, text.size - first - 2}, &row->until_us);
    example_check(!rc, example->name, "is no time:", text);
}

/* What stands between the mark and the next one, or the quantity. */
static inline struct mtr_str example_piece_of(const char *word, const char *end, char mark,
                                              const char *next_marks)
{
    const char *from = memchr(word, mark, (size_t)(end - word));
    if (!from) return MTR_STR("");
    size_t size = 0;
    for (from++; from + size < end && !strchr(next_marks, from[size]); size++) {}
    return (struct mtr_str){from, size};
}

static inline uint32_t example_parse_usage(const struct example *example, char *text,
                                           struct mtr_usage_row *usage)
{
    uint32_t count = 0;
    for (char *rest = text, *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        if (!*word) continue;
        char *equals = strrchr(word, '=');
        example_check(equals && count < EXAMPLE_USAGE_MAX, example->name, "is no usage:", mtr_str_from(word));
        struct mtr_str meter = example_piece_of(word, equals, '#', "@"),
                       time = example_piece_of(word, equals, '@', "");
        usage[count] = (struct mtr_usage_row){
            .component = example_index_of(example, (struct mtr_str){word, strcspn(word, "/#@=")})};
        usage[count].dimensions = example_piece_of(word, equals, '/', "#@");
        if (meter.size)
            usage[count].input = example_input_of(
                example, &example->pricing.tariff.versions[0].components[usage[count].component], meter);
        if (time.size) example_parse_times(example, time, &usage[count]);
        int rc = mtr_quantity_parse(mtr_str_from(equals + 1), &usage[count].quantity);
        example_check(!rc, example->name, "is no quantity:", mtr_str_from(word));
        count++;
    }
    return count;
}

/* The first month's grants of the version's allowances, and the words `credit:AMOUNT` of the usage, which
 * are blanked out. */
static inline uint32_t example_pools(const struct example *example, char *text, struct mtr_price_pool *pools)
{
    static const char *const keys[] = {"credit-1", "credit-2", "credit-3"}, *const grants[] = {"credit=1",
                                                                                               "credit=2",
                                                                                               "credit=3"};
    const struct mtr_tariff_version *version = &example->pricing.tariff.versions[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < version->allowance_count; i++) {
        const struct mtr_allowance *from = &version->allowances[i];
        example_check(count < EXAMPLE_POOLS_MAX, example->name, "has too many pools:", from->key);
        pools[count++] = (struct mtr_price_pool){.key = from->key,
                                                 .grant = MTR_STR("grant=2026-01-01"),
                                                 .of_money = from->of_money,
                                                 .components = from->components,
                                                 .component_count = from->component_count,
                                                 .priority = from->priority,
                                                 .quantity = from->quantity,
                                                 .amount = from->amount};
    }
    char *word;
    for (uint32_t i = 0; (word = strstr(text, "credit:")) != NULL; i++) {
        const size_t size = strcspn(word, " ");
        example_check(i < 3 && count < EXAMPLE_POOLS_MAX, example->name,
                      "has too many credits:", mtr_str_from(word));
        pools[count] = (struct mtr_price_pool){.key = mtr_str_from(keys[i]),
                                               .grant = mtr_str_from(grants[i]),
                                               .of_money = true,
                                               .priority = 100,
                                               .expires_us = INT64_MAX};
        int rc = mtr_money_parse((struct mtr_str){word + 7, size - 7}, &pools[count++].amount);
        example_check(!rc, example->name, "is no amount:", mtr_str_from(word));
        memset(word, ' ', size);
    }
    return count;
}

/* The bundle's meter of that key; false: there is none. */
static inline bool example_meter_of(struct example *example, struct mtr_str key, struct mtr_meter *out)
{
    const struct mtr_node *meters = mtr_node_get(mtr_document_root(example->pricing.document), "meters");
    for (uint32_t i = 0; meters && i < meters->child_count; i++) {
        int rc =
            mtr_meter_read(&meters->children[i], &example->pricing.arena, out, &example->pricing.findings);
        example_check(!rc, example->name, "has a wrong meter", key);
        if (mtr_str_equal(out->key, key)) return true;
    }
    return false;
}

/* One word, as its meter is told; one without a time at the period's start. A level's list is that of the
 * word's dimensions. */
static inline void example_tell(const struct example *example, struct mtr_slicing *slicing,
                                const struct mtr_meter *meter, const struct mtr_usage_row *word,
                                struct mtr_quantity *level)
{
    uint32_t group;
    struct mtr_quantity change = word->quantity;
    int64_t time_us =
        word->time_us ? word->time_us : pricing_input(&example->pricing).period.start_us;
    const int64_t until_us = word->until_us, length_us = until_us - time_us;
    int rc = mtr_slicing_group(slicing, word->dimensions, &group);
    if (mtr_slicing_is_level(meter)) {
        if (!meter->reports_changes) change.e12 -= level->e12;
        level->e12 += change.e12;
        if (meter->holds_from_day) time_us -= time_us % MTR_US_PER_DAY;
        if (!rc) rc = mtr_slicing_add_change(slicing, group, time_us, change);
    } else if (length_us > 0 && meter->window_us) {
        for (; !rc && time_us < until_us; time_us += meter->window_us) {
            const struct mtr_use use = {time_us, time_us, 0, change};
            rc = mtr_slicing_add(slicing, group, &use);
        }
    } else if (length_us > 0) { /* each hour of UTC has its share */
        const int64_t start_us = time_us;
        mtr_int128 before_e12 = 0;
        while (!rc && time_us < until_us) {
            const int64_t end_us = time_us - time_us % MTR_US_PER_HOUR + MTR_US_PER_HOUR;
            const int64_t next_us = end_us < until_us ? end_us : until_us;
            const mtr_int128 so_far_e12 = word->quantity.e12 * (next_us - start_us) / length_us;
            const struct mtr_use use = {time_us, time_us, 0, {so_far_e12 - before_e12}};
            rc = mtr_slicing_add(slicing, group, &use);
            before_e12 = so_far_e12;
            time_us = next_us;
        }
    } else if (!rc) {
        const struct mtr_use use = {time_us, time_us, 0, change};
        rc = mtr_slicing_add(slicing, group, &use);
    }
    example_check(!rc, example->name, "cannot be measured:", meter->key);
}

/* What the words of a bundle come to; those of a lone tariff stay as they are. */
static inline const struct mtr_usage_row *example_measure(struct example *example,
                                                          const struct mtr_usage_row *words, uint32_t *count)
{
    const struct mtr_price_input input = pricing_input(&example->pricing);
    const struct mtr_tariff_version *version = input.version;
    struct mtr_usage_row *rows = mtr_arena_calloc(&example->pricing.arena, 1 << 12, sizeof(*rows));
    uint32_t row_count = 0;
    if (!mtr_node_get(mtr_document_root(example->pricing.document), "meters")) return words;
    example_check(rows != NULL, example->name, "is too large", MTR_STR(""));
    for (uint32_t i = 0; i < version->component_count; i++) {
        struct mtr_meter meter;
        struct mtr_slicing *slicing;
        struct mtr_quantity level = {0};
        const struct mtr_usage_row *found;
        uint32_t found_count = 0;
        if (!example_meter_of(example, version->components[i].meter, &meter)) continue;
        const struct mtr_slicing_rule rule = {.component = &version->components[i],
                                              .component_index = i,
                                              .meter = &meter,
                                              .zone = example->utc,
                                              .whole = input.period,
                                              .from_us = input.period.start_us,
                                              .own_us = input.period.start_us,
                                              .until_us = input.period.end_us};
        int rc = mtr_slicing_begin(&rule, &example->pricing.arena, &slicing);
        for (uint32_t k = 0; !rc && k < *count; k++)
            if (words[k].component == i) example_tell(example, slicing, &meter, &words[k], &level);
        if (!rc) rc = mtr_slicing_finish(slicing, &found, &found_count);
        example_check(!rc && row_count + found_count < 1 << 12, example->name,
                      "cannot be measured:", meter.key);
        for (uint32_t k = 0; k < found_count; k++) rows[row_count++] = found[k];
    }
    *count = row_count;
    return rows;
}

#endif
