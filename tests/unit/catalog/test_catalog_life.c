/*
 * The life of documents: what is retired, what is deleted and comes again, keys within a service and a
 * directory that was written before there were such, and what other stores say of a change.
 */
#include "meterd/core/time.h"
#include "meterd/store/documents.h"
#include "tests/support/catalog_world.h"

/* Who began before keeps what is retired; meters and keys end by time. */
static void test_retired(void **state)
{
    struct fixture *f = *state;
    const int64_t noon_us = NOW_US + 12 * MTR_US_PER_HOUR;
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f,
                       "services: [{key: compute, name: Compute, vendor: acme, retired: 2026-02-01}]\n"
                       "meters:\n"
                       "  - {key: mails, service: mail, event_type: mail.sent, aggregation: count, retired: 2026-02-01}\n"
                       "  - {key: calls, service: compute, event_type: cpu.used, aggregation: count,\n"
                       "     filter: {kind: [api, 1.50], ok: true}, retired: 2026-02-01T12:00:00Z}\n"
                       "api_keys:\n"
                       "  - {key: acme-push, vendor: acme, scopes: [ingest, query], retired: 2026-01-01T12:00:00Z,\n"
                       "     sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n",
                       false));
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_true(mtr_meter_retired_us(mtr_catalog_meter(catalog, 1)) == INT64_MAX);
    assert_true(mtr_meter_retired_us(mtr_catalog_meter(catalog, 2)) == NOW_US + 31 * MTR_US_PER_DAY + 12 * MTR_US_PER_HOUR);
    assert_true(mtr_meter_retired_us(mtr_catalog_meter(catalog, 3)) == NOW_US + 31 * MTR_US_PER_DAY); /* in UTC */
    assert_non_null(mtr_catalog_find_secret(catalog, MTR_STR("secret"), noon_us - 1));
    assert_null(mtr_catalog_find_secret(catalog, MTR_STR("secret"), noon_us));
    mtr_catalog_release(catalog);
    for (int disabled = 1; disabled >= 0; disabled--) {
        char text[256];
        snprintf(text, sizeof(text),
                 "api_keys:\n  - {key: acme-push, vendor: acme, scopes: [ingest, query], disabled: %s,\n"
                 "     sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n", disabled ? "true" : "false");
        assert_ok(f, apply(f, text, false));
        catalog = mtr_catalog_store_snapshot(f->store);
        assert_int_equal(mtr_catalog_find_secret(catalog, MTR_STR("secret"), NOW_US) == NULL, disabled);
        mtr_catalog_release(catalog);
    }
}

static int delete_one(struct fixture *f, enum mtr_catalog_kind kind, const char *key, bool dry_run)
{
    mtr_diagnostics_release(&f->findings);
    const struct mtr_catalog_edit edit = {.kind = &kind,
                                          .key = mtr_str_from(key),
                                          .who = MTR_STR("tester"),
                                          .now_us = NOW_US,
                                          .dry_run = dry_run};
    return mtr_catalog_store_delete(f->store, &edit, &f->change, &f->findings);
}

static void assert_stays(struct fixture *f, enum mtr_catalog_kind kind, const char *key, const char *because)
{
    char text[2048];
    assert_int_equal(delete_one(f, kind, key, false), MTR_EINVALID);
    list_findings(f, text, sizeof(text));
    assert_string_equal(text, because);
}

