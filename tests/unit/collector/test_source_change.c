/*
 * A source by which something was read is not deleted; another one may go, and its key may come again. What was read
 * is told apart by delivery, strands and windows: windows may be cut into smaller ones, values of for_each come and go, and
 * nothing else changes there. Rows that only come keep their identity, too. What is being read counts as read; what an operator
 * told a source does not.
 */
#include "tests/support/catalog_world.h"

#include "meterd/collector/source_change.h"
#include "meterd/core/time.h"

#define SOURCE(key)                                                                                             \
    "  - {key: " key ", vendor: acme, base_url: 'https://api.example', window: {length: cursor}, request: {path: /u}, auth: none," \
    " format: {json: {rows: '[]'}}, identity: {id: i}, map: {type: =t, subject: s, time: at}}\n"

static bool is_under_way; /* a reading of the source that is asked for */

static bool is_reading(void *context, const struct mtr_strand *source)
{
    assert_ptr_equal(context, &is_under_way);
    return is_under_way && mtr_str_equal(source->source, MTR_STR("read"));
}

static int review(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft, struct mtr_diagnostics *findings)
{
    const struct mtr_source_check check = {.ledger = context, .known_us = 35 * MTR_US_PER_DAY, .is_reading = is_reading, .context = &is_under_way};
    return mtr_source_check_change(&check, stored, draft, findings);
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
    is_under_way = true;
    assert_int_equal(delete_source(f, ledger, "read"), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_string_equal(findings, "0:0: source `read` cannot be deleted: usage is being read by it, and is told apart by its key. "
                                  "Write `disabled: true`\n");
    is_under_way = false;
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

#define CUT "window: length and zone may cut"
#define FIRST "window: the source is being read for the first time"

static const struct {
    const char *before, *after, *finding; /* NULL: it may */
    const char *under_way; /* the finding while the first reading is; NULL: the same */
} changes[] = {
    {"window: {length: day}, " BOTH, "window: {length: hour}, " BOTH, NULL, FIRST},
    {"window: {length: month}, " BOTH, "window: {length: 6h}, " BOTH, NULL, FIRST},
    {"window: {length: hour}, " BOTH, "window: {length: hour, zone: Europe/Moscow}, " BOTH, NULL, FIRST}, /* the same limits */
    {"window: {length: day, zone: Europe/Berlin}, " BOTH, "window: {length: hour, zone: Europe/Berlin}, " BOTH, NULL, FIRST},
    {"window: {length: day}, " BOTH, "window: {length: day, rereads: [1d]}, " BOTH, NULL, NULL},
    {"window: {length: hour}, " BOTH, "window: {length: day}, " BOTH, CUT, FIRST},
    {"window: {length: day}, " BOTH, "window: {length: day, zone: Europe/Moscow}, " BOTH, CUT, FIRST},
    {"window: {length: day, zone: Asia/Kolkata}, " BOTH, "window: {length: hour}, " BOTH, CUT, FIRST},
    {"window: {length: day}, " BOTH, "window: {length: 7h}, " BOTH, CUT, FIRST},
    {"window: {length: day}, " BOTH, "window: {length: hour}, identity: {id: i}" MAP ", request: {path: '/u/{from}'}", "window: windows that were read", FIRST},
    {"window: {length: cursor}, identity: {id: i}" MAP ", request: {path: /u}", "window: {length: hour}, " BOTH, "window: a source that was read stays", NULL},
    {"window: {length: hour}, delivery: overwrite, " BOTH, "window: {length: hour}, delivery: append, " BOTH, "delivery: cannot change", NULL},
    {EACH("{values: [a, b]}", "value"), EACH("{values: [b, c]}", "value"), NULL, NULL},
    {DAYS("guard: {jump: 2}"), EACH("{values: [a]}", "value"), GOES, NULL},
    {EACH("{values: [a]}", "value"), DAYS("guard: {jump: 2}"), GOES, NULL},
    {EACH("{values: [a]}", "value"), EACH("{rows: {of: list}}", "value"), GOES, NULL},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: list, as: account}}", "account"), NULL, NULL},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: list, take: data.name}}", "value"), GOES, NULL},
    {EACH("{rows: {of: list}}", "value"), EACH("{rows: {of: other}}", "value"), GOES, NULL},
    {EACH("{subscription: {service: compute}}", "subject"), EACH("{values: [a]}", "value"), GOES, NULL},
    {DAYS("guard: {jump: 2}"), "window: {length: day}, identity: {id: j}" MAP ", request: {path: /u, query: {from: '{from}'}}", NULL, NULL},
    {APPEND("{id: i}"), APPEND("{id: j}"), CHANGED, NULL},
    {APPEND("{id: i}"), APPEND("{id: '{i}'}"), NULL, NULL},
    {APPEND("{id: i}"), APPEND("{id: 'x{i}'}"), CHANGED, NULL},
    {APPEND("{id: i}"), APPEND("{id: '{i}{j}'}"), CHANGED, NULL},
    {APPEND("{id: i}"), APPEND("{hash: [i]}"), CHANGED, NULL},
    {APPEND("{hash: [i, j]}"), APPEND("{hash: [j, i]}"), CHANGED, NULL},
    {APPEND("{hash: [i]}"), APPEND("{hash: [i], multiset: true}"), CHANGED, NULL},
    {APPEND("{id: i}") ", schedule: {every: 1h}", APPEND("{id: i}") ", schedule: {every: 2h}", NULL, NULL},
};

