/*
 * Usage series from files: CSV with a header, or one JSON map a line. `quantity` is required, or `reading`;
 * `time`, `seconds`, `component` and `meter` have their meaning in a pricing request; every other column is a
 * dimension. Written out as the `usage` of a pricing request.
 */
#include "daemon/cli/price/series_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/decimal.h"
#include "meterd/core/document.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "daemon/cli/command.h"
#include "daemon/cli/inputs.h"

/* A request may have MTR_DOCUMENT_BYTES_MAX; what is left of them is for the tariff and the rest. */
enum { COLUMNS_MAX = 64, ROWS_MAX = 100000, ROWS_BYTES_MAX = MTR_DOCUMENT_BYTES_MAX - (1 << 20) };

struct series_file {
    const char *path;
    struct mtr_json_writer json;
    struct mtr_buffer names; /* of the header, each with its NUL behind */
    struct mtr_str columns[COLUMNS_MAX];
    uint32_t column_count;
    uint32_t rows;
    struct price_series *out;
    bool failed; /* and said why */
};

static bool is_field(struct mtr_str name)
{
    struct mtr_str field;
    for (unsigned i = 0; (field = price_series_column(NULL, i)).data != NULL; i++)
        if (mtr_str_equal(name, field)) return true;
    return false;
}

/* How much was used, or what a counter stands at. */
static bool is_amount(struct mtr_str name)
{
    return mtr_str_equal(name, MTR_STR("quantity")) || mtr_str_equal(name, MTR_STR("reading"));
}

static int refuse(struct series_file *file, uint64_t line, enum mtr_finding_code code, const char *what)
{
    fprintf(stderr, "%s:%" PRIu64 ": error: %s [%s]\n", file->path, line, what, mtr_finding_kind(code)->code);
    file->failed = true;
    return MTR_EINVALID;
}

/* JSON has none, and would say so without the file's line. */
static int check_text(struct series_file *file, uint64_t line, struct mtr_str text)
{
    if (!text.size || !memchr(text.data, '\0', text.size)) return MTR_OK;
    return refuse(file, line, MTR_FINDING_DOCUMENT_TEXT, "a NUL character is not allowed");
}

static int check_number(struct series_file *file, uint64_t line, struct mtr_str name, struct mtr_str value)
{
    char fault[MTR_NUMBER_FAULT_BYTES], text[MTR_NUMBER_FAULT_BYTES + 80];
    struct mtr_quantity quantity;
    int rc = mtr_quantity_parse(value, &quantity);
    if (!rc) return MTR_OK;
    enum mtr_finding_code code = MTR_FINDING_FIELD_NUMBER;
    if (rc == MTR_EPRECISION) {
        code = MTR_FINDING_FIELD_DIGITS;
        snprintf(fault, sizeof(fault), "`%.*s%s` has more than 12 digits after the point",
                 MTR_STR_QUOTED(value));
    } else if (rc == MTR_EOVERFLOW) {
        code = MTR_FINDING_FIELD_RANGE;
        snprintf(fault, sizeof(fault), "`%.*s%s` is too large: at most " MTR_QUANTITY_MAX_TEXT,
                 MTR_STR_QUOTED(value));
    } else {
        mtr_number_fault(value, fault);
    }
    snprintf(text, sizeof(text), "%.*s: %s", MTR_STR_ARGS(name), fault);
    return refuse(file, line, code, text);
}

/* What the pricing would refuse is said here, where the file's line is known. */
static int check_value(struct series_file *file, uint64_t line, struct mtr_str name, struct mtr_str value)
{
    char fault[MTR_DATE_FAULT_BYTES], text[MTR_DATE_FAULT_BYTES + 16];
    int64_t time_us;
    int rc = check_text(file, line, value);
    if (rc) return rc;
    if (is_amount(name) || mtr_str_equal(name, MTR_STR("seconds")))
        return check_number(file, line, name, value);
    if (!mtr_str_equal(name, MTR_STR("time")) || mtr_time_parse_date(value, &time_us) == MTR_OK)
        return MTR_OK;
    mtr_date_fault(value, fault);
    snprintf(text, sizeof(text), "%.*s: %s", MTR_STR_ARGS(name), fault);
    return refuse(file, line, MTR_FINDING_FIELD_TIME, text);
}

