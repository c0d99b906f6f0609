/*
 * The rows of a source's document, and its small maps.
 */
#include "lib/source/document/fields.h"

#include <string.h>

#include "meterd/core/time.h"

#define DAYS UINT64_C(86400000000)

static const struct mtr_field limits_rows[] = {
    {MTR_ROW(source_limits_fields, key), .type = MTR_FIELD_KEY,
     .doc = "sources with one key share the limits; unless given, those with base_url's host do"},
    {MTR_ROW(source_limits_fields, rate), .type = MTR_FIELD_TEXT, .max = 32,
     .doc = "requests in a time, as 10/1s; unless given, as many as come"},
    {MTR_ROW(source_limits_fields, daily), .type = MTR_FIELD_U64, .default_text = "0",
     .max = 1000000000, .doc = "requests in a day of UTC, counted since the daemon began; 0: no bound"},
    {MTR_ROW(source_limits_fields, concurrency), .type = MTR_FIELD_U64, .default_text = "2", .min = 1,
     .max = 64, .doc = "requests at a time"},
    {0},
};

static const struct mtr_field guard_rows[] = {
    {MTR_ROW(source_guard_fields, shrink), .type = MTR_FIELD_TEXT, .max = 8, .default_text = "20%",
     .doc = "so much of a window's rows or quantity may vanish at once; 100%: all"},
    {MTR_ROW(source_guard_fields, jump), .type = MTR_FIELD_U64, .default_text = "10", .max = 1000000,
     .doc = "so many times the usual, or what the window had, may come at once; 0: no bound"},
    {MTR_ROW(source_guard_fields, rows_max), .type = MTR_FIELD_U64, .default_text = "5000000", .min = 1,
     .max = 100000000, .doc = "rows of a reading"},
    {MTR_ROW(source_guard_fields, agree), .type = MTR_FIELD_U64, .default_text = "2", .min = 2, .max = 10,
     .doc = "equal readings that confirm what was suspect"},
    {.name = "every", MTR_ROW_AT(source_guard_fields, every_us), .type = MTR_FIELD_DURATION,
     .default_text = "10m", .min = 1000000, .max = 1 * DAYS, .doc = "between two of them, at least"},
    {0},
};

