/*
 * The currency table: golden digits, and its codes against the ISO 4217 list of Debian's iso-codes where that
 * is installed.
 */
#include "meterd/core/currency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/document.h"

static const char iso_path[] = "/usr/share/iso-codes/json/iso_4217.json";
/* In ISO 4217, and no money that could be billed: metals, units of account, test and "no currency". */
static const char *const without_minor_unit[] = {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR",
                                                 "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"};
/* Younger than the list that Debian 12 ships. */
static const char *const young[] = {"XCG", "ZWG"};

static bool is_in(const char *const *list, size_t count, const char *code)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], code) == 0) return true;
    return false;
}

static void test_digits(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        unsigned digits;
    } rows[] = {{"EUR", 2}, {"USD", 2}, {"JPY", 0}, {"KWD", 3}, {"CLF", 4}, {"INR", 2},
                {"BRL", 2}, {"AED", 2}, {"ZWL", 2}, {"KRW", 0}, {"TND", 3}, {"ISK", 0},
                {"HUF", 2}, {"UYW", 4}, {"XOF", 0}, {"MGA", 2}, {"AUD", 2}, {"VND", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mtr_currency *currency = mtr_currency_find(mtr_str_from(rows[i].code));
        assert_non_null(currency);
        assert_string_equal(currency->code, rows[i].code);
        assert_int_equal(currency->digits, rows[i].digits);
    }
    static const char *const unknown[] = {"",    "eur", "EU",  "EURO",        "XXX",
                                          "XAU", "AAA", "ZZZ", "\xff\xff\xff"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_null(mtr_currency_find(mtr_str_from(unknown[i])));
    static const char *const meant[][2] = {
        {"eur", "; did you mean `EUR`?"}, {"EURO", "; did you mean `EUR`?"}, {"UDS", "; did you mean `USD`?"},
        {"GPB", "; did you mean `GBP`?"}, {"usdd", "; did you mean `USD`?"}, {"USX", "; did you mean `USD`?"},
        {"RUS", "; did you mean `RUB`?"}, {"QQQ", ""}, {"", ""}, {"dollars", ""}};
    char text[MTR_MEANT_BYTES];
    for (size_t i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
        assert_string_equal(mtr_currency_meant(mtr_str_from(meant[i][0]), text), meant[i][1]);
}

static size_t read_iso(struct mtr_buffer *out)
{
    FILE *file = fopen(iso_path, "rb");
    if (!file) return 0;
    char chunk[4096];
    for (size_t size; (size = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        assert_int_equal(mtr_buffer_append(out, chunk, size), MTR_OK);
    fclose(file);
    return out->size;
}

static void test_against_iso_codes(void **state)
{
    (void)state;
    struct mtr_buffer text;
    mtr_buffer_init(&text, 1 << 20);
    if (read_iso(&text) == 0) {
        print_message("skipped: %s is absent (package iso-codes)\n", iso_path);
        skip();
    }
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_document_parse(mtr_buffer_str(&text), &document, &diagnostic), MTR_OK);
    const struct mtr_node *list = mtr_node_get(mtr_document_root(document), "4217");
    assert_non_null(list);
    unsigned listed_in_both = 0;
    for (uint32_t i = 0; i < list->child_count; i++) {
        const struct mtr_node *code = mtr_node_get(&list->children[i], "alpha_3");
        char name[4] = {0};
        assert_int_equal(code->text.size, 3);
        memcpy(name, code->text.data, 3);
        bool expected =
            !is_in(without_minor_unit, sizeof(without_minor_unit) / sizeof(without_minor_unit[0]), name);
        if ((mtr_currency_find(code->text) != NULL) != expected) fail_msg("%s", name);
        listed_in_both += expected;
    }
    /* the other way: every code that is found stands in the list, or is known to be younger */
    unsigned found = 0, found_young = 0;
    for (char a = 'A'; a <= 'Z'; a++)
        for (char b = 'A'; b <= 'Z'; b++)
            for (char c = 'A'; c <= 'Z'; c++) {
                char name[4] = {a, b, c, '\0'};
                if (!mtr_currency_find(mtr_str_from(name))) continue;
                found++;
                found_young += is_in(young, sizeof(young) / sizeof(young[0]), name);
            }
    assert_int_equal(found, listed_in_both + found_young);
    assert_in_range(found_young, 0, sizeof(young) / sizeof(young[0]));
    mtr_document_close(document);
    mtr_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_against_iso_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