/* What is named, or may have charged, stays; the rest goes, and comes again as another. */
static void test_deletion(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, apply(f, BASE, false));
    assert_stays(f, MTR_KIND_METER, "vcpu",
                 "0:0: meter: component `vcpu`: names the meter `vcpu` (in the stored tariff `standard`)\n");
    assert_stays(f, MTR_KIND_SERVICE, "mail", "0:0: service: names the service `mail` (in the stored meter `mails`)\n");
    assert_stays(f, MTR_KIND_TARIFF, "standard",
                 "0:0: tariff: may have priced charges: revision 1 of subscription `sub-1` names it\n");
    assert_stays(f, MTR_KIND_VENDOR, "nimbus",
                 "0:0: a vendor cannot be deleted: meters, services, tariffs, API keys and sources can\n");
    assert_int_equal(delete_one(f, MTR_KIND_METER, "nothing", false), MTR_ENOTFOUND);
    assert_ok(f, delete_one(f, MTR_KIND_METER, "mails", true));
    assert_int_equal(f->change.deleted, 1);
    assert_int_equal(f->change.version, 1);
    assert_ok(f, delete_one(f, MTR_KIND_METER, "mails", false));
    assert_ok(f, delete_one(f, MTR_KIND_API_KEY, "acme-push", false));
    assert_int_equal(delete_one(f, MTR_KIND_METER, "mails", false), MTR_ENOTFOUND);
    for (int round = 0; round < 2; round++, reopen(f)) {
        struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
        const struct mtr_meter *const *meters;
        assert_int_equal(mtr_catalog_version(catalog), 3);
        assert_null(mtr_catalog_find_meter(catalog, MTR_STR("mails")));
        assert_null(mtr_catalog_meter(catalog, 3));
        assert_int_equal(mtr_catalog_count(catalog, MTR_KIND_METER), 3);
        assert_null(mtr_catalog_find_secret(catalog, MTR_STR("secret"), NOW_US));
        assert_int_equal(
            mtr_catalog_find_meters(catalog, mtr_catalog_meter(catalog, 1)->service, MTR_STR("cpu.used"), &meters), 2);
        mtr_catalog_release(catalog);
    }
    /* Nothing of it is fixed, as nothing was folded with it. */
    assert_ok(f, apply(f,
                       "meters: [{key: mails, service: mail, event_type: m, value: n}]\n"
                       "tariffs: [{key: old, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, recurring: {amount: 1}}]}]}]\n",
                       false));
    assert_ok(f, delete_one(f, MTR_KIND_TARIFF, "old", false));
    reopen(f);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(mtr_catalog_find_meter(catalog, MTR_STR("mails"))->number, 4);
    assert_null(mtr_catalog_find_tariff(catalog, MTR_STR("old")));
    mtr_catalog_release(catalog);
    struct seen seen = {.used = 0};
    assert_int_equal(mtr_catalog_store_walk_revisions(f->store, MTR_KIND_METER, MTR_STR("mails"), 0, see, &seen), MTR_OK);
    assert_string_equal(seen.text,
                        "meter mails r1 {\"key\":\"mails\",\"service\":\"mail\",\"event_type\":\"mail.sent\",\"aggregation\":\"count\"}\n"
                        "meter mails r2 \n"
                        "meter mails r3 {\"key\":\"mails\",\"service\":\"mail\",\"event_type\":\"m\",\"value\":\"n\"}\n");
    assert_ok(f, delete_one(f, MTR_KIND_METER, "mail/mails", false));
    assert_ok(f, delete_one(f, MTR_KIND_SERVICE, "mail", false));
}

/* Two vendors with the same keys, and a directory that was written before services had names of their own. */
static const struct {
    enum mtr_catalog_kind kind;
    const char *key, *json;
} of_before[] = {
    {MTR_KIND_VENDOR, "acme", "{\"key\":\"acme\"}"},
    {MTR_KIND_VENDOR, "nimbus", "{\"key\":\"nimbus\"}"},
    {MTR_KIND_SERVICE, "a", "{\"key\":\"a\",\"vendor\":\"acme\"}"},
    {MTR_KIND_METER, "cpu", "{\"key\":\"cpu\",\"service\":\"a\",\"event_type\":\"cpu\",\"value\":\"hours\",\"unit\":\"h\"}"},
    {MTR_KIND_TARIFF, "standard",
     "{\"key\":\"standard\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":"
     "[{\"key\":\"cpu\",\"meter\":\"cpu\",\"unit\":\"h\",\"per_unit\":\"1\"}]}]}"},
    {MTR_KIND_SUBSCRIPTION, "s-a",
     "{\"key\":\"s-a\",\"service\":\"a\",\"customer\":\"c\",\"tariff\":\"standard\",\"start\":\"2026-01-01\"}"},
    {MTR_KIND_CREDIT, "k", "{\"key\":\"k\",\"customer\":\"c\",\"quantity\":\"5\",\"meter\":\"cpu\",\"from\":\"2026-01-01\"}"},
};

