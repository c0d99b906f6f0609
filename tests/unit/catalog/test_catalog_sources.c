/*
 * Sources in the catalog: found by number and key, held to vendors, services and one another, deleted while nothing
 * names them; what was stored under earlier rules opens.
 */
#include "tests/support/catalog_world.h"

#include "meterd/store/documents.h"

#define SOURCE(key, more)                                                                                              \
    "  - {key: " key ", base_url: 'https://api.example', window: {length: day},"                                         \
    " request: {path: '/{each}', query: {f: '{from}'}}, auth: none, format: {json: {rows: '[]'}}, identity: {id: i},"   \
    " map: {type: =meterd.item, subject: s, time: at}, " more "}\n"

static void test_found_by_number_and_key(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources:\n" SOURCE("b", "vendor: acme, for_each: {values: [x]}")
                              SOURCE("a", "vendor: acme, for_each: {rows: {of: b}}"), false));
    assert_int_equal(f->change.created, 2);
    for (int again = 0; again < 2; again++) {
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
        const struct mtr_source *source = mtr_catalog_find_source(catalog, MTR_STR("a"));
        assert_non_null(source);
        assert_ptr_equal(source, mtr_catalog_source(catalog, 2));
        assert_int_equal(source->number, 2);
        assert_text(source->key, "a");
        assert_text(source->vendor, "acme");
        assert_text(source->each.source, "b");
        assert_text(source->base.host, "api.example");
        assert_int_equal(mtr_catalog_count(catalog, MTR_KIND_SOURCE), 2);
        assert_null(mtr_catalog_source(catalog, 3));
        assert_null(mtr_catalog_find_source(catalog, MTR_STR("c")));
        mtr_catalog_release(catalog);
        reopen(f);
    }
    assert_ok(f, apply(f, "sources:\n" SOURCE("b", "vendor: acme, for_each: {values: [x]}"), false));
    assert_int_equal(f->change.unchanged, 1);
    /* A document of its own has its key from the path. */
    assert_ok(f, apply_one(f, MTR_KIND_SOURCE, "c", "{vendor: acme, preset: cloudevents, base_url: 'https://feed.example',"
                                                    " request: {path: /u}, auth: none}"));
}

static const struct {
    const char *text, *findings;
} refusals[] = {
    {"sources:\n" SOURCE("a", "vendor: acm, for_each: {values: [x]}"), "vendor: unknown vendor `acm`; did you mean `acme`?\n"},
    {"sources:\n" SOURCE("a", "vendor: acme, for_each: {rows: {of: b}}"), "unknown source `b`"},
    {"sources:\n" SOURCE("a", "vendor: acme, for_each: {rows: {of: a}}"), "goes over rows of `a`, which waits for rows of this source: a circle"},
    {"sources:\n" SOURCE("a", "vendor: acme, for_each: {rows: {of: b}}") SOURCE("b", "vendor: acme, for_each: {rows: {of: c}}")
         SOURCE("c", "vendor: acme, for_each: {rows: {of: a}}"), "goes over rows of `b`, which waits for rows of this source: a circle"},
    {"sources:\n" SOURCE("a", "vendor: nimbus, for_each: {values: [x]}") SOURCE("b", "vendor: acme, for_each: {rows: {of: a}}"),
     "the source `a` is of the vendor `nimbus`"},
    {"sources:\n" SOURCE("a", "vendor: acme, for_each: {rows: {of: b}}") SOURCE("b", "vendor: acme, for_each: {rows: {of: b}}"),
     "waits for more than 16 sources one behind the other, or for a circle of them"},
    {"sources: [{key: a, vendor: acme}]\n", "window: is missing"},
};

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        char text[4096];
        assert_int_equal(apply(f, refusals[i].text, false), MTR_EINVALID);
        list_findings(f, text, sizeof(text));
        if (!strstr(text, refusals[i].findings)) fail_msg("%s\nis not in\n%s", refusals[i].findings, text);
    }
}