/* Rows of an append delivery are known for 35 days, of which one is for the reading. */
static const struct {
    const char *document;
    bool is_refused;
} asking[] = {
    {APPEND("{id: i}"), false},
    {"window: {length: day, rereads: [34d]}, delivery: append, " BOTH, false},
    {"window: {length: day, rereads: [35d]}, delivery: append, " BOTH, true},
    {"window: {length: month, rereads: [5d]}, delivery: append, " BOTH, false},
    {"window: {length: month, open: 1d, rereads: [5d]}, delivery: append, " BOTH, true}, /* from its begin on */
    {"window: {length: month, open: 1d, rereads: [3d]}, delivery: append, " BOTH, false},
    {"window: {length: 36d, open: 1d}, delivery: append, " BOTH, true},
    {"window: {length: 36d, open: 1d}, " BOTH, false},
    {"window: {length: day, rereads: [1d, 36d]}, delivery: append, " BOTH, true},
    {"window: {length: day, rereads: [1d, 36d]}, " BOTH, false},
    {"window: {length: day, rereads: [month_end+4d]}, delivery: append, " BOTH, true},
    {"window: {length: day, lateness: 36d}, delivery: append, " BOTH, false},
    {"window: {length: cursor, overlap: 34d}, identity: {id: i}" MAP ", request: {path: /u}, paging: {after_id: {send: query.a, id: id}}", false},
    {"window: {length: cursor, overlap: 35d}, identity: {id: i}" MAP ", request: {path: '/u/{from}'}", true},
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

enum how { NEW, PAUSED, READ, UNDER_WAY };

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
    for (int how = NEW; how <= UNDER_WAY; how++)
        for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
            const struct mtr_ledger_source of = {.last_reading = how == PAUSED || how == READ,
                                                 .first_us = how == READ ? NOW_US + 1 : 0,
                                                 .paused_us = how == PAUSED ? NOW_US : 0};
            const bool is_read = how == READ || how == UNDER_WAY;
            is_under_way = how == UNDER_WAY;
            const char *finding = !is_read ? NULL : is_under_way && changes[i].under_way ? changes[i].under_way : changes[i].finding;
            assert_int_equal(mtr_ledger_begin(ledger, true, &txn), MTR_OK);
            assert_int_equal(mtr_ledger_put_source(txn, &read, &of), MTR_OK);
            assert_int_equal(mtr_ledger_commit(txn), MTR_OK);
            snprintf(text, sizeof(text), WINDOWS("%s"), changes[i].before);
            assert_ok(f, apply(f, text, false));
            snprintf(text, sizeof(text), WINDOWS("%s"), changes[i].after);
            const int rc = apply_reviewed(f, ledger, text);
            list_findings(f, findings, sizeof(findings));
            if (rc != (finding ? MTR_EINVALID : MTR_OK)) fail_msg("%d, %zu: %d %s", how, i, rc, findings);
            if (rc && !strstr(findings, finding)) fail_msg("%d, %zu: %s", how, i, findings);
            is_under_way = false;
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
        static const char known[] = "window: rows of an append delivery are known again for 3024000 s (`intake.dedup_window`), "
                                    "of which a reading may need 86400 s";
        if (rc && !strstr(findings, known)) fail_msg("%zu: %s", i, findings);
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
