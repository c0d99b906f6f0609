/*
 * `answer` and `complete`.
 */
#include "lib/source/document/fields.h"

#include <stdio.h>

static const struct mtr_field condition_rows[] = {
    {MTR_ROW(source_condition_fields, status), .type = MTR_FIELD_U64, .min = 100, .max = 599,
     .doc = "of HTTP"},
    {.name = "path", MTR_ROW_AT(source_condition_fields, model.path), .type = MTR_FIELD_TEXT,
     .max = SOURCE_PATH_BYTES_MAX, .doc = "path in the JSON body"},
    {.name = "equals", MTR_ROW_AT(source_condition_fields, model.equals), .type = MTR_FIELD_TEXT, .max = 1024,
     MTR_ROW_GIVEN(source_condition_fields, model.has_equals), .doc = "the value there"},
    {.name = "contains", MTR_ROW_AT(source_condition_fields, model.contains), .type = MTR_FIELD_TEXT,
     .min = 1, .max = 1024, MTR_ROW_GIVEN(source_condition_fields, model.has_contains),
     .doc = "a part of the value there, or of the body where no path is given"},
    {0},
};

static const struct mtr_field ok_row = {.name = "ok",
                                        .type = MTR_FIELD_MAP,
                                        .fields = condition_rows,
                                        .own_size = sizeof(struct source_condition_fields),
                                        .doc = "an answer that fails this is an error, also a 200"};

static const char *const thens[] = {"incomplete", "log", NULL};
static const struct mtr_field warnings_rows[] = {
    {MTR_ROW(source_warnings_fields, path), .type = MTR_FIELD_TEXT, SOURCE_NEEDED,
     .max = SOURCE_PATH_BYTES_MAX, .doc = "path of what warns when it is neither null, false nor empty"},
    {MTR_ROW(source_warnings_fields, then), .type = MTR_FIELD_ENUM, .choices = thens,
     .default_text = "incomplete",
     .doc = "what a warning makes of the reading; log: it is taken, and a line of the log says so"},
    {0},
};

const struct mtr_field source_answer_rows[] = {
    {MTR_ROW(source_answer_fields, ok), .type = MTR_FIELD_ROW, .row = &ok_row},
    {MTR_ROW(source_answer_fields, absent), .type = MTR_FIELD_LIST, .fields = condition_rows,
     .item_size = sizeof(struct source_condition_fields), .single = true, .max = 16,
     .doc = "answers that say: there is none, which is not zero"},
    {MTR_ROW(source_answer_fields, limit), .type = MTR_FIELD_LIST, .fields = condition_rows,
     .item_size = sizeof(struct source_condition_fields), .single = true, .max = 16,
     .doc = "answers that say: too much was asked for; the window is split"},
    {MTR_ROW(source_answer_fields, rows_limit), .type = MTR_FIELD_U64, .default_text = "0",
     .max = 100000000, .doc = "exactly so many rows may be cut off; 0: none is known"},
    {MTR_ROW(source_answer_fields, warnings), .type = MTR_FIELD_MAP, .fields = warnings_rows,
     .doc = "what is not right about an answer that is one"},
    {MTR_ROW(source_answer_fields, retry_after), .type = MTR_FIELD_TEXTS, .single = true, .max = 8,
     .default_text = "[Retry-After]", .doc = "headers that say when to ask again, in seconds or a date"},
    {MTR_ROW(source_answer_fields, bytes_max), .type = MTR_FIELD_BYTES, .default_text = "256MiB",
     .min = 1024, .max = UINT64_C(64) << 30, .doc = "of one answer, unpacked"},
    {0},
};

static const struct mtr_field sum_rows[] = {
    {.name = "path", MTR_ROW_AT(source_complete_fields, sum.path), .type = MTR_FIELD_TEXT,
     .max = SOURCE_PATH_BYTES_MAX, .doc = "path of the sum in the answer"},
    {.name = "of", MTR_ROW_AT(source_complete_fields, sum.of), .type = MTR_FIELD_TEXT,
     .max = MTR_PROPERTY_NAME_BYTES_MAX, .doc = "the property of data that is added up"},
    {0},
};