/* Another one of its vendor, and the next one of its key, may go. */
static void test_key_that_sent(void **state)
{
    struct fixture *f = *state;
    static const char spare[] = "api_keys:\n  - {key: spare, vendor: acme, scopes: [ingest],\n"
                                "     sha256: 3cb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b}\n";
    assert_ok(f, apply(f, BASE, false));
    assert_ok(f, apply(f, spare, false));
    assert_int_equal(mtr_catalog_store_note_use(f->store, 1), MTR_OK);
    assert_stays(f, MTR_KIND_API_KEY, "acme-push", "0:0: api_key: events were sent with it: retire it from a date on\n");
    reopen(f);
    assert_stays(f, MTR_KIND_API_KEY, "acme-push", "0:0: api_key: events were sent with it: retire it from a date on\n");
    assert_ok(f, delete_one(f, MTR_KIND_API_KEY, "spare", false));
    assert_ok(f, apply(f, spare, false));
    assert_int_equal(mtr_catalog_store_note_use(f->store, 2), MTR_OK); /* who was deleted while it sent */
    assert_ok(f, delete_one(f, MTR_KIND_API_KEY, "spare", false));
}

static void write_directory_of_before(struct fixture *f)
{
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    uint32_t number;
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    assert_int_equal(mtr_documents_open(f->directory, false, &documents, &diagnostic), MTR_OK);
    assert_int_equal(mtr_documents_begin(documents, &version), MTR_OK);
    for (size_t i = 0; i < sizeof(of_before) / sizeof(*of_before); i++) {
        const struct mtr_stored_document document = {.kind = (uint8_t)of_before[i].kind,
                                                     .key = mtr_str_from(of_before[i].key),
                                                     .who = MTR_STR("tester"),
                                                     .applied_us = NOW_US,
                                                     .json = mtr_str_from(of_before[i].json)};
        assert_int_equal(mtr_documents_put(documents, &document, &number), MTR_OK);
    }
    assert_int_equal(mtr_documents_commit(documents, &version), MTR_OK);
    mtr_documents_close(documents);
    reopen(f);
}

/* A number without a document is of one that was deleted; of a subscription it is damage. */
static void test_lost_document(void **state)
{
    struct fixture *f = *state;
    const struct mtr_stored_document lost = {.kind = MTR_KIND_SUBSCRIPTION, .key = MTR_STR("s-a"), .who = MTR_STR("tester")};
    struct mtr_documents *documents;
    struct mtr_diagnostic diagnostic;
    uint64_t version;
    write_directory_of_before(f);
    mtr_catalog_store_close(f->store);
    f->store = NULL;
    assert_int_equal(mtr_documents_open(f->directory, false, &documents, &diagnostic), MTR_OK);
    assert_int_equal(mtr_documents_begin(documents, &version), MTR_OK);
    assert_int_equal(mtr_documents_delete(documents, &lost), MTR_OK);
    assert_int_equal(mtr_documents_commit(documents, &version), MTR_OK);
    mtr_documents_close(documents);
    assert_int_equal(mtr_catalog_store_open(f->directory, true, &f->store, &diagnostic), MTR_ECORRUPT);
}

static const struct mtr_meter *meter_of(const struct mtr_catalog *catalog, const char *subscription)
{
    const struct mtr_subscription *found = mtr_catalog_find_subscription(catalog, mtr_str_from(subscription));
    return mtr_catalog_find_meter(catalog, found->tariff->versions[0].components[0].inputs[0]);
}

#define SAME_KEYS_OF_B                                                                                                          \
    "services: [{key: b, vendor: nimbus}]\n"                                                                                   \
    "meters: [{key: cpu, service: b, event_type: cpu, value: seconds, unit: s}]\n"                                             \
    "tariffs: [{key: standard, service: b, currency: USD, versions: [{from: 2026-01-01, components: [{key: cpu, meter: cpu, unit: s, per_unit: 2}]}]}]\n" \
    "subscriptions: [{key: s-b, service: b, customer: c, tariff: standard, start: 2026-01-01}]\n"
#define TARIFF_OF_A(service, meter, price)                                                                                      \
    "tariffs: [{key: standard, " service "currency: EUR, versions: [{from: 2026-01-01, components: [{key: cpu, meter: " meter   \
    ", unit: h, per_unit: '" price "'}]}]}]\n"

