/*
 * The catalog: snapshots, revisions and numbers over reopen, fields that may not change, rates by day,
 * lookups at size, readers beside a writer.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "meterd/core/buffer.h"
#include "meterd/core/time.h"
#include "meterd/store/documents.h"
#include "tests/support/catalog_world.h"

static const struct mtr_subscription *find(const struct mtr_catalog *catalog, const char *vendor,
                                           const char *subject, const char *type, const char *time)
{
    struct mtr_event_address address = {mtr_str_from(vendor), mtr_str_from(subject), mtr_str_from(type), 0};
    assert_int_equal(mtr_time_parse_date(mtr_str_from(time), &address.time_us), MTR_OK);
    return mtr_catalog_find_subject(catalog, &address);
}

static void test_snapshot(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    assert_int_equal(f->change.created, 11);
    assert_int_equal(f->change.version, 1);
    for (int round = 0; round < 2; round++, reopen(f)) {
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
        assert_int_equal(mtr_catalog_version(catalog), 1);
        assert_text(mtr_catalog_vendor(catalog, 1)->name, "Acme Cloud");
        assert_text(mtr_catalog_vendor(catalog, 2)->name, "nimbus");
        assert_null(mtr_catalog_vendor(catalog, 3));
        const struct mtr_subscription *s =
            find(catalog, "acme", "vm-1", "cpu.used", "2026-03-01");
        assert_non_null(s);
        assert_ptr_equal(s, mtr_catalog_find_subscription(catalog, MTR_STR("sub-1")));
        assert_ptr_equal(s, mtr_catalog_subscription(catalog, 1));
        assert_text(s->currency, "EUR");
        assert_int_equal(s->start_us, INT64_C(1769797800000000)); /* midnight of 2026-01-31 at +05:30 */
        assert_int_equal(s->trial_end_us, INT64_C(1770681600000000));
        assert_true(s->end_us == INT64_MAX);
        assert_int_equal(s->billing.anchor_days, mtr_days_from_civil(2026, 1, 31));
        assert_int_equal(s->label_count, 2);
        assert_text(s->labels[1].value, "12");
        assert_text(s->tariff->key, "standard");
        assert_int_equal(s->tariff->number, 1);
        const struct mtr_meter *const *meters = NULL;
        assert_int_equal(mtr_catalog_find_meters(catalog, s->service, MTR_STR("cpu.used"), &meters), 2);
        assert_text(meters[0]->key, "vcpu");
        assert_text(meters[0]->group_by[1], "size");
        assert_text(meters[1]->filters[0].values[1], "1.5");
        assert_text(meters[1]->filters[1].values[0], "true");
        assert_int_equal(mtr_catalog_find_meters(catalog, s->service, MTR_STR("mail.sent"), &meters), 0);
        assert_null(find(catalog, "nimbus", "vm-1", "cpu.used", "2026-03-01"));
        assert_true(mtr_catalog_is_foreign_subject(catalog, MTR_STR("nimbus"), MTR_STR("vm-1")));
        assert_true(mtr_catalog_is_foreign_subject(catalog, MTR_STR("nimbus"), MTR_STR("sub-1")));
        assert_false(mtr_catalog_is_foreign_subject(catalog, MTR_STR("acme"), MTR_STR("vm-1")));
        assert_false(mtr_catalog_is_foreign_subject(catalog, MTR_STR("nimbus"), MTR_STR("vm-2")));
        const struct mtr_api_key *key = mtr_catalog_find_secret(catalog, MTR_STR("secret"), NOW_US);
        assert_non_null(key);
        assert_int_equal(key->scopes, MTR_SCOPE_INGEST | MTR_SCOPE_QUERY);
        assert_text(key->vendor->key, "acme");
        assert_null(mtr_catalog_find_secret(catalog, MTR_STR("Secret"), NOW_US));
        assert_int_equal(mtr_catalog_destination(catalog, 1)->timeout_us, 5000000);
        assert_int_equal(mtr_catalog_destination(catalog, 1)->batch_max, 100);
        mtr_catalog_release(catalog);
    }
}