static const char *const columns[] = {"any", "grow", "exact", NULL};
static const struct mtr_field expect_rows[] = {
    {MTR_ROW(source_expect_fields, columns), .type = MTR_FIELD_ENUM, .choices = columns,
     .default_text = "grow", .doc = "columns that may come or go without an alarm"},
    {.name = "freshness", MTR_ROW_AT(source_expect_fields, freshness_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 366 * DAYS, .doc = "the newest row is at most so old; 0: nobody looks"},
    {MTR_ROW(source_expect_fields, rows_min), .type = MTR_FIELD_U64, .default_text = "0",
     .max = 100000000, .doc = "rows of a closed window"},
    {0},
};

static const struct mtr_field identity_rows[] = {
    {MTR_ROW(source_identity_fields, id), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX,
     MTR_ROW_GIVEN(source_identity_fields, has_id),
     .doc = "a column, or a template of columns as \"{invoice}/{line}\""},
    {MTR_ROW(source_identity_fields, hash), .type = MTR_FIELD_TEXTS, .min = 1, .max = 64,
     MTR_ROW_GIVEN(source_identity_fields, has_hash), .doc = "columns that tell rows apart"},
    {MTR_ROW(source_identity_fields, multiset), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "the n-th of equal rows is one of its own; alone: equal in all columns of `map`"},
    {0},
};

static const struct mtr_field holds_rows[] = {
    {.name = "at_most", MTR_ROW_AT(source_holds_fields, at_most_us), .type = MTR_FIELD_DURATION,
     SOURCE_NEEDED, .min = 1, .max = 366 * DAYS, .doc = "so long a billing period waits"},
    {0},
};
static const struct mtr_field holds_row = {.name = "holds_close",
                                           .type = MTR_FIELD_MAP,
                                           .fields = holds_rows,
                                           .own_size = sizeof(struct source_holds_fields),
                                           .doc = "billing periods wait for its windows"};

static const struct mtr_field pages_rows[] = {
    {.name = "keep", MTR_ROW_AT(source_fields, pages.keep_us), .type = MTR_FIELD_DURATION,
     .default_text = "90d", .max = 3660 * DAYS, .doc = "0: until they are applied"},
    {0},
};

static const char *const deliveries[] = {"overwrite", "append", NULL};

const struct mtr_field mtr_source_fields[] = {
    {MTR_ROW(source_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(source_fields, vendor), .type = MTR_FIELD_KEY, .required = true,
     .doc = "key of the vendor whose events these are; fixed"},
    {MTR_ROW(source_fields, preset), .type = MTR_FIELD_KEY,
     .doc = "whose values hold where none are written: `meterd reference presets`"},
    {MTR_ROW(source_fields, by_hand), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "nobody is asked: files are its answers, `meterd import --source`"},
    {MTR_ROW(source_fields, base_url), .type = MTR_FIELD_TEXT, .max = 2048,
     .doc = "requests go there, and secrets to no other host; needed unless `by_hand`"},
    {MTR_ROW(source_fields, hosts), .type = MTR_FIELD_TEXTS, .single = true, .max = MTR_SOURCE_HOSTS_MAX,
     .doc = "where links of answers may lead besides, as files.acme.example or *.blob.example"},
    {MTR_ROW(source_fields, disabled), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "nothing is asked"},
    {MTR_ROW(source_fields, schedule), .type = MTR_FIELD_MAP, .fields = source_schedule_rows,
     .doc = "when it is looked what is due"},
    {MTR_ROW(source_fields, window), .type = MTR_FIELD_MAP, .fields = source_window_rows, SOURCE_NEEDED,
     .doc = "for which stretch of time is asked"},
    {MTR_ROW(source_fields, delivery), .type = MTR_FIELD_ENUM, .choices = deliveries,
     .default_text = "overwrite", MTR_ROW_GIVEN(source_fields, has_delivery),
     .doc = "overwrite: a reading replaces its window's rows; append: rows only come, as of a cursor"},
    {.name = "for_each", MTR_ROW_AT(source_fields, each), .type = MTR_FIELD_MAP, .fields = source_each_rows,
     .doc = "several requests for a window"},
    {MTR_ROW(source_fields, request), .type = MTR_FIELD_MAP, .fields = source_request_rows,
     .doc = "what is asked"},
    {MTR_ROW(source_fields, auth), .type = MTR_FIELD_MAP, .fields = source_auth_rows,
     .choices = source_auth_words, .doc = "how it says who it is; needed unless `by_hand`"},
    {MTR_ROW(source_fields, paging), .type = MTR_FIELD_MAP, .fields = source_paging_rows,
     .choices = source_paging_words, .doc = "how an answer goes on"},
    {MTR_ROW(source_fields, job), .type = MTR_FIELD_ROW, .row = &source_job_row},
    {MTR_ROW(source_fields, answer), .type = MTR_FIELD_MAP, .fields = source_answer_rows,
     .doc = "what an answer says beside its rows"},
    {MTR_ROW(source_fields, format), .type = MTR_FIELD_NODE, SOURCE_NEEDED,
     .doc = "how rows are written: json, ndjson, csv, prometheus or s3_list, as of `meterd import --map`"},
    {MTR_ROW(source_fields, complete), .type = MTR_FIELD_MAP, .fields = source_complete_rows,
     .doc = "proofs that a reading is whole; each that is given must hold"},
    {MTR_ROW(source_fields, identity), .type = MTR_FIELD_MAP, .fields = identity_rows,
     .doc = "which row is which"},
    {MTR_ROW(source_fields, map), .type = MTR_FIELD_NODE, SOURCE_NEEDED,
     .doc = "how a row becomes an event: the grammar of `meterd import --map`"},
    {MTR_ROW(source_fields, limits), .type = MTR_FIELD_MAP, .fields = limits_rows,
     .doc = "of requests to the vendor"},
    {MTR_ROW(source_fields, guard), .type = MTR_FIELD_MAP, .fields = guard_rows,
     .doc = "what a reading must not do unless it is confirmed"},
    {MTR_ROW(source_fields, expect), .type = MTR_FIELD_MAP, .fields = expect_rows,
     .doc = "what rows look like, and how many come"},
    {MTR_ROW(source_fields, holds_close), .type = MTR_FIELD_ROW, .row = &holds_row},
    {.name = "pages", .type = MTR_FIELD_MAP, .fields = pages_rows, .doc = "the vendor's bytes"},
    {0},
};
