/*
 * The lines "# charged to SUBSCRIPTION: USAGE -> LINES" of the bundles in config/tariffs: January of that
 * subscription, charged by the rater out of the stores. USAGE is "METER[/VALUES]@DATE=QUANTITY …".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */
static const int64_t FEBRUARY_US = INT64_C(1769904000) * MTR_US_PER_SECOND;

/* "component dimensions kind amount cost" of every line of the store whose sums are not nothing, sorted; of a
 * line without cost "-". */
struct lines {
    char text[4096];
    size_t size;
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct lines *lines = context;
    char amount[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES];
    if (!line->emitted.e18 && !line->cost.e18) return 0;
    mtr_money_format(line->emitted, amount);
    mtr_money_format(line->cost, cost);
    int written = snprintf(lines->text + lines->size, sizeof(lines->text) - lines->size,
                           "%s%.*s%s%.*s %.*s %s %s", lines->size ? "; " : "", MTR_STR_ARGS(line->component),
                           line->dimensions.size ? " " : "", MTR_STR_ARGS(line->dimensions),
                           MTR_STR_ARGS(line->kind), amount, line->has_cost ? cost : "-");
    lines->size += (size_t)written < sizeof(lines->text) - lines->size ? (size_t)written : 0;
    return 0;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of one period of a subscription. */
static struct lines lines_of(struct rating_world *world, const char *subscription, int64_t period_start_us)
{
    enum { LINES_MAX = 64 };
    struct lines found = {0}, sorted = {0};
    struct mtr_charges_txn *txn = NULL;
    char *items[LINES_MAX];
    size_t count = 0;
    const uint32_t number = mtr_catalog_find_subscription(world->catalog, mtr_str_from(subscription))->number;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, number, period_start_us, on_line, &found), 0);
    mtr_charges_abort(txn);
    for (char *at = found.text; *at && count < LINES_MAX; count++) {
        items[count] = at;
        char *end = strstr(at, "; ");
        at = end ? end + 2 : at + strlen(at);
        if (end) *end = '\0';
    }
    qsort(items, count, sizeof(*items), compare_words);
    for (size_t i = 0; i < count; i++)
        sorted.size += (size_t)snprintf(sorted.text + sorted.size, sizeof(sorted.text) - sorted.size, "%s%s",
                                        i ? "; " : "", items[i]);
    return sorted;
}

/* "METER[/VALUES]@DATE=QUANTITY …", with the values of the meter's dimensions. */
static void use_words(struct rating_world *world, const char *subscription, char *words)
{
    for (char *rest = words, *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        char meter[64] = "", values[65] = "", date[16] = "", quantity[32] = "";
        int64_t time_us;
        if (!*word) continue;
        if (sscanf(word, "%63[^/@]/%63[^@]@%15[^=]=%31s", meter, values, date, quantity) != 4) {
            values[0] = '\0';
            assert_int_equal(sscanf(word, "%63[^@]@%15[^=]=%31s", meter, date, quantity), 3);
        } else {
            values[strlen(values)] = '|';
        }
        assert_int_equal(mtr_time_parse_date(mtr_str_from(date), &time_us), 0);
        rating_use(world, subscription, meter, time_us, values, quantity);
    }
}

/* Each line "# charged to SUBSCRIPTION: USAGE -> LINES" of a bundle of config/tariffs: its January, priced
 * from the stores. */
static unsigned check_bundle(const char *path)
{
    static const char mark[] = "# charged to ";
    struct rating_world world;
    char text[1 << 14];
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    rating_open(&world, JANUARY_US);
    rating_apply(&world, text);
    for (char *line = strstr(text, mark); line; line = strstr(line + 1, mark)) {
        char copy[1024];
        snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
        char *colon = strchr(copy, ':'), *arrow = strstr(copy, " -> ");
        assert_true(colon && arrow);
        *colon = *arrow = '\0';
        use_words(&world, copy + strlen(mark), colon + 1);
        count++;
    }
    rating_advance_to(&world, FEBRUARY_US + 2 * HOUR_US);
    rating_drain(&world);
    for (char *line = strstr(text, mark); line; line = strstr(line + 1, mark)) {
        char copy[1024], got[4096];
        snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
        char *arrow = strstr(copy, " -> ");
        copy[strcspn(copy, ":")] = '\0';
        snprintf(got, sizeof(got), "%s", lines_of(&world, copy + strlen(mark), JANUARY_US).text);
        for (char *none = strstr(got, " -"); none; none = strstr(got, " -"))
            memmove(none, none + 2, strlen(none + 2) + 1); /* no cost */
        if (strcmp(got, arrow + 4) != 0)
            fail_msg("%s, %s:\n  expected %s\n  got      %s", path, copy, arrow + 4, got);
    }
    assert_int_equal(rating_audit(&world).findings, 0);
    rating_close(&world);
    return count;
}

static void worked_examples_as_they_are_charged(void **state)
{
    (void)state;
    assert_int_equal(check_bundle("config/tariffs/trial.yaml"), 3);
    assert_int_equal(check_bundle("config/tariffs/two-sided.yaml"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(worked_examples_as_they_are_charged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