static void test_revisions(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, "vendors: [{key: b}, {key: a, name: One}]\n", true));
    assert_int_equal(f->change.created, 2);
    assert_int_equal(f->change.version, 0);
    assert_ok(f, apply(f, "vendors: [{key: b}, {key: a, name: One}]\n", false));
    assert_ok(f, apply(f, "vendors: [{name: One, key: a}, {key: b, name: null}]\n", false));
    assert_int_equal(f->change.unchanged, 2);
    assert_int_equal(f->change.version, 1);
    assert_ok(f, apply_one(f, MTR_KIND_VENDOR, "a", "name: Two\n"));
    assert_int_equal(f->change.updated, 1);
    assert_int_equal(f->change.version, 2);
    assert_ok(f, apply_one(f, MTR_KIND_VENDOR, "c", "{\"key\": \"c\", \"name\": \"\\ud83d\\ude00\"}"));
    assert_int_equal(apply_one(f, MTR_KIND_VENDOR, "c", "key: d\n"), MTR_EINVALID);
    assert_string_equal(f->findings.items[0].text, "differs from the key in the path");
    reopen(f);
    struct seen seen = {.used = 0};
    assert_int_equal(mtr_catalog_store_walk(f->store, MTR_KIND_VENDOR, (struct mtr_str){0}, see, &seen),
                     MTR_OK);
    assert_int_equal(
        mtr_catalog_store_walk_revisions(f->store, MTR_KIND_VENDOR, MTR_STR("a"), 0, see, &seen), MTR_OK);
    assert_int_equal(mtr_catalog_store_get(f->store, MTR_KIND_VENDOR, MTR_STR("a"), 1, see, &seen), MTR_OK);
    assert_int_equal(mtr_catalog_store_get(f->store, MTR_KIND_VENDOR, MTR_STR("a"), 3, see, &seen),
                     MTR_ENOTFOUND);
    assert_int_equal(mtr_catalog_store_get(f->store, MTR_KIND_SERVICE, MTR_STR("a"), 0, see, &seen),
                     MTR_ENOTFOUND);
    assert_string_equal(seen.text, "vendor a r2 {\"key\":\"a\",\"name\":\"Two\"}\n"
                                   "vendor b r1 {\"key\":\"b\"}\n"
                                   "vendor c r1 {\"key\":\"c\",\"name\":\"\xF0\x9F\x98\x80\"}\n"
                                   "vendor a r1 {\"key\":\"a\",\"name\":\"One\"}\n"
                                   "vendor a r2 {\"key\":\"a\",\"name\":\"Two\"}\n"
                                   "vendor a r1 {\"key\":\"a\",\"name\":\"One\"}\n");
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(mtr_catalog_find_vendor(catalog, MTR_STR("b"))->number, 1);
    assert_int_equal(mtr_catalog_find_vendor(catalog, MTR_STR("a"))->number, 2);
    assert_int_equal(mtr_catalog_find_vendor(catalog, MTR_STR("c"))->number, 3);
    mtr_catalog_release(catalog);
}

/* A snapshot stays as it was, and outlives the store. */
static void test_snapshot_is_immutable(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    struct mtr_catalog *old = mtr_catalog_store_snapshot(f->store);
    const struct mtr_subscription *s = mtr_catalog_subscription(old, 1);
    assert_ok(f, apply_one(f, MTR_KIND_SUBSCRIPTION, "sub-1",
                           "{service: compute, subject: vm-1, customer: initech, tariff: standard, zone: Asia/Kolkata,"
                           " start: 2026-01-31}"));
    struct mtr_catalog *now = mtr_catalog_store_snapshot(f->store);
    assert_text(mtr_catalog_subscription(now, 1)->customer, "initech");
    mtr_catalog_release(now);
    reopen(f);
    assert_text(s->customer, "globex");
    assert_string_equal(mtr_zone_name(s->zone), "Asia/Kolkata");
    mtr_catalog_release(old);
}

