/*
 * The last key that administers stays, whichever way it is taken: disabled, retired, deleted, given a vendor
 * or other scopes, alone or with others in one change.
 */
#include "meterd/core/time.h"
#include "tests/support/catalog_world.h"

/* Three secrets, and where a key stands in a list of them. */
#define SHA(digit) "sha256: " digit "bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define KEY(name, digit, rest) "  - {key: " name ", " rest ", " SHA(digit) "}\n"
#define ADMIN "scopes: [query, billing, admin]"
static const char one[] = "api_keys:\n" KEY("boss", "3", ADMIN);

static void assert_refused(struct fixture *f, const char *text, const char *left, int count)
{
    char found[2048];
    const uint64_t version = f->change.version;
    assert_int_equal(apply(f, text, false), MTR_EINVALID);
    list_findings(f, found, sizeof(found));
    if (!strstr(found, left) || !strstr(found, "meterd key NAME --scope admin")) fail_msg("%s: %s", text, found);
    int said = 0;
    for (size_t i = 0; i < f->findings.count; i++) said += f->findings.items[i].code == MTR_FINDING_CATALOG_API_KEY_LAST;
    if (said != count) fail_msg("%s: %d times: %s", text, said, found);
    assert_int_equal(apply(f, text, true), MTR_EINVALID); /* a dry run says so, too */
    assert_ok(f, apply(f, "vendors: [{key: acme, name: Acme}]\n", true));
    assert_int_equal(f->change.version, version);
}

static int delete_key(struct fixture *f, const char *key)
{
    const enum mtr_catalog_kind kind = MTR_KIND_API_KEY;
    mtr_diagnostics_release(&f->findings);
    const struct mtr_catalog_edit edit = {
        .kind = &kind, .key = mtr_str_from(key), .who = MTR_STR("tester"), .now_us = NOW_US};
    return mtr_catalog_store_delete(f->store, &edit, &f->change, &f->findings);
}

static void test_the_last_one_stays(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *left;
    } cases[] = {
        {"api_keys:\n" KEY("boss", "3", ADMIN ", disabled: true"), "no API key of scope"},
        {"api_keys:\n" KEY("boss", "3", ADMIN ", retired: 2025-12-31"), "no API key of scope"},
        {"api_keys:\n" KEY("boss", "3", ADMIN ", retired: 2026-01-01"), "no API key of scope"}, /* now */
        {"api_keys:\n" KEY("boss", "3", ADMIN ", retired: 2099-01-01"), "no API key without an end"},
        {"api_keys:\n" KEY("boss", "3", ADMIN ", vendor: acme"), "no API key of scope"},
        {"api_keys:\n" KEY("boss", "3", "scopes: [query, billing]"), "no API key of scope"},
        {"api_keys:\n" KEY("boss", "3", "scopes: [query]") KEY("other", "4", ADMIN ", disabled: true"), "no API key of scope"},
    };
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, one, false));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) assert_refused(f, cases[i].text, cases[i].left, 1);
    assert_int_equal(delete_key(f, "boss"), MTR_EINVALID);
    assert_int_equal(f->findings.items[0].code, MTR_FINDING_CATALOG_API_KEY_LAST);
    reopen(f);
    assert_refused(f, cases[0].text, cases[0].left, 1);
    assert_ok(f, apply(f, "api_keys:\n" KEY("boss", "5", ADMIN), false)); /* another secret */
}

static void test_one_of_several_goes(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, "api_keys:\n" KEY("boss", "3", ADMIN) KEY("deputy", "4", ADMIN) KEY("guest", "5", ADMIN ", retired: 2027-01-01"), false));
    assert_refused(f, "api_keys:\n" KEY("boss", "3", ADMIN ", disabled: true") KEY("deputy", "4", "scopes: [query]"), "no API key without an end", 2);
    assert_ok(f, apply(f, "api_keys:\n" KEY("boss", "3", ADMIN ", disabled: true"), false));
    assert_int_equal(delete_key(f, "deputy"), MTR_EINVALID);
    /* The next one comes with the change that takes the last. */
    assert_ok(f, apply(f, "api_keys:\n" KEY("deputy", "4", ADMIN ", disabled: true") KEY("new", "6", ADMIN), false));
    assert_ok(f, delete_key(f, "deputy"));
    assert_int_equal(delete_key(f, "new"), MTR_EINVALID);
}

/* Where all of them end, the last to go is held as well, and any of them may be renewed. */
static void test_all_of_them_end(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, "api_keys:\n" KEY("a", "3", ADMIN ", retired: 2027-01-01") KEY("b", "4", ADMIN ", retired: 2028-01-01"), false));
    assert_ok(f, apply(f, "api_keys:\n" KEY("b", "4", ADMIN ", disabled: true"), false));
    assert_refused(f, "api_keys:\n" KEY("a", "3", ADMIN ", disabled: true"), "no API key of scope", 1);
    assert_ok(f, apply(f, "api_keys:\n" KEY("a", "3", ADMIN ", retired: 2026-02-01"), false));
}

/* Where nobody administers, changes say nothing of it; and a document that is broken is told for itself. */
static void test_without_any(void **state)
{
    struct fixture *f = *state;
    char text[2048];
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "api_keys:\n" KEY("acme-push", "2", "vendor: acme, scopes: [ingest], disabled: true"), false));
    assert_ok(f, apply(f, one, false));
    assert_int_equal(apply(f, "api_keys:\n" KEY("boss", "3", "scopes: [boss]"), false), MTR_EINVALID);
    list_findings(f, text, sizeof(text));
    assert_null(strstr(text, "is the last"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_last_one_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_several_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_of_them_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_any, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
