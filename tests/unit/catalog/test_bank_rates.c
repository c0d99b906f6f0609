/*
 * Banks' XML: what it becomes in the catalog, digit by digit, and everything that is refused, with its place.
 */
#include "meterd/catalog/bank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_BYTES_MAX = 16 << 20, TEXT_BYTES = 4096 };

struct world {
    struct mtr_arena arena;
    struct mtr_buffer json;
    struct mtr_diagnostic broken;
    char skipped[MTR_BANK_SKIPPED_BYTES];
    uint32_t days;
};

static void set_up(struct world *world)
{
    *world = (struct world){0};
    mtr_arena_init(&world->arena, 1 << 12, ARENA_BYTES_MAX);
    mtr_buffer_init(&world->json, ARENA_BYTES_MAX);
}

static void clean_up(struct world *world)
{
    mtr_arena_release(&world->arena);
    mtr_buffer_release(&world->json);
}

static int read_since(struct world *world, const struct mtr_bank *bank, struct mtr_str xml, int64_t since_day)
{
    struct mtr_bank_rates rates;
    struct mtr_json_writer json;
    int rc = mtr_bank_read(bank, xml, &world->arena, &rates, &world->broken);
    if (rc) return rc;
    mtr_buffer_reset(&world->json);
    mtr_json_begin(&json, &world->json);
    world->days = mtr_bank_write_documents(bank, bank->name, &rates, since_day, &json, world->skipped);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
    return MTR_OK;
}

static int read_all(struct world *world, const struct mtr_bank *bank, struct mtr_str xml)
{
    return read_since(world, bank, xml, INT64_MIN);
}

static void assert_json(const struct world *world, const char *expected)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof(text), "%.*s", MTR_STR_ARGS(mtr_buffer_str(&world->json)));
    assert_string_equal(text, expected);
}

