/*
 * A source by which something was read is not deleted; another one may go, and its key may come again. What was read
 * is told apart by delivery, strands and windows: windows may be cut into smaller ones, values of for_each come and go, and
 * nothing else changes there. Rows that only come keep their identity, too.
 */
#include "tests/support/catalog_world.h"

#include "meterd/collector/source_change.h"
#include "meterd/core/time.h"

#define SOURCE(key)                                                                                             \
    "  - {key: " key ", vendor: acme, base_url: 'https://api.example', window: {length: cursor}, request: {path: /u}, auth: none," \
    " format: {json: {rows: '[]'}}, identity: {id: i}, map: {type: =t, subject: s, time: at}}\n"

static int review(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft, struct mtr_diagnostics *findings)
{
    return mtr_source_check_change(context, 35 * MTR_US_PER_DAY, stored, draft, findings);
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
    assert_int_equal(mtr_ledger_put_source(txn, &read, &(struct mtr_ledger_source){.last_reading = 7, .first_us = 1}), MTR_OK);
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

#define WINDOWS(more) \
    "sources:\n  - {key: read, vendor: acme, base_url: 'https://api.example', auth: none, format: {json: {rows: '[]'}}, " more "}\n"
#define MAP ", map: {type: =t, subject: s, time: at}"
#define BOTH "identity: {id: i}" MAP ", request: {path: /u, query: {from: '{from}', to: '{to}'}}"
#define LIST(key)                                                                                               \
    "  - {key: " key ", vendor: acme, base_url: 'https://api.example', window: {length: day}, " LISTED "map: {type: =meterd.item, subject: s}," \
    " auth: none, format: {json: {rows: '[]'}}}\n"
#define LISTED "identity: {id: i}, request: {path: /l, query: {from: '{from}'}}, "
#define DAYS(more) "window: {length: day}, " more ", " BOTH
#define EACH(of, name) "window: {length: day}, for_each: " of ", identity: {id: i}" MAP ", request: {path: /u, query: {from: '{from}', e: '{each." name "}'}}"
#define APPEND(identity) "window: {length: day}, delivery: append, identity: " identity MAP ", request: {path: /u, query: {from: '{from}'}}"
#define GOES "for_each: values may come and go"
#define CHANGED "identity: cannot change once rows of an `append`"

static const struct {
    const char *before, *after, *finding; /* NULL: it may */
} changes[] = {
    {"window: {length: day}, " BOTH, "window: {length: hour}, " BOTH, NULL},
    {"window: {length: month}, " BOTH, "window: {length: 6h}, " BOTH, NULL},
    {"window: {length: hour}, " BOTH, "window: {length: hour, zone: Europe/Moscow}, " BOTH, NULL}, /* the same limits */
    {"window: {length: day, zone: Europe/Berlin}, " BOTH, "window: {length: hour, zone: Europe/Berlin}, " BOTH, NULL},
    {"window: {length: day}, " BOTH, "window: {length: day, rereads: [1d]}, " BOTH, NULL},
    {"window: {length: hour}, " BOTH, "window: {length: day}, " BOTH, "window: length and zone may cut"},
    {"window: {length: day}, " BOTH, "window: {length: day, zone: Europe/Moscow}, " BOTH, "window: length and zone may cut"},
    {"window: {length: day, zone: Asia/Kolkata}, " BOTH, "window: {length: hour}, " BOTH, "window: length and zone may cut"},
    {"window: {length: day}, " BOTH, "window: {length: 7h}, " BOTH, "window: length and zone may cut"},
    {"window: {length: day}, " BOTH, "window: {length: hour}, identity: {id: i}" MAP ", request: {path: '/u/{from}'}", "window: windows that were read"},
    {"window: {length: cursor}, identity: {id: i}" MAP ", request: {path: /u}", "window: {length: hour}, " BOTH, "window: a source that was read stays"},
    {"window: {length: hour}, delivery: overwrite, " BOTH, "window: {length: hour}, delivery: append, " BOTH, "delivery: cannot change"},
    {EACH("{values: [a, b]}", "value"), EACH("{values: [b, c]}", "value"), NULL},
    {DAYS("guard: {jump: 2}"), EACH("{values: [a]}", "value"), GOES},
    {EACH("{values: [a]}", "value"), DAYS("guard: {jump: 2}"), GOES},
    {EACH("{values: [a]}", "value"), EACH("{rows: {of: list}}", "value"), GOES},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: list, as: account}}", "account"), NULL},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: list, take: data.name}}", "value"), GOES},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: other}}", "value"), GOES},
    {EACH("{subscription: {service: compute}}", "subject"), EACH("{values: [a]}", "value"), GOES},
    {DAYS("guard: {jump: 2}"), "window: {length: day}, identity: {id: j}" MAP ", request: {path: /u, query: {from: '{from}'}}", NULL},
    {APPEND("{id: i}"), APPEND("{id: j}"), CHANGED},
    {APPEND("{id: i}"), APPEND("{id: '{i}'}"), NULL},
    {APPEND("{id: i}"), APPEND("{id: 'x{i}'}"), CHANGED},
    {APPEND("{id: i}"), APPEND("{id: '{i}{j}'}"), CHANGED},
    {APPEND("{id: i}"), APPEND("{hash: [i]}"), CHANGED},
    {APPEND("{hash: [i, j]}"), APPEND("{hash: [j, i]}"), CHANGED},
    {APPEND("{hash: [i]}"), APPEND("{hash: [i], multiset: true}"), CHANGED},
    {APPEND("{id: i}") ", schedule: {every: 1h}", APPEND("{id: i}") ", schedule: {every: 2h}", NULL},
};