/* A subject that comes again after an end, and has another service beside it. */
static void test_subject_of_several(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f,
                       "services: [{key: disks, vendor: acme}]\n"
                       "meters: [{key: gib, service: disks, event_type: disk.used, value: gib}]\n"
                       "tariffs: [{key: disk, currency: EUR, versions: [{from: 2026-01-01, components: [{key: gib, meter: gib, per_unit: 1}]}]}]\n"
                       "subscriptions:\n"
                       "- {key: third, service: compute, subject: a, customer: c, tariff: standard, start: 2026-05-01}\n"
                       "- {key: first, service: compute, subject: a, customer: c, tariff: standard, start: 2026-02-01, end: 2026-03-01}\n"
                       "- {key: other, service: disks, subject: a, customer: c, tariff: disk, start: 2026-04-01}\n"
                       "- {key: second, service: compute, subject: a, customer: d, tariff: standard, start: 2026-03-01, end: 2026-04-01}\n",
                       false));
    static const struct {
        const char *type, *time, *key;
    } cases[] = {
        {"cpu.used", "2026-01-31", "first"}, /* before all */
        {"cpu.used", "2026-02-01", "first"},
        {"cpu.used", "2026-02-28T23:59:59.999999Z", "first"},
        {"cpu.used", "2026-03-01", "second"},
        {"cpu.used", "2026-04-30", "second"}, /* in a gap */
        {"cpu.used", "2026-05-01", "third"},
        {"cpu.used", "2190-05-01", "third"},
        {"disk.used", "2026-02-01", "other"},
        {"disk.used", "2026-06-01", "other"},
        {"net.used", "2026-02-10", "first"}, /* no service takes it: of one that is active */
        {"net.used", "2026-04-10", "other"},
    };
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct mtr_subscription *found = find(catalog, "acme", "a", cases[i].type, cases[i].time);
        assert_text(found->key, cases[i].key);
        assert_int_equal(found->same_subject_count, 4);
    }
    assert_int_equal(find(catalog, "acme", "vm-1", "cpu.used", "2026-03-01")->same_subject_count, 0);
    mtr_catalog_release(catalog);
}

struct reader {
    struct mtr_catalog_store *store;
    atomic_bool done;
    uint64_t lookups;
};

static void *read_snapshots(void *context)
{
    struct reader *reader = context;
    uint64_t version = 0;
    while (!atomic_load(&reader->done)) {
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(reader->store);
        MTR_ASSERT(mtr_catalog_version(catalog) >= version);
        version = mtr_catalog_version(catalog);
        const struct mtr_event_address address = {MTR_STR("acme"), MTR_STR("vm-1"), MTR_STR("cpu.used"), 0};
        MTR_ASSERT(mtr_catalog_find_subject(catalog, &address));
        mtr_catalog_release(catalog);
        reader->lookups++;
    }
    return NULL;
}

/* Readers never see a half-made catalog, nor one that goes back. */
static void test_readers_while_applying(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[2];
    assert_ok(f, apply(f, BASE, false));
    struct reader readers[2] = {{.store = f->store}, {.store = f->store}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_snapshots, &readers[i]), 0);
    for (int i = 0; i < 40; i++)
        assert_ok(f, apply_one(f, MTR_KIND_VENDOR, "nimbus", i % 2 ? "name: One" : "name: Two"));
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].done, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(f->change.version, 41);
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    assert_ok(f, apply(f, BASE, false));
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    assert_int_equal(mtr_catalog_store_open(f->directory, true, &f->store, &diagnostic), MTR_OK);
    assert_int_equal(apply(f, "vendors: [{key: z}]\n", false), MTR_EDENIED);
    assert_ok(f, apply(f, "vendors: [{key: z}]\n", true));
}

/* What an earlier version accepted opens, and sends nothing; it can be made one that does, and not be made
 * again. */
static void test_stored_pull(void **state)
{
    struct fixture *f = *state;
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    uint32_t number = 0;
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    assert_int_equal(mtr_documents_open(f->directory, false, &documents, &diagnostic), MTR_OK);
    assert_int_equal(mtr_documents_begin(documents, &version), MTR_OK);
    const struct mtr_stored_document document = {.kind = MTR_KIND_DESTINATION,
                                                 .key = MTR_STR("feed"),
                                                 .who = MTR_STR("old"),
                                                 .applied_us = NOW_US,
                                                 .json = MTR_STR("{\"key\":\"feed\",\"kind\":\"pull\"}")};
    assert_int_equal(mtr_documents_put(documents, &document, &number), MTR_OK);
    assert_int_equal(mtr_documents_commit(documents, &version), MTR_OK);
    mtr_documents_close(documents);
    reopen(f);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    const struct mtr_destination *destination = mtr_catalog_find_destination(catalog, MTR_STR("feed"));
    assert_non_null(destination);
    assert_int_equal(destination->number, number);
    assert_true(destination->disabled);
    mtr_catalog_release(catalog);
    assert_ok(f, apply(f, "destinations:\n  - {key: feed, kind: pull}\n", false)); /* nothing changes */
    assert_int_equal(apply(f, "destinations:\n  - {key: feed, kind: pull, drafts: true}\n", false),
                     MTR_EINVALID);
    assert_ok(f, apply(f, "destinations:\n  - {key: feed, kind: http, url: 'https://erp.example'}\n", false));
}