static const char ecb_xml[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n"
    "<gesmes:subject>Reference rates</gesmes:subject>\n"
    "<Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.0842'/><Cube currency='JPY' rate='169.250'/></Cube>\n"
    "<Cube time='2026-11-19'><Cube currency='USD' rate='1.08'/><Cube currency='CYP' rate='0.58'/><Cube currency='LTL' rate='3.4528'/></Cube>\n"
    "<Cube time='2026-11-18'><Cube currency='LTL' rate='3.4528'/></Cube>\n"
    "</Cube></gesmes:Envelope>\n";

static void test_ecb(void **state)
{
    struct world world;
    (void)state;
    set_up(&world);
    if (read_all(&world, &mtr_bank_ecb, mtr_str_from(ecb_xml))) fail_msg("%s", world.broken.text);
    assert_int_equal(world.days, 2); /* a day of withdrawn currencies only is left out */
    assert_string_equal(world.skipped, "LTL, CYP");
    assert_json(
        &world,
        "{\"rates\":[{\"key\":\"ecb-2026-11-19\",\"source\":\"ecb\",\"date\":\"2026-11-19\",\"base\":\"EUR\",\"quotes\":{\"USD\":\"1.08\"}},"
        "{\"key\":\"ecb-2026-11-20\",\"source\":\"ecb\",\"date\":\"2026-11-20\",\"base\":\"EUR\",\"quotes\":{\"USD\":\"1.0842\",\"JPY\":\"169.25\"}}]}");
    assert_int_equal(read_since(&world, &mtr_bank_ecb, mtr_str_from(ecb_xml), 20777), MTR_OK);
    assert_int_equal(world.days, 1);
    assert_int_equal(read_since(&world, &mtr_bank_ecb, mtr_str_from(ecb_xml), 20778), MTR_OK);
    assert_int_equal(world.days, 0);
    clean_up(&world);
}

/* Names in Windows-1251, with bytes that are no UTF-8. */
static const char cbr_xml[] =
    "<?xml version=\"1.0\" encoding=\"windows-1251\"?>\n"
    "<ValCurs Date=\"21.11.2026\" name=\"Foreign Currency Market\">\n"
    "<Valute ID=\"R01235\"><NumCode>840</NumCode><CharCode>USD</CharCode><Nominal>1</Nominal><Name>\xC4\xEE\xEB\xEB\xE0\xF0 \xD1\xD8\xC0</Name>"
    "<Value>92,5000</Value><VunitRate>92,5</VunitRate></Valute>\n"
    "<Valute ID=\"R01820\"><NumCode>392</NumCode><CharCode>JPY</CharCode><Nominal>100</Nominal>"
    "<Name>\xDF\xEF\xEE\xED\xF1\xEA\xE8\xF5 \xE8\xE5\xED "
    "\xDF\xEF\xEE\xED\xF1\xEA\xE8\xF5 \xE8\xE5\xED \xDF\xEF\xEE\xED\xF1\xEA\xE8\xF5 \xE8\xE5\xED \xDF\xEF\xEE\xED\xF1\xEA\xE8\xF5"
    "</Name><Value>62,5012</Value><VunitRate>0,625012</VunitRate></Valute>\n"
    "<Valute ID=\"R01589\"><CharCode>XDR</CharCode><Nominal>1</Nominal><Value>120,1</Value></Valute>\n"
    "</ValCurs>\n";

static void test_cbr(void **state)
{
    struct world world;
    (void)state;
    set_up(&world);
    if (read_all(&world, &mtr_bank_cbr, mtr_str_from(cbr_xml))) fail_msg("%s", world.broken.text);
    assert_string_equal(world.skipped, "XDR");
    assert_json(
        &world,
        "{\"rates\":[{\"key\":\"cbr-2026-11-21\",\"source\":\"cbr\",\"date\":\"2026-11-21\",\"base\":\"RUB\",\"quotes\":{"
        "\"USD\":{\"nominal\":1,\"value\":\"92.5\"},\"JPY\":{\"nominal\":100,\"value\":\"62.5012\"}}}]}");
    clean_up(&world);
}

#define DAY(quotes) "<E><Cube time='2026-11-20'>" quotes "</Cube></E>"
#define VALUTE(code, nominal, value) \
    "<ValCurs Date='21.11.2026'><Valute><CharCode>" code "</CharCode><Nominal>" nominal "</Nominal><Value>" value "</Value></Valute></ValCurs>"

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000" /* 62 */

static const struct {
    const struct mtr_bank *bank;
    const char *xml, *finding;
} refused[] = {
    {&mtr_bank_ecb, "", "1:1: no well-formed XML: no element found"},
    {&mtr_bank_ecb, "{\"rates\": []}", "1:1: no well-formed XML: not well-formed (invalid token)"},
    {&mtr_bank_ecb, "<html><body>moved</body></html>", "0:0: holds no rates of the European Central Bank"},
    {&mtr_bank_cbr, ecb_xml, "0:0: holds no rates of the Bank of Russia"},
    {&mtr_bank_ecb, DAY(""), "0:0: holds no rates of the European Central Bank"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='1.08'/>") "<E/>", "1:73: no well-formed XML: junk after document element"},
    {&mtr_bank_ecb, "<E><Cube time='2026-11-20'><Cube currency='USD' rate='1.08'/>", "1:62: no well-formed XML: no element found"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD'/>"), "1:28: a rate needs `currency` and `rate`"},
    {&mtr_bank_ecb, DAY("\n<Cube rate='1'/>"), "2:1: a rate needs `currency` and `rate`"},
    {&mtr_bank_ecb, DAY("<Cube currency='usd' rate='1'/>"), "1:28: `usd` is no code of a currency"},
    {&mtr_bank_ecb, DAY("<Cube currency='US' rate='1'/>"), "1:28: `US` is no code of a currency"},
    {&mtr_bank_ecb, DAY("<Cube currency='USDX' rate='1'/>"), "1:28: `USDX` is no code of a currency"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='0'/>"), "1:28: USD: `0` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='-1'/>"), "1:28: USD: `-1` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='1,08'/>"), "1:28: USD: `1,08` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='NaN'/>"), "1:28: USD: `NaN` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='1e999999999'/>"),
     "1:28: USD: `1e999999999` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='1000000000000000000'/>"),
     "1:28: USD: `1000000000000000000` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate=''/>"), "1:28: USD: `` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_ecb, DAY("<Cube currency='USD' rate='1'/><Cube currency='USD' rate='2'/>"), "1:59: USD is there twice"},
    {&mtr_bank_ecb, "<E><Cube currency='USD' rate='1'/></E>", "1:4: a rate without a day"},
    {&mtr_bank_ecb, "<E><Cube time='2026-02-29'/></E>", "1:4: 2026-2-29 is no day"},
    {&mtr_bank_ecb, "<E><Cube time='20.11.2026'/></E>", "1:4: `20.11.2026` is no day, as 2026-11-20"},
    {&mtr_bank_ecb, "<E><Cube time='0000-00-00'/></E>", "1:4: 0-0-0 is no day"},
    {&mtr_bank_ecb, "<E><Cube time='2026-11-20'/><Cube time='2026-11-19'><Cube currency='USD' rate='1'/></Cube><Cube time='2026-11-20'/></E>",
     "0:0: the day 2026-11-20 is there twice"},
    {&mtr_bank_ecb, "<!DOCTYPE E><E/>", "1:12: a document type is not accepted: banks send none"},
    {&mtr_bank_ecb, "<!DOCTYPE E [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><E>&b;</E>", "1:13: a document type is not accepted: banks send none"},
    {&mtr_bank_ecb, "<!DOCTYPE E SYSTEM 'file:///etc/passwd'><E/>", "1:40: a document type is not accepted: banks send none"},
    {&mtr_bank_ecb, "<E>&unknown;</E>", "1:4: no well-formed XML: undefined entity"},
    {&mtr_bank_ecb, "<?xml version='1.0' encoding='UTF-8'?><E a='\xff'/>", "1:45: no well-formed XML: not well-formed (invalid token)"},
    {&mtr_bank_ecb, "<?xml version='1.0' encoding='koi8-r'?><E/>", "1:31: no well-formed XML: unknown encoding"},
    {&mtr_bank_cbr, "<?xml version='1.0' encoding='windows-1251'?><E>\x98</E>", "1:49: no well-formed XML: not well-formed (invalid token)"},
    {&mtr_bank_cbr, VALUTE("USD", "1", "92.5"), "1:99: USD: `92.5`: the decimal sign is a comma"},
    {&mtr_bank_cbr, VALUTE("USD", "1", "92,5,1"), "1:101: USD: `92.5,1` is no rate: a number above zero of at most 18 digits is expected"},
    {&mtr_bank_cbr, VALUTE("USD", "0", "92,5"), "1:99: USD: Nominal is a whole number from 1 to 1000000, not `0`"},
    {&mtr_bank_cbr, VALUTE("USD", "-1", "92,5"), "1:100: USD: Nominal is a whole number from 1 to 1000000, not `-1`"},
    {&mtr_bank_cbr, VALUTE("USD", "1000001", "92,5"), "1:105: USD: Nominal is a whole number from 1 to 1000000, not `1000001`"},
    {&mtr_bank_cbr, VALUTE("USD", "1", ""), "1:95: a rate needs CharCode, Nominal and Value"},
    {&mtr_bank_cbr, VALUTE("USD", "1", "92<b/>,5"), "1:103: a rate needs CharCode, Nominal and Value"},
    {&mtr_bank_cbr, VALUTE("USD", "1", ZEROS "92,5"), "1:161: a rate needs CharCode, Nominal and Value"}, /* 66 characters: not 92, which 64 are */
    {&mtr_bank_cbr, VALUTE("", "1", "1"), "1:93: a rate needs CharCode, Nominal and Value"},
    {&mtr_bank_cbr, "<ValCurs Date='2026-11-21'/>", "1:1: `2026-11-21` is no day, as 21.11.2026"},
    {&mtr_bank_cbr, "<ValCurs/>", "1:1: `` is no day, as 21.11.2026"},
    {&mtr_bank_cbr, "<Valute><CharCode>USD</CharCode><Nominal>1</Nominal><Value>1</Value></Valute>", "1:69: a rate without a day"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct world world;
        char text[MTR_FINDING_TEXT_BYTES + 40];
        set_up(&world);
        int rc = read_all(&world, refused[i].bank, mtr_str_from(refused[i].xml));
        snprintf(text, sizeof(text), "%u:%u: %s", world.broken.line, world.broken.column, world.broken.text);
        if (rc != MTR_EINVALID || strcmp(text, refused[i].finding) != 0)
            fail_msg("row %zu: %d\n  expected %s\n  got      %s", i, rc, refused[i].finding, text);
        clean_up(&world);
    }
}

static void append(struct mtr_buffer *xml, const char *text)
{
    assert_int_equal(mtr_buffer_append_str(xml, mtr_str_from(text)), MTR_OK);
}

static void expect_refused(const struct mtr_buffer *xml, int error, const char *sentence)
{
    struct world world;
    set_up(&world);
    assert_int_equal(read_all(&world, &mtr_bank_ecb, mtr_buffer_str(xml)), error);
    assert_string_equal(world.broken.text, sentence);
    clean_up(&world);
}

/* Depth, days, rates of a day and bytes have a maximum each. */
static void test_bounds(void **state)
{
    struct mtr_buffer xml;
    (void)state;
    mtr_buffer_init(&xml, (size_t)MTR_BANK_XML_BYTES_MAX + 4096);
    for (int i = 0; i < 100000; i++) append(&xml, "<a>");
    expect_refused(&xml, MTR_EINVALID, "elements are nested more than 16 deep");
    mtr_buffer_reset(&xml);
    append(&xml, "<E>");
    for (int i = 0; i < 20001; i++) append(&xml, "<Cube time='2026-11-20'/>");
    expect_refused(&xml, MTR_EINVALID, "more than 20000 days");
    mtr_buffer_reset(&xml);
    append(&xml, "<E><Cube time='2026-11-20'>");
    for (int i = 0; i < 26 * 26; i++) {
        char quote[64];
        snprintf(quote, sizeof(quote), "<Cube currency='Q%c%c' rate='1'/>", 'A' + i / 26, 'A' + i % 26);
        append(&xml, quote);
    }
    expect_refused(&xml, MTR_EINVALID, "more than 500 rates in a day");
    mtr_buffer_reset(&xml);
    assert_int_equal(mtr_buffer_reserve(&xml, (size_t)MTR_BANK_XML_BYTES_MAX), MTR_OK);
    while (xml.size <= MTR_BANK_XML_BYTES_MAX - 64)
        append(&xml, "                                                                ");
    append(&xml, "<E></E>                                                         ");
    append(&xml, " ");
    expect_refused(&xml, MTR_ELIMIT, "is larger than 33554432 bytes");
    mtr_buffer_release(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecb),
        cmocka_unit_test(test_cbr),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