/* One row: the pricing's own fields, then the rest as dimensions. */
static int write_row(struct series_file *file, uint64_t line, const struct mtr_str *names,
                     const struct mtr_str *values, uint32_t count)
{
    bool has_quantity = false;
    if (file->rows++ == ROWS_MAX)
        return refuse(file, line, MTR_FINDING_QUOTE_LIMIT, "a series has at most 100000 rows");
    if (file->out->rows.size > ROWS_BYTES_MAX)
        return refuse(file, line, MTR_FINDING_QUOTE_LIMIT,
                      "a series has at most 15 MiB as JSON, a name beside each value: price it in parts");
    int kept = mtr_buffer_append(&file->out->lines, &line, sizeof(line));
    if (kept) return kept;
    mtr_json_map(&file->json);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_field(names[i]) || !values[i].size) continue;
        has_quantity = has_quantity || is_amount(names[i]);
        int rc = check_value(file, line, names[i], values[i]);
        if (rc) return rc;
        mtr_json_name_text(&file->json, names[i]);
        mtr_json_text(&file->json, values[i]);
    }
    mtr_json_name(&file->json, "dimensions");
    mtr_json_map(&file->json);
    for (uint32_t i = 0; i < count; i++) {
        if (is_field(names[i]) || !values[i].size) continue;
        int rc = check_text(file, line, values[i]);
        if (rc) return rc;
        if (!names[i].size)
            return refuse(file, line, MTR_FINDING_FIELD_MISSING,
                          "a value stands in a column that has no name in the header");
        mtr_json_name_text(&file->json, names[i]);
        mtr_json_text(&file->json, values[i]);
    }
    mtr_json_map_end(&file->json);
    mtr_json_map_end(&file->json);
    if (has_quantity) return MTR_OK;
    return refuse(file, line, MTR_FINDING_FIELD_MISSING, "the row has no quantity");
}

static struct mtr_str quantity_at(const void *context, unsigned i)
{
    (void)context;
    return i == 0 ? MTR_STR("quantity") : (struct mtr_str){NULL, 0};
}

/* What was meant for it, or which other sign parts the columns. */
static int refuse_header(struct series_file *file, uint64_t line)
{
    const struct mtr_str first = file->columns[0];
    char text[240], meant[MTR_MEANT_BYTES];
    if (first.size && (memchr(first.data, ';', first.size) || memchr(first.data, '\t', first.size)))
        return refuse(file, line, MTR_FINDING_FIELD_MISSING,
                      "the header has no column `quantity`: a comma stands between columns");
    for (uint32_t i = 0; i < file->column_count; i++) {
        if (is_field(file->columns[i]) || !*mtr_str_meant(file->columns[i], quantity_at, NULL, meant))
            continue;
        snprintf(text, sizeof(text), "the header has no column `quantity`, but `%.*s%s`",
                 MTR_STR_QUOTED(file->columns[i]));
        return refuse(file, line, MTR_FINDING_FIELD_MISSING, text);
    }
    return refuse(file, line, MTR_FINDING_FIELD_MISSING,
                  "the header has no column `quantity` (and may have time, seconds, component, meter, "
                  "dimensions)");
}

static int check_repeated(struct series_file *file, uint64_t line)
{
    char text[160];
    for (uint32_t i = 0; i < file->column_count; i++)
        for (uint32_t j = 0; j < i; j++) {
            if (!file->columns[i].size || !mtr_str_equal(file->columns[i], file->columns[j])) continue;
            snprintf(text, sizeof(text), "the header has the column `%.*s%s` twice",
                     MTR_STR_QUOTED(file->columns[i]));
            return refuse(file, line, MTR_FINDING_DOCUMENT_KEY_REPEATED, text);
        }
    return MTR_OK;
}

static int take_header(struct series_file *file, const struct mtr_csv_record *record)
{
    bool has_quantity = false;
    if (record->cell_count > COLUMNS_MAX)
        return refuse(file, record->line, MTR_FINDING_CSV_LIMIT, "a series has at most 64 columns");
    for (uint32_t i = 0; i < record->cell_count; i++) {
        has_quantity = has_quantity || is_amount(record->cells[i]);
        int rc = check_text(file, record->line, record->cells[i]);
        if (!rc) rc = mtr_buffer_append(&file->names, record->cells[i].data, record->cells[i].size);
        if (rc) return rc;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < record->cell_count; i++) {
        file->columns[i] = (struct mtr_str){file->names.data + used, record->cells[i].size};
        used += record->cells[i].size;
    }
    file->column_count = record->cell_count;
    file->out->header_line = record->line;
    return has_quantity ? check_repeated(file, record->line) : refuse_header(file, record->line);
}

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct series_file *file = context;
    if (!file->column_count) return take_header(file, record);
    if (record->cell_count > file->column_count)
        return refuse(file, record->line, MTR_FINDING_CSV_LIMIT, "has more cells than the header");
    return write_row(file, record->line, file->columns, record->cells, record->cell_count);
}