static void test_services_are_the_vendors_own(void **state)
{
    static const char of[] = "sources:\n  - {key: a, vendor: %s, base_url: 'https://api.example', window: {length: day}, auth: none,"
                             " request: {path: '/{each.subject}', query: {f: '{from}'}}, for_each: {subscription: {service: %s}},"
                             " format: {json: {rows: '[]'}}, identity: {id: i}, map: {type: =meterd.item, subject: s, time: at}}\n";
    struct fixture *f = *state;
    char text[1024], findings[1024];
    assert_ok(f, apply(f, BASE, false));
    snprintf(text, sizeof(text), of, "nimbus", "compute");
    assert_int_equal(apply(f, text, false), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_non_null(strstr(findings, "the service `compute` is of the vendor `acme`"));
    snprintf(text, sizeof(text), of, "acme", "compte");
    assert_int_equal(apply(f, text, false), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_non_null(strstr(findings, "for_each: unknown service `compte`; did you mean `compute`?"));
    snprintf(text, sizeof(text), of, "acme", "compute");
    assert_ok(f, apply(f, text, false));
    snprintf(text, sizeof(text), of, "nimbus", "mail");
    assert_int_equal(apply(f, text, false), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_non_null(strstr(findings, "vendor: cannot change"));
}

static int delete_source(struct fixture *f, const char *key)
{
    const enum mtr_catalog_kind kind = MTR_KIND_SOURCE;
    const struct mtr_catalog_edit edit = {
        .kind = &kind, .key = mtr_str_from(key), .who = MTR_STR("tester"), .now_us = NOW_US};
    mtr_diagnostics_release(&f->findings);
    return mtr_catalog_store_delete(f->store, &edit, &f->change, &f->findings);
}

static void test_deleted_while_nothing_names_it(void **state)
{
    struct fixture *f = *state;
    char findings[1024];
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources:\n" SOURCE("b", "vendor: acme, for_each: {values: [x]}")
                              SOURCE("a", "vendor: acme, for_each: {rows: {of: b}}"), false));
    assert_int_equal(delete_source(f, "b"), MTR_EINVALID);
    list_findings(f, findings, sizeof(findings));
    assert_non_null(strstr(findings, "names the source `b`"));
    assert_ok(f, delete_source(f, "a"));
    assert_ok(f, apply(f, "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [x]}"), false));
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(mtr_catalog_find_source(catalog, MTR_STR("a"))->number, 3); /* a key that comes again is another */
    mtr_catalog_release(catalog);
}

/* What null took away of a preset does not come back with the next start. */
static void test_null_is_kept(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources:\n  - {key: a, vendor: acme, preset: rest, base_url: 'https://api.example', auth: none, answer: null,"
                          " window: {rereads: null}, request: {path: /u, headers: {Accept: null}, query: {f: '{from}'}}, identity: {id: i},"
                          " map: {type: =meterd.item, subject: s, time: at}}\n", false));
    for (int again = 0; again < 2; again++) {
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
        const struct mtr_source *source = mtr_catalog_find_source(catalog, MTR_STR("a"));
        assert_int_equal(source->answer.retry_after_count, 1); /* the default, and not the preset's two */
        assert_int_equal(source->window.reread_count, 0);
        assert_int_equal(source->request.header_count, 0);
        mtr_catalog_release(catalog);
        reopen(f);
    }
}

/* Past all checks, as an earlier edition may have. */
static void store_and_reopen(struct fixture *f, const char *key, const char *json)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    uint32_t number = 0;
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    assert_int_equal(mtr_documents_open(f->directory, false, &documents, &diagnostic), MTR_OK);
    assert_int_equal(mtr_documents_begin(documents, &version), MTR_OK);
    const struct mtr_stored_document document = {
        .kind = MTR_KIND_SOURCE,
        .key = mtr_str_from(key),
        .who = MTR_STR("old"),
        .applied_us = NOW_US,
        .json = mtr_str_from(json)};
    assert_int_equal(mtr_documents_put(documents, &document, &number), MTR_OK);
    assert_int_equal(mtr_documents_commit(documents, &version), MTR_OK);
    mtr_documents_close(documents);
    reopen(f);
}

static const struct mtr_source *find(struct fixture *f, const char *key, struct mtr_catalog **catalog)
{
    *catalog = mtr_catalog_store_snapshot(f->store);
    const struct mtr_source *source = mtr_catalog_find_source(*catalog, mtr_str_from(key));
    assert_non_null(source);
    return source;
}

