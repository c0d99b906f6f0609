/*
 * The worked examples of config/tariffs: every document reads without an error, and each line `# expect: USAGE -> LINES` of it is what the
 * price function says. USAGE is "component[/dimensions][#meter][@time[..time]]=quantity …" (support/examples.h); LINES as pricing_describe
 * writes them. Every curve, and every aggregation that is no plain sum, has an example.
 */
#include "meterd/rater/price.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/examples.h"

static void check_expectation(struct example *example, char *text)
{
    struct mtr_usage_row usage[EXAMPLE_USAGE_MAX];
    struct mtr_price price;
    char got[2048];
    char *arrow = strstr(text, "-> ");
    if (!arrow) fail_msg("%s: an expectation without ->: %s", example->name, text);
    *arrow = '\0';
    struct mtr_price_input input = pricing_input(&example->pricing);
    input.zone = example->utc;
    input.usage_count = example_parse_usage(example, text, usage);
    input.usage = example_measure(example, usage, &input.usage_count);
    assert_int_equal(mtr_price(&input, true, &example->pricing.result, &price), MTR_OK);
    pricing_describe(&example->pricing, &price, got, sizeof(got));
    if (strcmp(got, arrow + 3) != 0) fail_msg("%s:\n  expected %s\n  got      %s", example->name, arrow + 3, got);
}

static unsigned check_example(const char *name, struct mtr_zone *utc, bool seen[MTR_CURVE_KINDS])
{
    struct example example = {.name = name, .utc = utc};
    char text[EXAMPLE_TEXT_BYTES];
    unsigned count = 0;
    example_read_file(name, text);
    if (pricing_open(&example.pricing, mtr_str_from(text)) != MTR_OK || example.pricing.findings.count)
        fail_msg("%s: %s", name, example.pricing.findings.count ? example.pricing.findings.items[0].text : "cannot be read");
    const struct mtr_tariff_version *version = &example.pricing.tariff.versions[0];
    for (uint32_t i = 0; i < version->component_count; i++) seen[version->components[i].curve] = true;
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, EXAMPLES_MARK, strlen(EXAMPLES_MARK)) != 0) continue;
        check_expectation(&example, line + strlen(EXAMPLES_MARK));
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
    DIR *directory = opendir(EXAMPLES_DIRECTORY);
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
