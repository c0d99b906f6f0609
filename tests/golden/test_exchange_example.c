/*
 * The worked example of charges in another currency: config/tariffs/exchange.yaml. Its lines `# rates: {a
 * rates document}` hold from there on for its lines `# expect in USD: USAGE -> LINES`.
 */
#include "meterd/tariff/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/examples.h"

#define RATES_MARK "# rates: "
#define EXPECT_MARK "# expect in "
enum { CODE_BYTES = 3 };

struct table {
    struct mtr_document *document;
    struct mtr_rates rates;
    const struct mtr_rates *day;
    struct mtr_rate_book book;
};

static void read_rates(struct example *example, const char *text, struct table *table)
{
    struct mtr_diagnostic broken;
    mtr_document_close(table->document);
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &table->document, &broken), MTR_OK);
    int rc = mtr_rates_read(mtr_document_root(table->document), &example->pricing.arena, &table->rates,
                            &example->pricing.findings);
    if (rc) fail_msg("%s: %s", example->pricing.findings.items[0].text, text);
    table->day = &table->rates;
    table->book = (struct mtr_rate_book){&table->day, 1};
}

/* "USD: USAGE -> LINES" */
static void check_expectation(struct example *example, const struct table *table, char *text)
{
    struct mtr_usage_row usage[EXAMPLE_USAGE_MAX];
    struct mtr_price_exchange exchange;
    struct mtr_price price;
    char got[2048], *arrow = strstr(text, "-> ");
    if (!table->day || !arrow || text[CODE_BYTES] != ':')
        fail_msg("no rates, no currency or no ->: %s", text);
    *arrow = '\0';
    mtr_price_exchange_find(&example->pricing.tariff, (struct mtr_str){text, CODE_BYTES}, table->rates.day,
                            false, &table->book, &exchange);
    struct mtr_price_input input = pricing_input(&example->pricing);
    input.zone = example->utc;
    input.exchange = &exchange;
    input.usage = usage;
    input.usage_count = example_parse_usage(example, text + CODE_BYTES + 2, usage);
    assert_int_equal(mtr_price(&input, true, &example->pricing.result, &price), MTR_OK);
    example->pricing.tariff.rounding_digits = exchange.digits; /* as the answer is written */
    pricing_describe(&example->pricing, &price, got, sizeof(got));
    if (strcmp(got, arrow + 3) != 0) fail_msg("\n  expected %s\n  got      %s", arrow + 3, got);
}

static void test_example(void **state)
{
    struct example example = {.name = "exchange.yaml"};
    struct table table = {0};
    char text[EXAMPLE_TEXT_BYTES];
    unsigned count = 0;
    (void)state;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &example.utc), MTR_OK);
    example_read_file(example.name, text);
    assert_int_equal(pricing_open(&example.pricing, mtr_str_from(text)), MTR_OK);
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, RATES_MARK, strlen(RATES_MARK)) == 0)
            read_rates(&example, line + strlen(RATES_MARK), &table);
        if (strncmp(line, EXPECT_MARK, strlen(EXPECT_MARK)) != 0) continue;
        check_expectation(&example, &table, line + strlen(EXPECT_MARK));
        count++;
    }
    assert_true(count >= 5);
    mtr_document_close(table.document);
    pricing_close(&example.pricing);
    mtr_zone_close(example.utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
