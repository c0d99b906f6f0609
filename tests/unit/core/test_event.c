/*
 * Identity and digest: what must be equal, what must differ, and values that may never change (they are
 * stored).
 */
#include "meterd/core/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t KEY[MTR_EVENT_KEY_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct mtr_property number(const char *name, int64_t mantissa, uint8_t scale)
{
    return (struct mtr_property){
        .name = mtr_str_from(name), .kind = MTR_PROPERTY_NUMBER, .number = {mantissa, scale}};
}

static struct mtr_property text(const char *name, const char *value)
{
    return (struct mtr_property){
        .name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(value)};
}

static struct mtr_event event_of(const char *vendor, const char *source, const char *id)
{
    return (struct mtr_event){
        .vendor = mtr_str_from(vendor), .source = mtr_str_from(source), .id = mtr_str_from(id)};
}

static bool same_identity(struct mtr_event_identity a, struct mtr_event_identity b)
{
    return a.high == b.high && a.low == b.low;
}

static void test_identity_is_vendor_source_and_id(void **state)
{
    (void)state;
    struct mtr_event base = event_of("acme", "east", "1");
    struct mtr_event later = base;
    later.time_us = 99, later.time_given = true, later.type = MTR_STR("t"), later.subject = MTR_STR("s");
    assert_true(same_identity(mtr_event_identity(&base, KEY), mtr_event_identity(&later, KEY)));

    /* The border between the parts counts, not only their text. */
    static const char *const rows[][3] = {
        {"acme", "east", "2"},  {"acme", "eas", "t1"},  {"acm", "eeast", "1"},
        {"acme", "east1", ""}, {"acmeeast1", "", ""}, {"", "acmeeast", "1"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_event other = event_of(rows[i][0], rows[i][1], rows[i][2]);
        assert_false(same_identity(mtr_event_identity(&base, KEY), mtr_event_identity(&other, KEY)));
    }
    uint8_t other_key[MTR_EVENT_KEY_BYTES] = {1};
    assert_false(same_identity(mtr_event_identity(&base, KEY), mtr_event_identity(&base, other_key)));
}

static void test_identity_takes_the_longest_attributes(void **state)
{
    (void)state;
    static char long_text[256];
    memset(long_text, 'x', sizeof(long_text));
    struct mtr_event event = {.vendor = {long_text, 64}, .source = {long_text, 256}, .id = {long_text, 256}};
    struct mtr_event shorter = event;
    shorter.id.size = 255;
    assert_false(same_identity(mtr_event_identity(&event, KEY), mtr_event_identity(&shorter, KEY)));
}

static void test_quarantine_identity_covers_content_and_reason(void **state)
{
    (void)state;
    struct mtr_event event = event_of("acme", "east", "1");
    struct mtr_event_identity expired =
        mtr_event_quarantine_identity(&event, 7, MTR_DISPOSITION_EXPIRED, KEY);
    assert_true(
        same_identity(expired, mtr_event_quarantine_identity(&event, 7, MTR_DISPOSITION_EXPIRED, KEY)));
    assert_false(
        same_identity(expired, mtr_event_quarantine_identity(&event, 8, MTR_DISPOSITION_EXPIRED, KEY)));
    assert_false(
        same_identity(expired, mtr_event_quarantine_identity(&event, 7, MTR_DISPOSITION_FUTURE, KEY)));
    assert_false(same_identity(expired, mtr_event_identity(&event, KEY)));
}

static struct mtr_event content_of(const struct mtr_property *properties, uint32_t count)
{
    struct mtr_event event = event_of("acme", "east", "1");
    event.type = MTR_STR("cpu"), event.subject = MTR_STR("sub-1");
    event.time_us = 1000, event.time_given = true;
    event.properties = properties, event.property_count = count;
    return event;
}

static void test_digest_ignores_order_and_spelling_of_numbers(void **state)
{
    (void)state;
    struct mtr_property a[] = {
        number("v", 1, 0), text("region", "eu"), {.name = MTR_STR("spot"), .kind = MTR_PROPERTY_TRUE}};
    struct mtr_property b[] = {a[2], a[1], number("v", 1000, 3)};
    struct mtr_event x = content_of(a, 3), y = content_of(b, 3);
    assert_int_equal(mtr_event_digest(&x), mtr_event_digest(&y));

    struct mtr_property zero[] = {number("v", 0, 0)}, zero_scaled[] = {number("v", 0, 9)};
    x = content_of(zero, 1), y = content_of(zero_scaled, 1);
    assert_int_equal(mtr_event_digest(&x), mtr_event_digest(&y));

    y.id = MTR_STR("2"), y.source = MTR_STR("west"); /* identity is not content */
    assert_int_equal(mtr_event_digest(&x), mtr_event_digest(&y));
}

static void test_digest_ignores_a_time_that_was_not_given(void **state)
{
    (void)state;
    struct mtr_event x = content_of(NULL, 0), y = x;
    y.time_us = 2000;
    assert_int_not_equal(mtr_event_digest(&x), mtr_event_digest(&y));
    x.time_given = y.time_given = false;
    /* a retry without a time is the same event */
    assert_int_equal(mtr_event_digest(&x), mtr_event_digest(&y));
    y.time_given = true, y.time_us = 0;
    assert_int_not_equal(mtr_event_digest(&x), mtr_event_digest(&y));
}

static void test_digest_sees_every_difference_of_content(void **state)
{
    (void)state;
    struct mtr_property properties[] = {number("v", 15, 1), text("region", "eu")};
    struct mtr_property variants[][2] = {
        {number("v", 15, 0), text("region", "eu")},   {number("v", -15, 1), text("region", "eu")},
        {number("w", 15, 1), text("region", "eu")},   {text("v", "1.5"), text("region", "eu")},
        {number("v", 15, 1), text("region", "us")},   {number("v", 15, 1), text("region", "")},
        {text("v", "eu"), number("region", 15, 1)},   {number("v", 15, 2), text("region", "eu")},
        {{.name = MTR_STR("v"), .kind = MTR_PROPERTY_TRUE}, text("region", "eu")},
        {{.name = MTR_STR("v"), .kind = MTR_PROPERTY_FALSE}, text("region", "eu")},
    };
    enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };
    uint64_t digests[VARIANTS + 4];
    size_t count = 0;
    struct mtr_event event = content_of(properties, 2);
    digests[count++] = mtr_event_digest(&event);
    for (size_t i = 0; i < VARIANTS; i++) {
        event.properties = variants[i];
        digests[count++] = mtr_event_digest(&event);
    }
    event.properties = properties, event.property_count = 1;
    digests[count++] = mtr_event_digest(&event);
    event.property_count = 2, event.type = MTR_STR("cpu2");
    digests[count++] = mtr_event_digest(&event);
    event.type = MTR_STR("cpu"), event.subject = MTR_STR("sub-2");
    digests[count++] = mtr_event_digest(&event);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) assert_int_not_equal(digests[i], digests[j]);
}