static void check_both(struct fixture *f)
{
    char which[MTR_WHICH_OF_TEXT_BYTES];
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(f->store);
    assert_int_equal(meter_of(catalog, "s-a")->number, 1);
    assert_int_equal(meter_of(catalog, "s-b")->number, 2);
    assert_text(meter_of(catalog, "s-b")->key, "cpu");
    assert_int_equal(mtr_catalog_find_subscription(catalog, MTR_STR("s-a"))->tariff->number, 1);
    assert_int_equal(mtr_catalog_find_subscription(catalog, MTR_STR("s-b"))->tariff->number, 2);
    assert_int_equal(mtr_catalog_find_meter(catalog, MTR_STR("a/cpu"))->number, 1);
    assert_int_equal(mtr_catalog_find_meter(catalog, MTR_STR("b/cpu"))->number, 2);
    assert_null(mtr_catalog_find_meter(catalog, MTR_STR("c/cpu")));
    assert_int_equal(mtr_catalog_credit(catalog, 1)->meter->number, 1); /* what was written when there was one */
    assert_true(mtr_catalog_which_of(catalog, MTR_KIND_METER, MTR_STR("cpu"), which));
    assert_string_equal(which, "which of a/cpu, b/cpu");
    assert_false(mtr_catalog_which_of(catalog, MTR_KIND_METER, MTR_STR("b/cpu"), which));
    mtr_catalog_release(catalog);
}

static const struct {
    const char *text, *findings;
} refused[] = {
    {TARIFF_OF_A("", "cpu", "2"), "1:103: meter: component `cpu`: which of a/cpu, b/cpu? Write SERVICE/KEY, or the tariff's `service`\n"},
    {TARIFF_OF_A("", "b/cpu", "2"),
     "1:17: key: is the key of another tariff of its service: write `service`, or choose another\n"
     "1:116: unit: component `cpu`: is priced per `h`, but meter `cpu` counts `s`: a `convert` is missing, or the unit is wrong\n"
     "0:0: tariff: tariff `standard` prices meter `cpu` of service `b`, but the service bought is `a` (in the stored subscription `s-a`)\n"},
    {"tariffs: [{key: other, currency: EUR, versions: [{from: 2026-01-01, components: [{key: c, meter: cpu, per_unit: 1}]}]}]\n",
     "1:98: meter: component `c`: which of a/cpu, b/cpu? Write SERVICE/KEY, or the tariff's `service`\n"},
    {"tariffs: [{key: other, service: a, currency: EUR, versions: [{from: 2026-01-01, components: [{key: c, meter: disk, per_unit: 1}]}]}]\n",
     "1:110: meter: component `c`: unknown meter `a/disk`\n"},
    {"tariffs: [{key: other, service: d, currency: EUR, versions: [{from: 2026-01-01, components: [{key: c, recurring: {amount: 1}}]}]}]\n",
     "1:33: service: unknown service `d`; did you mean `a`?\n"},
    {"credits: [{key: l, customer: c, quantity: 5, meter: cpu, from: 2026-01-01}]\n", "1:53: meter: which of a/cpu, b/cpu?\n"},
    {"subscriptions: [{key: t, service: a, customer: c, tariff: b/standard, start: 2026-01-01}]\n",
     "1:59: tariff: tariff `standard` is of service `b`, but the service bought is `a`\n"},
    {"meters: [{key: a/x, service: a, event_type: x, value: v}]\n",
     "1:16: key: 1 to 64 of letters, digits and . _ : - are expected, starting with a letter or digit\n"},
};

static void check_refusals(struct fixture *f)
{
    char text[2048];
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        assert_int_equal(apply(f, refused[i].text, false), MTR_EINVALID);
        list_findings(f, text, sizeof(text));
        assert_string_equal(text, refused[i].findings);
    }
}

