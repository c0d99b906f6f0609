/*
 * A source by which something was read is not deleted; another one may go, and its key may come again.
 */
#include "tests/support/catalog_world.h"

#include "meterd/collector/source_change.h"

#define SOURCE(key)                                                                                             \
    "  - {key: " key ", vendor: acme, base_url: 'https://api.example', window: {length: cursor}, request: {path: /u}, auth: none," \
    " format: {json: {rows: '[]'}}, identity: {id: i}, map: {type: =t, subject: s, time: at}}\n"

static int review(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft, struct mtr_diagnostics *findings)
{
    return mtr_source_check_change(context, stored, draft, findings);
}

static int delete_source(struct fixture *f, struct mtr_ledger *ledger, const char *key)
{
    const enum mtr_catalog_kind kind = MTR_KIND_SOURCE;
    const struct mtr_catalog_edit edit = {.kind = &kind, .key = mtr_str_from(key), .who = MTR_STR("tester"), .now_us = NOW_US,
                                          .review = review, .review_context = ledger};
    mtr_diagnostics_release(&f->findings);
    return mtr_catalog_store_delete(f->store, &edit, &f->change, &f->findings);
}

static void test_deleted_while_nothing_was_read(void **state)
{
    struct fixture *f = *state;
    char directory[DIRECTORY_PATH_BYTES], findings[1024];
    struct mtr_ledger *ledger;
    struct mtr_ledger_txn *txn;
    struct mtr_diagnostic diagnostic;
    const struct mtr_strand read = {.vendor = MTR_STR("acme"), .source = MTR_STR("read")};
    make_temporary(directory);
    if (mtr_ledger_open(directory, false, &ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources:\n" SOURCE("read") SOURCE("idle"), false));
    assert_int_equal(mtr_ledger_begin(ledger, true, &txn), MTR_OK);
    assert_int_equal(mtr_ledger_put_last_reading(txn, &read, 7), MTR_OK);
    assert_int_equal(mtr_ledger_commit(txn), MTR_OK);
    assert_int_equal(delete_source(f, ledger, "read"), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_string_equal(findings, "0:0: source `read` cannot be deleted: usage was read by it, and is told apart by its key. "
                                  "Write `disabled: true`\n");
    assert_ok(f, delete_source(f, ledger, "idle"));
    assert_ok(f, apply(f, "sources:\n" SOURCE("idle"), false));
    mtr_ledger_close(ledger);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deleted_while_nothing_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