static void test_many_subscriptions(void **state)
{
    enum { COUNT = 10000 };
    struct fixture *f = *state;
    struct mtr_buffer text;
    char subject[32];
    mtr_buffer_init(&text, 16 << 20);
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply_one(f, MTR_KIND_TARIFF, "mailing",
                           "{currency: EUR, versions: [{from: 2026-01-01, components: [{key: m, meter: mails, per_unit: 1}]}]}"));
    assert_int_equal(mtr_buffer_append_str(&text, MTR_STR("subscriptions:\n")), MTR_OK);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            mtr_buffer_printf(&text,
                              "- {key: many-%d, service: %s, subject: vm-%d, customer: c%d, tariff: %s,"
                              " start: 2026-01-01}\n",
                              i, i % 2 ? "compute" : "mail", 10 + i / 2, i % 100,
                              i % 2 ? "standard" : "mailing"),
            MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&text, '\0'), MTR_OK);
    assert_ok(f, apply(f, text.data, false));
    assert_int_equal(f->change.created, COUNT);
    mtr_buffer_release(&text);
    reopen(f);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION), COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        snprintf(subject, sizeof(subject), "vm-%d", 10 + i / 2);
        const struct mtr_subscription *s =
            find(catalog, i % 2 ? "acme" : "nimbus", subject, "cpu.used", "2026-03-01");
        assert_non_null(s);
        snprintf(subject, sizeof(subject), "many-%d", i);
        assert_text(s->key, subject);
        assert_ptr_equal(s, mtr_catalog_find_subscription(catalog, mtr_str_from(subject)));
    }
    assert_null(find(catalog, "acme", "vm-9", "cpu.used", "2026-03-01"));
    mtr_catalog_release(catalog);
}

#define EXCHANGED                                                                                                            \
    "tariffs:\n  - {key: euro, currency: EUR, exchange: {source: ecb}, versions: [{from: 2026-01-01, components: [{key: c, meter: vcpu, per_unit: 1}]}]}\n" \
    "subscriptions:\n  - {key: usd, service: compute, customer: c, tariff: euro, currency: USD, start: 2026-01-01}\n"

/* Rates by source and day, whatever the order of applying; a tariff that waits for them is said once. */
static void test_rates(void **state)
{
    struct fixture *f = *state;
    struct mtr_exchange_rate rate;
    char text[1024];
    assert_ok(f, apply(f, BASE, false));
    assert_int_equal(apply(f, EXCHANGED, false), MTR_OK);
    list_findings(f, text, sizeof(text));
    assert_string_equal(
        text,
        "4:55: tariff: tariff `euro` is exchanged at rates of `ecb`, of which there are none yet: its charges wait for them\n");
    assert_ok(f, apply(f,
                       "rates:\n  - {key: c, source: ecb, date: 2026-11-20, base: EUR, quotes: {USD: 1.1}}\n"
                       "  - {key: b, source: cbr, date: 2026-11-20, base: RUB, quotes: {USD: {value: 90}}}\n"
                       "  - {key: a, source: ecb, date: 2026-11-19, base: EUR, quotes: {USD: 1.2}}\n",
                       false));
    assert_ok(
        f,
        apply(
            f,
            EXCHANGED
            "  - {key: jpy, service: compute, customer: c, tariff: euro, currency: JPY, start: 2026-01-01}\n",
            false));
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(catalog, MTR_STR("usd"));
    struct mtr_rate_question question = {MTR_STR("ecb"), MTR_STR("EUR"), subscription->currency, 20777, 7};
    assert_ptr_equal(subscription->rates, mtr_catalog_rates(catalog));
    assert_int_equal(subscription->rates->count, 3);
    assert_int_equal(mtr_rate_book_find(subscription->rates, &question, &rate), MTR_OK);
    assert_text(rate.rates->key, "c");
    assert_int_equal(rate.rates->number, 1);
    question.day--;
    assert_int_equal(mtr_rate_book_find(subscription->rates, &question, &rate), MTR_OK);
    assert_text(rate.rates->key, "a");
    mtr_catalog_release(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_snapshot),
        TEST(test_subject_of_several),
        TEST(test_rates),
        TEST(test_revisions),
        TEST(test_snapshot_is_immutable),
        TEST(test_stored_pull),
        TEST(test_read_only),
        TEST(test_many_subscriptions),
        TEST(test_readers_while_applying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
