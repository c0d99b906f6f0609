/*
 * Findings are whole: sentences of three keys and a list are not cut, and what is longer all the same says so.
 */
#include <setjmp.h>
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
    mtr_diagnostic_set(&diagnostic, 1, 2, "", "component `%s`: meter `%s` of service `%s` does not add up: what to do then", key, key, key);
    assert_string_equal(diagnostic.text, expected);
    mtr_diagnostic_set(&diagnostic, 1, 2, expected, "x");
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
        mtr_diagnostic_set(&diagnostic, 0, 0, NULL, "%s", text);
        const struct mtr_str shown = mtr_str_from(diagnostic.text);
        assert_true(shown.size > MTR_FINDING_TEXT_BYTES - 8);
        assert_true(mtr_str_is_utf8(shown));
        assert_string_equal(shown.data + shown.size - strlen("…"), "…");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_sentences_are_whole),
        cmocka_unit_test(what_is_cut_ends_with_an_ellipsis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