/* What was accepted once and is not understood any more opens, asks nothing, and says why. */
static void test_stored_under_earlier_rules(void **state)
{
    struct fixture *f = *state;
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    store_and_reopen(f, "old", "{\"key\":\"old\",\"vendor\":\"acme\",\"preset\":\"gone\",\"colour\":\"blue\"}");
    const struct mtr_source *source = find(f, "old", &catalog);
    assert_true(source->disabled);
    assert_text(source->vendor, "acme");
    assert_true(mtr_str_starts_with(source->unreadable, MTR_STR("preset: ")));
    mtr_catalog_release(catalog);
}

/* A list that cannot be read any more: the source that goes over its rows can, and so can all others be changed. The document itself is
 * refused as it stands, also unchanged; a mended one is in force, and its windows are where they were. */
#define OLD_LIST(path)                                                                                                          \
    "{\"key\":\"list\",\"vendor\":\"acme\",\"base_url\":\"https://api.example\",\"window\":{\"length\":\"day\"},"                   \
    "\"request\":{\"path\":\"/u\",\"query\":{\"f\":\"{from}\"}},\"auth\":\"none\",\"paging\":{\"next_url\":{\"path\":\"" path "\"}}," \
    "\"format\":{\"json\":{\"rows\":\"[]\"}},\"identity\":{\"id\":\"i\"},\"map\":{\"type\":\"=meterd.item\",\"subject\":\"s\",\"time\":\"at\"}}"
static void test_others_of_one_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, "sources: [" OLD_LIST("meta.next") "]\n", false));
    assert_ok(f, apply(f, "sources:\n" SOURCE("a", "vendor: acme, for_each: {rows: {of: list}}"), false));
    store_and_reopen(f, "list", OLD_LIST("meta..next"));
    const struct mtr_source *source = find(f, "list", &catalog);
    assert_true(source->disabled && mtr_str_starts_with(source->unreadable, MTR_STR("paging.next_url.path: `meta..next` has an empty step")));
    mtr_catalog_release(catalog);
    source = find(f, "a", &catalog);
    assert_true(!source->disabled && !source->unreadable.size);
    mtr_catalog_release(catalog);
    assert_ok(f, apply(f, "sources:\n" SOURCE("a", "vendor: acme, guard: {agree: 3}, for_each: {rows: {of: list}}"), false));
    assert_int_equal(f->change.updated, 1);
    assert_int_equal(apply(f, "sources: [" OLD_LIST("meta..next") "]\n", false), MTR_EINVALID);
    assert_ok(f, apply(f, "sources: [" OLD_LIST("next") "]\n", false));
    for (int again = 0; again < 2; again++) {
        source = find(f, "list", &catalog);
        assert_true(!source->disabled && !source->unreadable.size);
        assert_int_equal(source->era_count, 0);
        mtr_catalog_release(catalog);
        reopen(f);
    }
}

/* One of which nothing else was ever stored: what its windows were is known of the document itself, or not at all. */
static void test_windows_of_one_that_was_mended(void **state)
{
    struct fixture *f = *state;
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    store_and_reopen(f, "list", OLD_LIST("meta..next"));
    store_and_reopen(f, "old", "{\"key\":\"old\",\"vendor\":\"acme\",\"preset\":\"gone\"}");
    assert_ok(f, apply(f, "sources: [" OLD_LIST("next") "]\n", false));
    assert_ok(f, apply(f, "sources:\n" SOURCE("old", "vendor: acme, for_each: {values: [x]}"), false));
    assert_int_equal(find(f, "list", &catalog)->era_count + mtr_catalog_find_source(catalog, MTR_STR("old"))->era_count, 0);
    mtr_catalog_release(catalog);
}

static void apply_at(struct fixture *f, const char *text, int64_t now_us)
{
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text), .who = MTR_STR("test"), .now_us = now_us};
    assert_int_equal(mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings), MTR_OK);
}

/* The one that cannot be read has changed them itself, and says to what as far as that can be read: so long they had been the former's. Where it
 * cannot, its own are taken for those of before, until it is mended. */