/* Rows of an append delivery are known for 35 days. */
static const struct {
    const char *document;
    bool is_refused;
} asking[] = {
    {APPEND("{id: i}"), false},
    {"window: {length: day, rereads: [35d]}, delivery: append, " BOTH, false},
    {"window: {length: day, rereads: [1d, 36d]}, delivery: append, " BOTH, true},
    {"window: {length: day, rereads: [1d, 36d]}, " BOTH, false},
    {"window: {length: day, rereads: [month_end+4d]}, delivery: append, " BOTH, true},
    {"window: {length: day, lateness: 36d}, delivery: append, " BOTH, false},
    {"window: {length: cursor, overlap: 35d}, identity: {id: i}" MAP ", request: {path: /u}, paging: {after_id: {send: query.a, id: id}}", false},
    {"window: {length: cursor, overlap: 36d}, identity: {id: i}" MAP ", request: {path: '/u/{from}'}", true},
    {"window: {length: cursor, overlap: 36d}, disabled: true, identity: {id: i}" MAP ", request: {path: '/u/{from}'}", false},
};

static int apply_reviewed(struct fixture *f, struct mtr_ledger *ledger, const char *text)
{
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text), .who = MTR_STR("tester"), .now_us = NOW_US + 40 * MTR_US_PER_DAY,
                                          .dry_run = true, .review = review, .review_context = ledger};
    mtr_diagnostics_release(&f->findings);
    return mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings);
}

static void test_what_was_read_stays(void **state)
{
    struct fixture *f = *state;
    char directory[DIRECTORY_PATH_BYTES], findings[2048], text[1200];
    struct mtr_ledger *ledger;
    struct mtr_ledger_txn *txn;
    struct mtr_diagnostic diagnostic;
    const struct mtr_strand read = {.vendor = MTR_STR("acme"), .source = MTR_STR("read")};
    make_temporary(directory);
    if (mtr_ledger_open(directory, false, &ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources:\n" LIST("list") LIST("other"), false));
    for (int is_read = 0; is_read <= 1; is_read++)
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
            const struct mtr_ledger_source of = {.last_reading = (uint64_t)is_read, .first_us = is_read ? NOW_US + 1 : 0};
            assert_int_equal(mtr_ledger_begin(ledger, true, &txn), MTR_OK);
            assert_int_equal(mtr_ledger_put_source(txn, &read, &of), MTR_OK);
            assert_int_equal(mtr_ledger_commit(txn), MTR_OK);
            snprintf(text, sizeof(text), WINDOWS("%s"), changes[i].before);
            assert_ok(f, apply(f, text, false));
            snprintf(text, sizeof(text), WINDOWS("%s"), changes[i].after);
            const int rc = apply_reviewed(f, ledger, text);
            list_findings(f, findings, sizeof(findings));
            if (rc != (is_read && changes[i].finding ? MTR_EINVALID : MTR_OK)) fail_msg("%zu: %d %s", i, rc, findings);
            if (rc && !strstr(findings, changes[i].finding)) fail_msg("%zu: %s", i, findings);
        }
    mtr_ledger_close(ledger);
    remove_tree(directory);
}

static void test_rows_are_asked_for_while_they_are_known(void **state)
{
    struct fixture *f = *state;
    char directory[DIRECTORY_PATH_BYTES], findings[2048], text[1200];
    struct mtr_ledger *ledger;
    struct mtr_diagnostic diagnostic;
    make_temporary(directory);
    if (mtr_ledger_open(directory, false, &ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_ok(f, apply(f, BASE, false));
    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        snprintf(text, sizeof(text), WINDOWS("%s"), asking[i].document);
        const int rc = apply_reviewed(f, ledger, text);
        list_findings(f, findings, sizeof(findings));
        if (rc != (asking[i].is_refused ? MTR_EINVALID : MTR_OK)) fail_msg("%zu: %d %s", i, rc, findings);
        if (rc && !strstr(findings, "window: rows of an append delivery are known again for 3024000 s")) fail_msg("%zu: %s", i, findings);
    }
    mtr_ledger_close(ledger);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deleted_while_nothing_was_read),
        TEST(test_what_was_read_stays),
        TEST(test_rows_are_asked_for_while_they_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
