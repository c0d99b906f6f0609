/*
 * Reads the stories of tests/golden/rating: what is in the catalog and what is used, in the order of time,
 * and which charges come of it. Their words are in rating/README.md. Every story is a test of its own; a
 * failure says file and line, what was expected and what came.
 *
 * Exact: a charge that comes and is not stated fails, and the audit is clean unless the story says what it
 * finds.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating_news.h"
#include "tests/support/rating_use.h"
#include "tests/support/story.h"

enum { SETTLE_HOURS_MAX = 24, STORIES_MAX = 256, PAGES_MAX = 32 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t BEGIN_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

struct telling {
    struct story story;
    unsigned line; /* from 0 */
    struct rating_world world;
    char names[2][64];             /* of the last use: subscription, meter */
    struct rating_news news;       /* since the last `at`, as what follows */
    struct mtr_rater_result steps; /* of all that were taken */
    char problem[MTR_FINDING_TEXT_BYTES]; /* why the last rating that failed did */
    struct mtr_audit_counts audited;
    char found[STORY_TEXT_BYTES];
    bool has_stated;
};

static MTR_PRINTF(2, 3) void fail_at(const struct telling *telling, const char *format, ...)
{
    char text[3 * STORY_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fail_msg("%s:%u: %s", telling->story.page->path, telling->line + 1, text);
}

static void compare(const struct telling *telling, const char *what, const char *expected, const char *got)
{
    if (strcmp(expected, got) == 0) return;
    fail_at(telling, "%s\n  expected %s\n  got      %s", what, expected, got);
}

static void compare_count(const struct telling *telling, const char *what, const char *expected, uint64_t got)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)got);
    compare(telling, what, expected, text);
}

static int64_t time_of(const struct telling *telling, const char *text)
{
    int64_t time_us = 0;
    if (!story_time(mtr_str_from(text), &time_us)) fail_at(telling, "%s is no time", text);
    return time_us;
}

/* ---- what happens ---- */

static void apply_yaml(struct telling *telling, const struct story *story, unsigned *line)
{
    char yaml[STORY_YAML_BYTES];
    telling->line = *line;
    if (!story_yaml(story, line, yaml)) fail_at(telling, "too much YAML");
    if (!rating_take(&telling->world, yaml)) fail_at(telling, "the catalog does not take this");
}

/* meter/value/value */
static void use_once(struct telling *telling, int64_t time_us, const char *quantity, bool takes_back)
{
    char meter[64], dimensions[64] = "";
    snprintf(meter, sizeof(meter), "%s", telling->names[1]);
    char *values = strchr(meter, '/');
    if (values) {
        *values++ = '\0';
        snprintf(dimensions, sizeof(dimensions), "%s|", values);
        for (char *p = dimensions; *p; p++) if (*p == '/') *p = '|';
    }
    (takes_back ? rating_void : rating_use)(&telling->world, telling->names[0], meter, time_us, dimensions,
                                            quantity);
}

/* SUBSCRIPTION METER WHEN QUANTITY | …: names that are left out stay; WHEN..WHEN is each of the days. */
static void use(struct telling *telling, char *text, const char *verb)
{
    for (char *rest = text, *part = strsep(&rest, "|"); part; part = strsep(&rest, "|")) {
        char *words[4], *day_after;
        size_t count = 0;
        for (char *in = part, *word = strsep(&in, " "); word; word = strsep(&in, " "))
            if (*word && count < 4) words[count++] = word;
        if (count < 2) fail_at(telling, "%s SUBSCRIPTION METER WHEN QUANTITY", verb);
        for (size_t i = 0; i + 2 < count; i++)
            snprintf(telling->names[i + 4 - count], sizeof(telling->names[0]), "%s", words[i]);
        day_after = strstr(words[count - 2], "..");
        if (day_after) *day_after = '\0';
        const int64_t from_us = time_of(telling, words[count - 2]);
        const int64_t to_us = day_after ? time_of(telling, day_after + 2) : from_us;
        for (int64_t time_us = from_us; time_us <= to_us; time_us += DAY_US) {
            if (strcmp(verb, "rate") == 0)
                rating_rate(&telling->world, time_us, telling->names[1], words[count - 1]);
            else use_once(telling, time_us, words[count - 1], strcmp(verb, "void") == 0);
        }
    }
}