const struct mtr_field source_complete_rows[] = {
    {MTR_ROW(source_complete_fields, count), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX,
     .doc = "path of how many rows there are"},
    {.name = "sum", .type = MTR_FIELD_MAP, .fields = sum_rows, .doc = "their sum, as the vendor says it"},
    {MTR_ROW(source_complete_fields, flag), .type = MTR_FIELD_TEXT, .max = SOURCE_PATH_BYTES_MAX,
     .doc = "path of a true that says so"},
    {MTR_ROW(source_complete_fields, agree), .type = MTR_FIELD_U64, .default_text = "1", .min = 1, .max = 10,
     .doc = "equal readings in a row"},
    {0},
};

static void read_condition(struct source_reading *reading, const char *path,
                           const struct source_condition_fields *fields, struct mtr_answer_condition *out)
{
    char at[MTR_FINDING_FIELD_BYTES];
    *out = fields->model;
    out->status = (uint16_t)fields->status;
    source_check_path(reading, source_path_join(path, "path", at), out->path);
    if (!out->status && !out->has_equals && !out->has_contains)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path,
                     "write a status, or what the body equals or contains: this holds for any answer");
    if (out->has_equals && !out->path.size)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path, "`equals` looks at a path: name it");
    if (out->path.size && !out->has_equals && !out->has_contains)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, path,
                     "say what the value at that path equals or contains");
}

static const struct mtr_answer_condition *read_conditions(struct source_reading *reading, const char *path,
                                                          struct mtr_list list)
{
    const struct source_condition_fields *fields = list.items;
    struct mtr_answer_condition *out = mtr_arena_calloc(reading->arena, (size_t)list.count + 1, sizeof(*out));
    if (!out) reading->error = MTR_ENOMEM;
    for (uint32_t i = 0; out && i < list.count; i++) {
        char at[MTR_FINDING_FIELD_BYTES];
        snprintf(at, sizeof(at), "%s[%u]", path, i);
        read_condition(reading, at, &fields[i], &out[i]);
    }
    return out;
}

void source_read_answer(struct source_reading *reading, const struct source_answer_fields *fields,
                        struct mtr_source_answer *out)
{
    const struct mtr_str *headers = fields->retry_after.items;
    *out = (struct mtr_source_answer){
        .has_ok = fields->ok != NULL,
        .absent = read_conditions(reading, "answer.absent", fields->absent),
        .absent_count = fields->absent.count,
        .limit = read_conditions(reading, "answer.limit", fields->limit),
        .limit_count = fields->limit.count,
        .rows_limit = fields->rows_limit,
        .warnings = fields->warnings.path,
        .warnings_are_logged = fields->warnings.then == 1,
        .retry_after = headers,
        .retry_after_count = fields->retry_after.count,
        .bytes_max = fields->bytes_max,
    };
    if (fields->ok) read_condition(reading, "answer.ok", fields->ok, &out->ok);
    source_check_path(reading, "answer.warnings.path", fields->warnings.path);
    for (uint32_t i = 0; i < fields->retry_after.count; i++)
        source_check_header(reading, "answer.retry_after", headers[i], (struct mtr_str){NULL, 0});
}

void source_read_complete(struct source_reading *reading, const struct source_complete_fields *fields,
                          struct mtr_source_complete *out)
{
    *out = (struct mtr_source_complete){
        .count = fields->count,
        .sum = fields->sum.path,
        .sum_of = fields->sum.of,
        .flag = fields->flag,
        .agree = (uint32_t)fields->agree,
    };
    source_check_path(reading, "complete.count", out->count);
    source_check_path(reading, "complete.sum.path", out->sum);
    source_check_path(reading, "complete.flag", out->flag);
    if ((out->sum.size > 0) != (out->sum_of.size > 0))
        source_fault(reading, MTR_FINDING_SOURCE_KEY_MISSING, "complete.sum",
                     "a sum has both: the path where the vendor says it, and `of`, the property added up");
}