static int read_csv(struct series_file *file, struct mtr_str text)
{
    struct mtr_csv_reader reader;
    struct mtr_diagnostic broken;
    mtr_diagnostic_set(&broken, MTR_FINDING_INPUT_UNREADABLE, 0, 0, "", "%s", "cannot be read");
    mtr_csv_reader_init(&reader, ',', on_record, file);
    int rc = mtr_csv_read(&reader, text, &broken);
    if (!rc) rc = mtr_csv_read_end(&reader, &broken);
    mtr_csv_reader_release(&reader);
    if (rc && !file->failed) return refuse(file, broken.line, broken.code, broken.text);
    if (!rc && !file->column_count)
        return refuse(file, 1, MTR_FINDING_FIELD_MISSING, "is empty: a header with `quantity` is expected");
    return rc;
}

static int take_line(struct series_file *file, struct mtr_str text, uint64_t line)
{
    struct mtr_document *document;
    struct mtr_diagnostic broken;
    struct mtr_str names[COLUMNS_MAX], values[COLUMNS_MAX];
    if (mtr_document_parse(text, &document, &broken)) return refuse(file, line, broken.code, broken.text);
    const struct mtr_node *root = mtr_document_root(document);
    int rc = MTR_OK;
    if (root->kind != MTR_NODE_MAP || root->child_count > COLUMNS_MAX)
        rc = refuse(file, line, MTR_FINDING_FIELD_KIND, "a line must be a map of at most 64 members");
    for (uint32_t i = 0; !rc && i < root->child_count; i++) {
        const struct mtr_node *child = &root->children[i];
        names[i] = child->key;
        values[i] = child->kind == MTR_NODE_NULL ? (struct mtr_str){NULL, 0} : child->text;
        if (child->kind >= MTR_NODE_LIST)
            rc = refuse(file, line, MTR_FINDING_FIELD_KIND,
                        "a member is a list or a map: write each dimension as a member of its own");
    }
    if (!rc) rc = write_row(file, line, names, values, root->child_count);
    mtr_document_close(document);
    return rc;
}

static int read_ndjson(struct series_file *file, struct mtr_str text)
{
    int rc = MTR_OK;
    for (uint64_t line = 1; !rc && text.size; line++) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size, used = size;
        while (used && (text.data[used - 1] == '\r' || text.data[used - 1] == ' ')) used--;
        if (used) rc = take_line(file, (struct mtr_str){text.data, used}, line);
        size_t step = end ? size + 1 : size;
        text = (struct mtr_str){text.data + step, text.size - step};
    }
    return rc;
}

static bool is_ndjson(struct mtr_str text)
{
    while (text.size && (*text.data == ' ' || *text.data == '\n' || *text.data == '\r'))
        text = (struct mtr_str){text.data + 1, text.size - 1};
    return text.size && *text.data == '{';
}

int series_file_read(const char *path, struct price_series *out)
{
    struct series_file file = {.path = path, .out = out};
    struct mtr_buffer text;
    int code = cli_load_file(path, MTR_DOCUMENT_BYTES_MAX, &text);
    if (code) return code;
    mtr_buffer_init(&file.names, 1 << 16);
    mtr_json_begin(&file.json, &out->rows);
    mtr_json_list(&file.json);
    struct mtr_str content = mtr_buffer_str(&text);
    int rc = is_ndjson(content) ? read_ndjson(&file, content) : read_csv(&file, content);
    if (!rc) {
        mtr_json_list_end(&file.json);
        rc = mtr_json_finish(&file.json);
    }
    if (rc && !file.failed) fprintf(stderr, "meterd: %s: %s\n", path, mtr_error_text(rc));
    mtr_buffer_release(&file.names);
    mtr_buffer_release(&text);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
