/*
 * Findings are whole: sentences of three keys and a list are not cut, and what is longer all the same says so.
 * Each has a code, which is of the words of its enumerator, and no two mean the same.
 */
#include <setjmp.h>
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/str.h"

static void long_sentences_are_whole(void **state)
{
    char key[65], expected[MTR_FINDING_TEXT_BYTES];
    struct mtr_diagnostic diagnostic;
    (void)state;
    memset(key, 'k', 64);
    key[64] = '\0';
    snprintf(expected, sizeof(expected), "component `%s`: meter `%s` of service `%s` does not add up: what to do then", key, key, key);
    mtr_diagnostic_set(&diagnostic, MTR_FINDING_FIELD_KEY, 1, 2, "",
                       "component `%s`: meter `%s` of service `%s` does not add up: what to do then", key,
                       key, key);
    assert_string_equal(diagnostic.text, expected);
    mtr_diagnostic_set(&diagnostic, MTR_FINDING_FIELD_KEY, 1, 2, expected, "x");
    assert_int_equal(strlen(diagnostic.field), MTR_FINDING_FIELD_BYTES - 1);
}

/* Wherever the end falls within a character of two or three bytes. */
static void what_is_cut_ends_with_an_ellipsis(void **state)
{
    char text[2 * MTR_FINDING_TEXT_BYTES];
    struct mtr_diagnostic diagnostic;
    (void)state;
    for (size_t shift = 0; shift < 6; shift++) {
        size_t size = shift;
        memset(text, 'a', shift);
        while (size + 4 < sizeof(text)) size += (size_t)snprintf(text + size, 4, "%s", "€");
        mtr_diagnostic_set(&diagnostic, MTR_FINDING_FIELD_KEY, 0, 0, NULL, "%s", text);
        const struct mtr_str shown = mtr_str_from(diagnostic.text);
        assert_true(shown.size > MTR_FINDING_TEXT_BYTES - 8);
        assert_true(mtr_str_is_utf8(shown));
        assert_string_equal(shown.data + shown.size - strlen("…"), "…");
    }
}

static void the_same_is_kept_once(void **state)
{
    struct mtr_diagnostics list;
    (void)state;
    mtr_diagnostics_init(&list, 8);
    for (int i = 0; i < 3; i++) {
        mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_KEY, 1, 2, "key", "%s", "a");
        mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_KEY, 1, 2, "key", "%s", "b");
        mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_KEY, 1, 3, "key", "%s", "a");
    }
    assert_int_equal(list.count, 3);
    assert_int_equal(list.errors, 3);
    mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_KEY, 0, 0, "key", "%s", "a"); /* of things that have no place */
    mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_KEY, 0, 0, "key", "%s", "a");
    assert_int_equal(list.count, 5);
    mtr_diagnostics_release(&list);
}

#define NAME_ROW(name, severity, code, meaning, advice) #name,
static const char *const names[] = {"", MTR_FINDING_CODES(NAME_ROW)};

/* "tariff.group_by.limit" is TARIFF_GROUP_BY_LIMIT, so that who reads one finds the other. */
static void a_code_is_the_words_of_its_enumerator(void **state)
{
    (void)state;
    for (unsigned i = 1; i < MTR_FINDING_CODE_COUNT; i++) {
        const char *code = mtr_finding_kind((enum mtr_finding_code)i)->code;
        char name[64] = "";
        for (size_t at = 0; code[at]; at++) {
            assert_true(islower((unsigned char)code[at]) || code[at] == '.' || code[at] == '_');
            name[at] = code[at] == '.' ? '_' : (char)toupper((unsigned char)code[at]);
        }
        assert_string_equal(name, names[i]);
        assert_non_null(strchr(code, '.'));
        assert_int_equal(mtr_finding_code_find(code), i);
    }
    assert_string_equal(mtr_finding_kind(MTR_FINDING_NONE)->code, "");
    assert_int_equal(mtr_finding_code_find("tariff.tiers.hole"), MTR_FINDING_NONE);
}

/* Within a room: a tariff and a catalog may both say that a currency is none. */
static void two_codes_do_not_mean_the_same(void **state)
{
    (void)state;
    for (unsigned i = 1; i < MTR_FINDING_CODE_COUNT; i++) {
        const struct mtr_finding_kind *one = mtr_finding_kind((enum mtr_finding_code)i);
        const size_t room = (size_t)(strchr(one->code, '.') - one->code);
        assert_true(*one->meaning && *one->advice);
        for (unsigned j = i + 1; j < MTR_FINDING_CODE_COUNT; j++) {
            const struct mtr_finding_kind *other = mtr_finding_kind((enum mtr_finding_code)j);
            assert_string_not_equal(one->code, other->code);
            if (strncmp(one->code, other->code, room + 1) == 0)
                assert_string_not_equal(one->meaning, other->meaning);
        }
    }
}

static void a_finding_is_as_severe_as_its_code(void **state)
{
    struct mtr_diagnostics findings;
    struct mtr_buffer text;
    (void)state;
    mtr_buffer_init(&text, 1024);
    mtr_diagnostics_init(&findings, 2);
    mtr_diagnostics_addf(&findings, MTR_FINDING_TARIFF_PRICE_FALLS, 3, 7, "unit", "more use costs less above %d", 5);
    assert_int_equal(findings.errors, 0);
    mtr_diagnostics_addf(&findings, MTR_FINDING_TARIFF_TIERS_GAP, 0, 0, NULL, "use above %d has no price", 5);
    assert_int_equal(findings.errors, 1);
    for (size_t i = 0; i < findings.count; i++)
        assert_int_equal(mtr_diagnostic_write(&text, "FILE", &findings.items[i]), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&text, '\0'), MTR_OK);
    assert_string_equal(text.data, "FILE:3:7: warning: unit: more use costs less above 5 [tariff.price.falls]\n"
                                   "FILE: error: use above 5 has no price [tariff.tiers.gap]\n");
    mtr_buffer_release(&text);
    mtr_diagnostics_release(&findings);
}

static void a_full_list_counts_what_nobody_words(void **state)
{
    struct mtr_diagnostics list;
    (void)state;
    mtr_diagnostics_init(&list, 1);
    assert_false(mtr_diagnostics_drop(&list, MTR_FINDING_FIELD_UNKNOWN));
    mtr_diagnostics_addf(&list, MTR_FINDING_FIELD_UNKNOWN, 1, 1, "", "one");
    assert_true(mtr_diagnostics_drop(&list, MTR_FINDING_FIELD_UNKNOWN));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.dropped, 1);
    assert_int_equal(list.errors, 2);
    mtr_diagnostics_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_list_counts_what_nobody_words),
        cmocka_unit_test(long_sentences_are_whole),
        cmocka_unit_test(what_is_cut_ends_with_an_ellipsis),
        cmocka_unit_test(the_same_is_kept_once),
        cmocka_unit_test(a_code_is_the_words_of_its_enumerator),
        cmocka_unit_test(two_codes_do_not_mean_the_same),
        cmocka_unit_test(a_finding_is_as_severe_as_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
