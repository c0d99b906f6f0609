/*
 * The worked examples of config/tariffs: every document reads without an error, and each line `# expect: USAGE -> LINES` of it is what the
 * price function says. USAGE is "component[/dimensions][#meter][@time[..time]]=quantity …"; LINES as pricing_describe writes them. Every curve
 * has an example.
 */
#include "meterd/rater/price.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

#define EXAMPLES "config/tariffs"
enum { TEXT_BYTES = 1 << 14, USAGE_MAX = 16 };

struct example {
    const char *name;
    struct pricing pricing;
    struct mtr_zone *utc;
};

static void read_file(const char *name, char text[TEXT_BYTES])
{
    char path[512];
    snprintf(path, sizeof(path), EXAMPLES "/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, TEXT_BYTES - 1, file);
    fclose(file);
    assert_true(size < TEXT_BYTES - 1);
    text[size] = '\0';
}

static uint32_t index_of(const struct example *example, struct mtr_str key)
{
    const struct mtr_tariff_version *version = &example->pricing.tariff.versions[0];
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, key)) return i;
    fail_msg("%s: there is no component %.*s", example->name, MTR_STR_ARGS(key));
    return 0;
}

static uint32_t input_of(const struct example *example, const struct mtr_component *component, struct mtr_str meter)
{
    for (uint32_t i = 0; i < component->input_count; i++)
        if (mtr_str_equal(component->inputs[i], meter)) return i;
    fail_msg("%s: component %.*s has no meter %.*s", example->name, MTR_STR_ARGS(component->key), MTR_STR_ARGS(meter));
    return 0;
}

/* "time" or "time..time" */
static void parse_times(struct mtr_str text, struct mtr_usage_row *row)
{
    const char *dots = memmem(text.data, text.size, "..", 2);
    size_t first = dots ? (size_t)(dots - text.data) : text.size;
    assert_int_equal(mtr_time_parse((struct mtr_str){text.data, first}, &row->time_us), MTR_OK);
    row->until_us = row->time_us;
    if (dots) assert_int_equal(mtr_time_parse((struct mtr_str){dots + 2, text.size - first - 2}, &row->until_us), MTR_OK);
}

/* What stands between the mark and the next one, or the quantity. */
static struct mtr_str piece_of(const char *word, const char *end, char mark, const char *next_marks)
{
    const char *from = memchr(word, mark, (size_t)(end - word));
    if (!from) return MTR_STR("");
    size_t size = 0;
    for (from++; from + size < end && !strchr(next_marks, from[size]); size++) {}
    return (struct mtr_str){from, size};
}

static uint32_t parse_usage(const struct example *example, char *text, struct mtr_usage_row *usage)
{
    uint32_t count = 0;
    for (char *rest = text, *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        if (!*word) continue;
        char *equals = strrchr(word, '=');
        if (!equals || count == USAGE_MAX) fail_msg("%s: no usage: %s", example->name, word);
        struct mtr_str meter = piece_of(word, equals, '#', "@"), time = piece_of(word, equals, '@', "");
        usage[count] = (struct mtr_usage_row){.component = index_of(example, (struct mtr_str){word, strcspn(word, "/#@=")})};
        usage[count].dimensions = piece_of(word, equals, '/', "#@");
        if (meter.size) usage[count].input = input_of(example, &example->pricing.tariff.versions[0].components[usage[count].component], meter);
        if (time.size) parse_times(time, &usage[count]);
        assert_int_equal(mtr_quantity_parse(mtr_str_from(equals + 1), &usage[count].quantity), MTR_OK);
        count++;
    }
    return count;
}

static void check_expectation(struct example *example, char *text)
{
    struct mtr_usage_row usage[USAGE_MAX];
    struct mtr_price price;
    char got[2048];
    char *arrow = strstr(text, "-> ");
    if (!arrow) fail_msg("%s: an expectation without ->: %s", example->name, text);
    *arrow = '\0';
    struct mtr_price_input input = pricing_input(&example->pricing);
    input.zone = example->utc;
    input.usage = usage;
    input.usage_count = parse_usage(example, text, usage);
    assert_int_equal(mtr_price(&input, true, &example->pricing.result, &price), MTR_OK);
    pricing_describe(&example->pricing, &price, got, sizeof(got));
    if (strcmp(got, arrow + 3) != 0) fail_msg("%s:\n  expected %s\n  got      %s", example->name, arrow + 3, got);
}

static unsigned check_example(const char *name, struct mtr_zone *utc, bool seen[MTR_CURVE_KINDS])
{
    static const char mark[] = "# expect: ";
    struct example example = {.name = name, .utc = utc};
    char text[TEXT_BYTES];
    unsigned count = 0;
    read_file(name, text);
    if (pricing_open(&example.pricing, mtr_str_from(text)) != MTR_OK || example.pricing.findings.count)
        fail_msg("%s: %s", name, example.pricing.findings.count ? example.pricing.findings.items[0].text : "cannot be read");
    const struct mtr_tariff_version *version = &example.pricing.tariff.versions[0];
    for (uint32_t i = 0; i < version->component_count; i++) seen[version->components[i].curve] = true;
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, mark, sizeof(mark) - 1) != 0) continue;
        check_expectation(&example, line + sizeof(mark) - 1);
        count++;
    }
    pricing_close(&example.pricing);
    return count;
}

static void test_examples(void **state)
{
    (void)state;
    bool seen[MTR_CURVE_KINDS] = {false};
    struct mtr_zone *utc;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    DIR *directory = opendir(EXAMPLES);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        if (check_example(entry->d_name, utc, seen) == 0) fail_msg("%s expects nothing", entry->d_name);
    }
    closedir(directory);
    mtr_zone_close(utc);
    for (int i = 0; i < MTR_CURVE_KINDS; i++)
        if (!seen[i]) fail_msg("no example has the curve %s", mtr_curve_kind_name((enum mtr_curve_kind)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