/* Sealed segments hold these values: a change of the hashed bytes is a change of the format. */
static void test_stored_values_never_change(void **state)
{
    (void)state;
    struct mtr_property properties[] = {number("v", 15, 1), text("region", "eu")};
    struct mtr_event event = content_of(properties, 2);
    struct mtr_event_identity identity = mtr_event_identity(&event, KEY);
    char actual[64];
    snprintf(actual, sizeof(actual), "%016llx%016llx %016llx", (unsigned long long)identity.high,
             (unsigned long long)identity.low, (unsigned long long)mtr_event_digest(&event));
    assert_string_equal(actual, "2d16ce6270d12f0c12a26c7e30d2da74 1057af13a70aadaa");
}

static void test_property_and_names(void **state)
{
    (void)state;
    struct mtr_property properties[] = {number("v", 1, 0), text("region", "eu")};
    struct mtr_event event = content_of(properties, 2);
    assert_ptr_equal(mtr_event_property(&event, MTR_STR("region")), &properties[1]);
    assert_null(mtr_event_property(&event, MTR_STR("regio")));
    assert_string_equal(mtr_disposition_name(MTR_DISPOSITION_NORMAL), "normal");
    assert_string_equal(mtr_disposition_name(MTR_DISPOSITION_FUTURE), "future");
}

static void test_data_is_written_with_every_kind(void **state)
{
    (void)state;
    const struct mtr_property properties[] = {number("gb", 15, 1), text("region", "e\"u"),
                                              {.name = MTR_STR("spot"), .kind = MTR_PROPERTY_TRUE},
                                              {.name = MTR_STR("test"), .kind = MTR_PROPERTY_FALSE}};
    const struct mtr_event event = content_of(properties, 4), empty = content_of(properties, 0);
    struct mtr_json_writer json;
    struct mtr_buffer out;
    mtr_buffer_init(&out, 4096);
    mtr_json_begin(&json, &out);
    mtr_json_list(&json);
    mtr_event_write_data(&event, &json);
    mtr_event_write_data(&empty, &json);
    mtr_json_list_end(&json);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
    assert_true(mtr_str_equal(mtr_buffer_str(&out),
                              MTR_STR("[{\"gb\":1.5,\"region\":\"e\\\"u\",\"spot\":true,\"test\":false},{}]")));
    mtr_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_is_vendor_source_and_id),
        cmocka_unit_test(test_identity_takes_the_longest_attributes),
        cmocka_unit_test(test_quarantine_identity_covers_content_and_reason),
        cmocka_unit_test(test_digest_ignores_order_and_spelling_of_numbers),
        cmocka_unit_test(test_digest_ignores_a_time_that_was_not_given),
        cmocka_unit_test(test_digest_sees_every_difference_of_content),
        cmocka_unit_test(test_stored_values_never_change),
        cmocka_unit_test(test_property_and_names),
        cmocka_unit_test(test_data_is_written_with_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