static void test_keys_within_a_service(void **state)
{
    struct fixture *f = *state;
    write_directory_of_before(f);
    assert_ok(f, apply(f, SAME_KEYS_OF_B, false));
    assert_int_equal(f->change.created, 4);
    assert_int_equal(f->change.updated, 0);
    for (int round = 0; round < 2; round++, reopen(f)) check_both(f);
    /* The same documents again change nothing, under whichever key they are stored. */
    assert_ok(f, apply(f, SAME_KEYS_OF_B, false));
    assert_int_equal(f->change.unchanged, 4);
    assert_ok(f, apply(f, "meters: [{key: cpu, service: a, event_type: cpu, value: hours, unit: h}]\n", false));
    assert_int_equal(f->change.unchanged, 1);
    assert_ok(f, apply_one(f, MTR_KIND_METER, "b/cpu", "{service: b, event_type: cpu, value: seconds, unit: s, name: B}"));
    assert_int_equal(f->change.updated, 1);
    assert_int_equal(apply_one(f, MTR_KIND_METER, "a/cpu", "{service: b, event_type: cpu, value: seconds}"), MTR_EINVALID);
    assert_string_equal(f->findings.items[0].text, "differs from the service in the path");
    struct seen seen = {.used = 0};
    assert_int_equal(mtr_catalog_store_get(f->store, MTR_KIND_METER, MTR_STR("a/cpu"), 0, see, &seen), MTR_OK);
    assert_int_equal(mtr_catalog_store_get(f->store, MTR_KIND_METER, MTR_STR("b/cpu"), 1, see, &seen), MTR_OK);
    assert_string_equal(seen.text, "meter cpu r1 {\"key\":\"cpu\",\"service\":\"a\",\"event_type\":\"cpu\",\"value\":\"hours\",\"unit\":\"h\"}\n"
                                   "meter cpu r1 {\"key\":\"cpu\",\"service\":\"b\",\"event_type\":\"cpu\",\"value\":\"seconds\",\"unit\":\"s\"}\n");
    check_refusals(f);
    /* The tariff of before is its meters' service's, and may be told so. */
    assert_ok(f, apply(f, TARIFF_OF_A("service: a, ", "cpu", "1"), false));
    assert_int_equal(f->change.updated, 1);
    /* Elsewhere they are named with their service; a key that one service has is short anywhere. */
    assert_ok(f, apply(f,
                       "tariffs: [{key: other, currency: USD, versions: [{from: 2026-01-01, components: [{key: c, meter: b/cpu, per_unit: 1}]}]}]\n"
                       "subscriptions: [{key: t, service: b, customer: c, tariff: other, start: 2026-01-01}]\n"
                       "credits: [{key: l, customer: c, quantity: 5, meter: b/cpu, from: 2026-01-01}]\n",
                       false));
    /* The eldest goes: who named it short does not come to mean another one. */
    assert_int_equal(delete_one(f, MTR_KIND_METER, "cpu", false), MTR_EINVALID);
    assert_string_equal(f->findings.items[0].text, "which of a/cpu, b/cpu?");
    assert_stays(f, MTR_KIND_METER, "a/cpu",
                 "0:0: meter: names the meter `cpu` (in the stored credit `k`)\n"
                 "0:0: meter: component `cpu`: names the meter `a/cpu` (in the stored tariff `standard`)\n");
}

struct refusing {
    uint32_t asked;
    bool refuses;
};

static int refuse(void *context, const struct mtr_catalog *before, const struct mtr_catalog *after,
                  struct mtr_diagnostics *findings)
{
    struct refusing *refusing = context;
    assert_int_equal(mtr_catalog_version(after), mtr_catalog_version(before) + 1);
    refusing->asked++;
    const struct mtr_catalog_place place = {MTR_KIND_VENDOR, 2, "name"};
    if (refusing->refuses)
        mtr_catalog_fail(after, MTR_FINDING_CATALOG_DELETE_USED, &place, findings, "is %s", "taken");
    return MTR_OK;
}

/* Other stores have their say before a change is stored, and after everything else was right. */
static void test_review_of_a_change(void **state)
{
    struct fixture *f = *state;
    struct refusing refusing = {.refuses = true};
    struct mtr_catalog_edit edit = {.text = MTR_STR("vendors:\n  - {key: nimbus, name: Nimbus}\n"),
                                    .who = MTR_STR("tester"),
                                    .now_us = NOW_US,
                                    .review = refuse,
                                    .review_context = &refusing};
    assert_ok(f, apply(f, BASE, false));
    assert_int_equal(mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings), MTR_EINVALID);
    assert_int_equal(f->findings.count, 1);
    assert_string_equal(f->findings.items[0].text, "is taken");
    assert_int_equal(f->findings.items[0].line, 2);
    assert_int_equal(f->findings.items[0].column, 25);
    refusing.refuses = false;
    assert_ok(f, mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings));
    assert_int_equal(f->change.updated, 1);
    assert_ok(f, mtr_catalog_store_apply(f->store, &edit, &f->change, &f->findings));
    assert_int_equal(refusing.asked, 2); /* what changes nothing is not asked about */
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_retired), TEST(test_deletion), TEST(test_key_that_sent), TEST(test_lost_document),
                                       TEST(test_keys_within_a_service),
                                       TEST(test_review_of_a_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