/* restart [grace 400d] [step_rows 1]: as after a crash, with another configuration. */
static void restart(struct telling *telling, const char *text)
{
    struct mtr_rater_options *options = &telling->world.options;
    const char *grace = strstr(text, "grace "), *rows = strstr(text, "step_rows ");
    if (grace) options->grace_us = atoi(grace + 6) * (strchr(grace, 'd') ? MTR_US_PER_DAY : MTR_US_PER_HOUR);
    if (rows) options->step_rows_max = (uint32_t)atoi(rows + 10);
    rating_reopen(&telling->world);
}

static bool step(struct telling *telling)
{
    struct mtr_rater_result result;
    struct mtr_diagnostic diagnostic = {0};
    struct rating_world *world = &telling->world;
    int rc = mtr_rater_step(world->rater, world->catalog, world->now_us, &result, &diagnostic);
    if (rc) fail_at(telling, "step: %s %s", mtr_error_text(rc), diagnostic.text);
    telling->steps.rated += result.rated;
    telling->steps.losses += result.losses;
    if (result.failed) snprintf(telling->problem, sizeof(telling->problem), "%s", diagnostic.text);
    return !result.idle;
}

static void audit(struct telling *telling)
{
    rating_audit_text(&telling->world, telling->found, sizeof(telling->found), &telling->audited);
}

/* ---- what is stated ---- */

/* "[SUBSCRIPTION] PERIOD": a subscription that is alone need not be named; a period is, as in the store. */
static uint32_t read_label(const struct telling *telling, const char *label, int64_t *period_start_us)
{
    const struct mtr_catalog *catalog = telling->world.catalog;
    const char *space = strchr(label, ' ');
    const struct mtr_str key = {label, space ? (size_t)(space - label) : 0};
    *period_start_us = time_of(telling, space ? space + 1 : label);
    const bool is_alone = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION) == 1;
    const struct mtr_subscription *named = space ? mtr_catalog_find_subscription(catalog, key) : NULL;
    if (!named && (space || !is_alone)) fail_at(telling, "%s: of which subscription?", label);
    return named ? named->number : 1;
}

/* "final 1 calls ×3; final 0 base" with each of them written out. */
static void write_out(const char *stated, char out[STORY_TEXT_BYTES])
{
    size_t size = 0;
    for (const char *piece = stated; *piece; piece += strspn(piece, "; ")) {
        const size_t piece_size = strcspn(piece, ";");
        const char *sign = memmem(piece, piece_size, " ×", strlen(" ×"));
        const int one_size = (int)(sign ? sign - piece : (ptrdiff_t)piece_size);
        for (int times = sign ? atoi(sign + strlen(" ×")) : 1; times > 0 && size < STORY_TEXT_BYTES; times--)
            size += (size_t)snprintf(out + size, STORY_TEXT_BYTES - size, "%s%.*s", size ? "; " : "",
                                     one_size, piece);
        piece += piece_size;
    }
}

/* What came of a period; a quantity is told where the statement tells one. */
static void compare_charges(struct telling *telling, const char *label, const char *stated)
{
    char expected[STORY_TEXT_BYTES] = "", got[STORY_TEXT_BYTES] = "";
    int64_t period_start_us;
    const uint32_t subscription = read_label(telling, label, &period_start_us);
    write_out(stated, expected);
    const char *piece = expected;
    size_t size = 0;
    for (size_t i = 0; i < telling->news.count; i++) {
        struct rating_charge *news = &telling->news.items[i];
        if (news->subscription != subscription || news->period_start_us != period_start_us) continue;
        const size_t piece_size = strcspn(piece, ";");
        const bool with_quantity = news->is_draw || memchr(piece, '(', piece_size);
        size += (size_t)snprintf(got + size, sizeof(got) - size, "%s%s%s%s", size ? "; " : "", news->text,
                                 with_quantity ? news->quantity : "", news->cost);
        if (size >= sizeof(got)) fail_at(telling, "too many charges");
        piece += piece_size + (piece[piece_size] == ';');
        news->is_stated = true;
    }
    compare(telling, label, expected, got);
}

static void compare_body(struct telling *telling, const char *component, const char *expected)
{
    const char *last = "";
    for (size_t i = 0; i < telling->news.count; i++) {
        if (strcmp(telling->news.items[i].component, component) != 0) continue;
        last = telling->news.items[i].body;
        if (strstr(last, expected)) return;
    }
    compare(telling, component, expected, last);
}