#define OF_WINDOWS(window, path, more)                                                                                             \
    "{\"key\":\"w\",\"vendor\":\"acme\",\"base_url\":\"https://api.example\",\"window\":{" window "}," more              \
    "\"request\":{\"path\":\"/u\",\"query\":{\"f\":\"{from}\"}},\"auth\":\"none\",\"paging\":{\"next_url\":{\"path\":\"" path "\"}}," \
    "\"format\":{\"json\":{\"rows\":\"[]\"}},\"identity\":{\"id\":\"i\"},\"map\":{\"type\":\"=t\",\"subject\":\"s\",\"time\":\"at\"}}"
static void test_windows_that_it_changed_itself(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *json;
        bool is_own;
    } rows[] = {
        {OF_WINDOWS("\"length\":\"hour\"", "meta..next", ""), true},
        {OF_WINDOWS("\"length\":\"hour\"", "next", "\"colour\":\"blue\","), true},
        {OF_WINDOWS("\"length\":\"hour\",\"colour\":\"blue\"", "next", ""), true},
        {OF_WINDOWS("\"length\":\"hour\",\"rereads\":[\"soon\"]", "next", ""), true},
        {OF_WINDOWS("\"length\":\"hour\",\"rereads\":\"soon\"", "next", ""), true},
        {OF_WINDOWS("\"length\":\"hour\",\"zone\":\"Acme/Town\"", "next", ""), false},
        {OF_WINDOWS("\"length\":\"hour\",\"zone\":\"Acme/Town\"", "next", "\"colour\":\"blue\","), false},
        {OF_WINDOWS("\"length\":\"hour\",\"zone\":[]", "next", ""), false},
        {OF_WINDOWS("\"length\":\"fortnight\"", "next", ""), false},
        {OF_WINDOWS("\"length\":\"fortnight\"", "next", "\"colour\":\"blue\","), false},
        {OF_WINDOWS("\"length\":\"hour\",\"periods\":[\"last\"]", "next", "\"colour\":\"blue\","), false},
        {OF_WINDOWS("\"periods\":[\"first\"]", "next", "\"colour\":\"blue\","), false},
        {OF_WINDOWS("\"length\":\"hour\"", "next", "\"preset\":\"gone\","), false},
    };
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const enum mtr_catalog_kind kind = MTR_KIND_SOURCE;
        const struct mtr_catalog_edit gone = {.kind = &kind, .key = MTR_STR("w"), .who = MTR_STR("test"), .now_us = NOW_US + 9};
        apply_at(f, "sources: [" OF_WINDOWS("\"length\":\"day\"", "next", "") "]\n", NOW_US - 5);
        store_and_reopen(f, "w", rows[i].json); /* at NOW_US */
        const struct mtr_source *source = find(f, "w", &catalog);
        assert_true(source->unreadable.size > 0);
        if (source->window.length != (rows[i].is_own ? MTR_LENGTH_HOUR : MTR_LENGTH_DAY)) fail_msg("%s", rows[i].json);
        assert_int_equal(source->era_count, rows[i].is_own);
        mtr_catalog_release(catalog);
        apply_at(f, "sources: [" OF_WINDOWS("\"length\":\"hour\"", "next", "") "]\n", NOW_US + 7);
        for (int again = 0; again < 2; again++) {
            source = find(f, "w", &catalog);
            assert_int_equal(source->era_count, 1);
            assert_int_equal(source->eras[0].window.length, MTR_LENGTH_DAY);
            assert_int_equal(source->eras[0].until_us, rows[i].is_own ? NOW_US : NOW_US + 7);
            mtr_catalog_release(catalog);
            reopen(f);
        }
        assert_int_equal(mtr_catalog_store_delete(f->store, &gone, &f->change, &f->findings), MTR_OK);
    }
}

/* A source whose files come by hand has no base_url, and can be read all the same. */
static void test_windows_by_hand_stay(void **state)
{
    struct fixture *f = *state;
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    for (int i = 0; i < 2; i++) {
        char text[500];
        snprintf(text, sizeof(text),
                 "sources:\n  - {key: a, vendor: acme, by_hand: true, window: {length: month, start: 2026-02-01}, format: {csv: {}}, guard: {agree: %d},"
                 " identity: {id: i}, map: {type: =t, subject: s, time: at}}\n", i + 2);
        assert_ok(f, apply(f, text, false));
        assert_true(find(f, "a", &catalog)->window.has_start);
        mtr_catalog_release(catalog);
        reopen(f);
        assert_true(find(f, "a", &catalog)->window.has_start);
        mtr_catalog_release(catalog);
    }
}

