/*
 * Answers of Prometheus' HTTP API, and of what speaks it: a vector or matrix, a record for each sample.
 *
 *   {"status": "success", "data": {"resultType": "matrix", "result": [
 *     {"metric": {"instance": "a", …}, "values": [[1772359200.123, "5"], …]}, …]}, "warnings": […]}
 *
 * What is no number of usage is a problem of its sample: NaN and Inf, and native histograms, whose count or
 * sum a query can ask for. A warning is the caller's, who asks for `warnings`.
 */
#include "collector/rows/json_document.h"

/* Of a label the path in its series, which the sample's value and time are not in. */
static int column_path(struct mtr_str column, struct mtr_arena *arena, struct mtr_row_path *path)
{
    const bool is_time = mtr_str_equal(column, MTR_STR("timestamp")),
               is_value = mtr_str_equal(column, MTR_STR("value"));
    (void)arena;
    *path = (struct mtr_row_path){.text = column};
    if (is_time || is_value) {
        path->steps[path->step_count++] =
            (struct mtr_row_path_step){.kind = MTR_ROW_STEP_PLACE, .place = is_value};
        return MTR_OK;
    }
    path->climbs = 1;
    path->steps[path->step_count++] =
        (struct mtr_row_path_step){.kind = MTR_ROW_STEP_NAME, .name = MTR_STR("metric")};
    path->steps[path->step_count++] = (struct mtr_row_path_step){.kind = MTR_ROW_STEP_NAME, .name = column};
    return MTR_OK;
}

static const char *check_value(struct mtr_str value)
{
    if (mtr_str_equal(value, MTR_STR("NaN")))
        return "the sample is NaN, which is no usage: the series has ended, or the query divides by nothing";
    return mtr_str_equal(value, MTR_STR("+Inf")) || mtr_str_equal(value, MTR_STR("-Inf"))
               ? "the sample is infinite, which is no usage: the query divides by zero"
               : NULL;
}

#define HISTOGRAM "the series is a native histogram: ask for its histogram_sum() or histogram_count()"

static const struct json_dialect dialect = {
    .rows = {{"data.result[].values[]", 22}, {"data.result[].value", 19}},
    .column_path = column_path,
    .checked = {"value", 5},
    .check = check_value,
    .refusals = {{{"data.result[].histogram", 23}, HISTOGRAM}, {{"data.result[].histograms", 24}, HISTOGRAM}},
    .error = {"error", 5},
};

static int prometheus_open(struct record_out *out, void **state, const char **fault)
{
    return json_document_open(&dialect, out, state, fault);
}

const struct record_format record_format_prometheus = {prometheus_open, json_document_close,
                                                       json_document_read, json_document_end};