static void check_closed(struct telling *telling, const char *label)
{
    struct mtr_charge_period period = {.status = MTR_PERIOD_OPEN};
    int64_t start_us;
    const uint32_t subscription = read_label(telling, label, &start_us);
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(telling->world.charges, false, &txn), 0);
    int rc = mtr_charges_get_period(txn, subscription, start_us, &period);
    mtr_charges_abort(txn);
    if (rc || period.status != MTR_PERIOD_FINAL) fail_at(telling, "%s is not closed", label);
}

/* What is not stated is this. */
struct statement {
    char audit[STORY_TEXT_BYTES];
    char problem[STORY_TEXT_BYTES];
    char losses[24];
};

static void state(struct telling *telling, char *text, struct statement *statement)
{
    if (strcmp(text, "nothing") == 0) return;
    char *value = strstr(text, ": ");
    if (!value) fail_at(telling, "%s: this states nothing", text);
    *value = '\0';
    value += 2;
    if (strcmp(text, "audit") == 0) snprintf(statement->audit, sizeof(statement->audit), "%s", value);
    else if (strcmp(text, "problem") == 0)
        snprintf(statement->problem, sizeof(statement->problem), "%s", value);
    else if (strcmp(text, "losses") == 0) snprintf(statement->losses, sizeof(statement->losses), "%s", value);
    else if (strcmp(text, "rated") == 0) compare_count(telling, "rated", value, telling->steps.rated);
    else if (strcmp(text, "periods") == 0) compare_count(telling, "periods", value, telling->audited.periods);
    else if (strcmp(text, "closed") == 0) check_closed(telling, value);
    else if (strncmp(text, "body ", 5) == 0) compare_body(telling, text + 5, value);
    else compare_charges(telling, text, value);
}

static void fail_of_news(const struct telling *telling, const struct rating_charge *first)
{
    char time[MTR_TIME_TEXT_BYTES], rest[STORY_TEXT_BYTES] = "";
    size_t size = 0;
    for (const struct rating_charge *news = first;
         news < telling->news.items + telling->news.count && size < sizeof(rest); news++)
        if (news->subscription == first->subscription && news->period_start_us == first->period_start_us)
            size += (size_t)snprintf(rest + size, sizeof(rest) - size, "%s%s%s%s", size ? "; " : "",
                                     news->text, news->quantity, news->cost);
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(telling->world.catalog, first->subscription);
    fail_at(telling, "this is not stated:\n  %.*s %s: %s", MTR_STR_ARGS(subscription->key),
            story_format_time(first->period_start_us, time), rest);
}

/* What came since the last time, each of it stated: behind the instant, and on each indented line below. */
static void state_all(struct telling *telling, const char *first, unsigned *line)
{
    struct statement statement = {.audit = "clean", .losses = "0"};
    const unsigned begin = telling->line;
    char text[STORY_TEXT_BYTES];
    snprintf(text, sizeof(text), "%s", first);
    if (!*first && !story_goes_on(&telling->story, *line)) fail_at(telling, "say what comes, or `nothing`");
    if (*first) state(telling, text, &statement);
    while (story_goes_on(&telling->story, *line)) {
        telling->line = *line;
        if (!story_next(&telling->story, line, text)) fail_at(telling, "too long");
        if (*text) state(telling, text, &statement);
    }
    telling->line = begin;
    for (size_t i = 0; i < telling->news.count; i++)
        if (!telling->news.items[i].is_stated) fail_of_news(telling, &telling->news.items[i]);
    const char *why = strstr(telling->problem, " cannot be rated: ");
    if (*statement.problem) compare(telling, "problem", statement.problem, telling->problem);
    else if (why && !strstr(telling->found, why + strlen(" cannot be rated: ")))
        compare(telling, "problem", "", why);
    compare(telling, "audit", statement.audit, telling->found);
    compare_count(telling, "losses", statement.losses, telling->steps.losses);
    telling->steps = (struct mtr_rater_result){0};
    telling->problem[0] = '\0';
    telling->has_stated = true;
}

/* at INSTANT …; settle INSTANT …: and on from there, hour by hour, as long as something waits. */
static void tell(struct telling *telling, char *text, bool settles, unsigned *line)
{
    char *rest = text + strcspn(text, " ");
    unsigned hours = 0;
    if (*rest) *rest++ = '\0';
    const int64_t time_us = time_of(telling, text);
    do {
        rating_advance_to(&telling->world, time_us + hours++ * HOUR_US);
        while (step(telling)) {}
        audit(telling);
    } while (settles && telling->audited.pending && hours < SETTLE_HOURS_MAX);
    rating_read_news(&telling->world, &telling->news);
    state_all(telling, rest + strspn(rest, " "), line);
}

