/*
 * The worked examples of config/tariffs, for tests and benches: a document's text, and the usage of its `# expect: USAGE -> LINES` lines.
 * USAGE is "component[/dimensions][#meter][@time[..time]]=quantity …". Whatever is wrong with one ends the program with a sentence.
 */
#ifndef METERD_TESTS_SUPPORT_EXAMPLES_H
#define METERD_TESTS_SUPPORT_EXAMPLES_H

#include <stdlib.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

#define EXAMPLES_DIRECTORY "config/tariffs"
#define EXAMPLES_MARK "# expect: "
enum { EXAMPLE_TEXT_BYTES = 1 << 14, EXAMPLE_USAGE_MAX = 16 };

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

static inline uint32_t example_input_of(const struct example *example, const struct mtr_component *component, struct mtr_str meter)
{
    for (uint32_t i = 0; i < component->input_count; i++)
        if (mtr_str_equal(component->inputs[i], meter)) return i;
    example_check(false, example->name, "the component has no meter", meter);
    return 0;
}

/* "time" or "time..time" */
static inline void example_parse_times(const struct example *example, struct mtr_str text, struct mtr_usage_row *row)
{
    const char *dots = memmem(text.data, text.size, "..", 2);
    size_t first = dots ? (size_t)(dots - text.data) : text.size;
    int rc = mtr_time_parse((struct mtr_str){text.data, first}, &row->time_us);
    row->until_us = row->time_us;
    if (!rc && dots) rc = mtr_time_parse((struct mtr_str){dots + 2, text.size - first - 2}, &row->until_us);
    example_check(!rc, example->name, "is no time:", text);
}

/* What stands between the mark and the next one, or the quantity. */
static inline struct mtr_str example_piece_of(const char *word, const char *end, char mark, const char *next_marks)
{
    const char *from = memchr(word, mark, (size_t)(end - word));
    if (!from) return MTR_STR("");
    size_t size = 0;
    for (from++; from + size < end && !strchr(next_marks, from[size]); size++) {}
    return (struct mtr_str){from, size};
}

static inline uint32_t example_parse_usage(const struct example *example, char *text, struct mtr_usage_row *usage)
{
    uint32_t count = 0;
    for (char *rest = text, *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        if (!*word) continue;
        char *equals = strrchr(word, '=');
        example_check(equals && count < EXAMPLE_USAGE_MAX, example->name, "is no usage:", mtr_str_from(word));
        struct mtr_str meter = example_piece_of(word, equals, '#', "@"), time = example_piece_of(word, equals, '@', "");
        usage[count] = (struct mtr_usage_row){.component = example_index_of(example, (struct mtr_str){word, strcspn(word, "/#@=")})};
        usage[count].dimensions = example_piece_of(word, equals, '/', "#@");
        if (meter.size) usage[count].input = example_input_of(example, &example->pricing.tariff.versions[0].components[usage[count].component], meter);
        if (time.size) example_parse_times(example, time, &usage[count]);
        int rc = mtr_quantity_parse(mtr_str_from(equals + 1), &usage[count].quantity);
        example_check(!rc, example->name, "is no quantity:", mtr_str_from(word));
        count++;
    }
    return count;
}

#endif