static void check_created(struct fixture *f, const char *key, int64_t created_us)
{
    struct mtr_catalog *catalog;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(find(f, key, &catalog)->created_us, created_us);
        mtr_catalog_release(catalog);
        reopen(f);
    }
}

/* A source is as old as its first revision, whatever came behind it and however often the daemon started. */
static void test_created_when_first_applied(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    apply_at(f, "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [x]}"), NOW_US + 5);
    check_created(f, "a", NOW_US + 5);
    for (int i = 1; i <= 3; i++) {
        char text[600];
        snprintf(text, sizeof(text), "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [x, y%d]}"), i);
        apply_at(f, text, NOW_US + 10 * i);
        check_created(f, "a", NOW_US + 5);
    }
    apply_at(f, "sources:\n" SOURCE("b", "vendor: acme, for_each: {values: [x]}"), NOW_US + 77);
    check_created(f, "b", NOW_US + 77);
    check_created(f, "a", NOW_US + 5);
    const enum mtr_catalog_kind kind = MTR_KIND_SOURCE;
    const struct mtr_catalog_edit gone = {.kind = &kind, .key = MTR_STR("a"), .who = MTR_STR("test"), .now_us = NOW_US + 100};
    assert_int_equal(mtr_catalog_store_delete(f->store, &gone, &f->change, &f->findings), MTR_OK);
    apply_at(f, "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [x]}"), NOW_US + 200); /* another one */
    check_created(f, "a", NOW_US + 200);
    apply_at(f, "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [z]}"), NOW_US + 300);
    check_created(f, "a", NOW_US + 200);
}

/* A draft is tried: its windows begin when the trial does. */
static void test_a_draft_is_as_old_as_its_trial(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "sources:\n" SOURCE("a", "vendor: acme, for_each: {values: [x]}");
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text), .who = MTR_STR("test"), .now_us = NOW_US + 9};
    struct mtr_catalog *draft = NULL;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, mtr_catalog_store_draft(f->store, &edit, &draft, &f->findings));
    assert_int_equal(mtr_catalog_find_source(draft, MTR_STR("a"))->created_us, NOW_US + 9);
    mtr_catalog_release(draft);
}

/* Which limits its windows had until when is remembered; what else changed is not. */
static void test_limits_of_before(void **state)
{
    struct fixture *f = *state;
    static const char *const lengths[] = {"day", "day", "hour", "hour, rereads: [1d]", "6h"};
    struct mtr_catalog *catalog;
    assert_ok(f, apply(f, BASE, false));
    for (int i = 0; i < 5; i++) {
        char text[700];
        snprintf(text, sizeof(text),
                 "sources:\n  - {key: a, vendor: acme, base_url: 'https://api.example/%d', window: {length: %s}, request: {path: '/{from}'},"
                 " auth: none, format: {json: {rows: '[]'}}, identity: {id: i}, map: {type: =t, subject: s, time: at}}\n", i, lengths[i]);
        apply_at(f, text, NOW_US + i);
    }
    for (int again = 0; again < 2; again++) {
        const struct mtr_source *source = find(f, "a", &catalog);
        assert_int_equal(source->created_us, NOW_US);
        assert_int_equal(source->era_count, 2);
        assert_int_equal(source->eras[0].window.length, MTR_LENGTH_DAY);
        assert_int_equal(source->eras[0].until_us, NOW_US + 2);
        assert_int_equal(source->eras[1].window.length, MTR_LENGTH_HOUR);
        assert_int_equal(source->eras[1].until_us, NOW_US + 4);
        mtr_catalog_release(catalog);
        reopen(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_found_by_number_and_key),
        TEST(test_refusals),
        TEST(test_services_are_the_vendors_own),
        TEST(test_deleted_while_nothing_names_it),
        TEST(test_null_is_kept),
        TEST(test_stored_under_earlier_rules),
        TEST(test_others_of_one_that_cannot_be_read),
        TEST(test_windows_of_one_that_was_mended),
        TEST(test_windows_that_it_changed_itself),
        TEST(test_windows_by_hand_stay),
        TEST(test_created_when_first_applied),
        TEST(test_a_draft_is_as_old_as_its_trial),
        TEST(test_limits_of_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