static void run_line(struct telling *telling, unsigned *line)
{
    char text[STORY_TEXT_BYTES];
    telling->line = *line;
    if (!story_next(&telling->story, line, text)) fail_at(telling, "too long");
    char *rest = text + strcspn(text, " ");
    if (*rest) *rest++ = '\0';
    rest += strspn(rest, " ");
    if (strcmp(text, "at") == 0 || strcmp(text, "settle") == 0) {
        tell(telling, rest, text[0] == 's', line);
    } else if (strcmp(text, "use") == 0 || strcmp(text, "void") == 0 || strcmp(text, "rate") == 0) {
        char verb[8];
        snprintf(verb, sizeof(verb), "%.7s", text);
        use(telling, rest, verb);
        for (; story_goes_on(&telling->story, *line); use(telling, text, verb)) {
            telling->line = *line;
            if (!story_next(&telling->story, line, text)) fail_at(telling, "too long");
        }
    } else if (strcmp(text, "audit") == 0) {
        audit(telling);
        compare(telling, text, rest, telling->found);
    } else if (strcmp(text, "step") == 0) {
        rating_advance_to(&telling->world, time_of(telling, rest));
        (void)step(telling);
    } else if (strcmp(text, "restart") == 0) {
        restart(telling, rest);
    } else if (strcmp(text, "refold") == 0) {
        assert_int_equal(mtr_rater_forget_feed(telling->world.charges), 0);
    } else {
        fail_at(telling, "%s is no word of a story", text);
    }
}

static void run_story(void **context)
{
    struct telling *telling = *context;
    const struct story own = story_at(telling->story.page, 0);
    unsigned line = own.begin + 1;
    while (line < own.end && telling->story.page->lines[line][0] == '#') line++;
    apply_yaml(telling, &own, &line);
    for (line = telling->story.begin + 1; line < telling->story.end;) {
        const char *text = telling->story.page->lines[line];
        if (text[0] == '\0' || text[0] == '#') line++;
        else if (story_is_word(text)) run_line(telling, &line);
        else apply_yaml(telling, &telling->story, &line);
    }
    if (!telling->has_stated) fail_at(telling, "this story states nothing");
    rating_read_news(&telling->world, &telling->news);
    if (telling->news.count) fail_of_news(telling, &telling->news.items[0]);
}

/* ---- all of them ---- */

static int begin_story(void **context)
{
    struct telling *telling = calloc(1, sizeof(*telling));
    assert_non_null(telling);
    telling->story = *(const struct story *)*context;
    rating_open(&telling->world, BEGIN_US);
    *context = telling;
    return 0;
}

static int end_story(void **context)
{
    struct telling *telling = *context;
    rating_close(&telling->world);
    free(telling);
    return 0;
}

static int is_page(const struct dirent *entry)
{
    return strstr(entry->d_name, ".story") != NULL;
}

/* The stories of a page, each as a test. */
static size_t add_stories(const struct story_page *page, struct story *stories, struct CMUnitTest *tests,
                          size_t count)
{
    for (unsigned line = story_at(page, 0).end; line < page->count && count < STORIES_MAX; count++) {
        stories[count] = story_at(page, line);
        tests[count] =
            (struct CMUnitTest){stories[count].title, run_story, begin_story, end_story, &stories[count]};
        line = stories[count].end;
    }
    return count;
}

int main(void)
{
    static struct story_page pages[PAGES_MAX];
    static struct story stories[STORIES_MAX];
    static struct CMUnitTest tests[STORIES_MAX];
    static const char directory[] = "tests/golden/rating";
    struct dirent **entries = NULL;
    size_t count = 0;
    const int page_count = scandir(directory, &entries, is_page, alphasort);
    if (page_count <= 0 || page_count > PAGES_MAX)
        return fprintf(stderr, "%s: %d pages\n", directory, page_count);
    for (int i = 0; i < page_count; i++) {
        char path[sizeof(directory) + sizeof(entries[i]->d_name) + 1];
        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
        if (!story_read(path, &pages[i]))
            return fprintf(stderr, "%s: cannot be read, or is too long\n", path);
        count = add_stories(&pages[i], stories, tests, count);
    }
    free(entries);
    if (count == 0 || count == STORIES_MAX) return fprintf(stderr, "%s: %zu stories\n", directory, count);
    return _cmocka_run_group_tests("stories", tests, count, NULL, NULL);
}
