/*
 * What is expected is a line that says of which document, the columns' text behind it, and behind an empty
 * line which of the map's columns have values; see drift.h.
 */
#include "collector/rows/columns/drift.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "meterd/core/error.h"
#include "meterd/store/ledger.h"

enum { HEAD_BYTES = 18 }; /* '@', 16 hex digits, a line end */

static uint64_t hash_text(struct mtr_str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.size ? text.data : "", text.size, seed + text.size);
}

static void write_head(const struct mtr_source *source, char out[HEAD_BYTES + 1])
{
    uint64_t hash = (uint64_t)source->expect.columns + ((uint64_t)source->map.format.kind << 8);
    hash = hash_text(source->map.format.rows, hash);
    for (uint32_t i = 0; i < source->map.column_count; i++) hash = hash_text(source->map.columns[i], hash);
    snprintf(out, HEAD_BYTES + 1, "@%016" PRIx64 "\n", hash);
}

void drift_release(struct drift *drift) { mtr_buffer_release(&drift->columns); }

static void write_text(const struct columns_change *change, bool is_exact, struct drift *out)
{
    char gone[104] = "", added[88] = "";
    if (change->gone)
        snprintf(gone, sizeof(gone), "no row has `%s`%s", change->gone_name,
                 change->gone > 1 ? " and others, which all had" : ", which all had");
    if (change->added && is_exact)
        snprintf(added, sizeof(added), "`%s`%s new", change->added_name,
                 change->added > 1 ? " and others are" : " is");
    snprintf(out->text, sizeof(out->text), "%s%s%s%s", gone, gone[0] && added[0] ? ", and " : "", added,
             is_exact ? ": `expect.columns` is exact" : "");
}

/* The member of a record in which a column of the map stands. */
static struct mtr_str member_of(struct mtr_str path)
{
    if (mtr_str_starts_with(path, MTR_STR("[\""))) {
        const char *end = memchr(path.data + 2, '"', path.size - 2);
        return (struct mtr_str){path.data + 2, end ? (size_t)(end - path.data) - 2 : 0};
    }
    size_t size = 0;
    while (size < path.size && path.data[size] != '.' && path.data[size] != '[') size++;
    return (struct mtr_str){path.data, size};
}

/* A record's member whose whole name is the path goes before (meterd/source/row_path.h). */
static bool is_mapped_one_gone(const struct mtr_source *source, struct mtr_str known, struct mtr_str now)
{
    for (uint32_t i = 0; i < source->map.column_count; i++) {
        const struct mtr_str path = source->map.columns[i];
        if (columns_lack(known, now, path) || columns_lack(known, now, member_of(path))) return true;
    }
    return false;
}

struct expected {
    struct mtr_str names, values; /* of texts before there were any: empty */
    bool has_no_names;            /* nobody knows them: that they are not there says nothing */
};

/* Names end with a line, and none is empty. */
static struct expected expected_of(struct mtr_str text)
{
    const char *end = text.size && text.data[0] == '\n' ? text.data : NULL;
    for (size_t i = 1; !end && i < text.size; i++)
        if (text.data[i] == '\n' && text.data[i - 1] == '\n') end = text.data + i;
    if (!end) return (struct expected){text, {NULL, 0}, !text.size};
    const size_t size = (size_t)(end - text.data), behind = text.size - size - 1;
    const struct mtr_str values = {end + 1, behind - (behind > 0)}; /* less a line's end */
    return (struct expected){{text.data, size}, values, !size};
}

static int write_expected(struct mtr_buffer *out, struct mtr_str names, struct mtr_str values)
{
    int rc = mtr_buffer_append(out, names.data, names.size);
    return rc || !values.size ? rc : mtr_buffer_printf(out, "\n%.*s\n", MTR_STR_ARGS(values));
}

static int expect(const char *head, const struct expected *now, struct drift *out)
{
    int rc = mtr_buffer_append(&out->columns, head, HEAD_BYTES);
    return rc ? rc : write_expected(&out->columns, now->names, now->values);
}

static int expect_both(const char *head, const struct expected *known, const struct expected *now,
                       struct drift *out)
{
    struct mtr_buffer values;
    mtr_buffer_init(&values, MTR_RECORD_COLUMNS_MAX + 1);
    int rc = mtr_buffer_append(&out->columns, head, HEAD_BYTES);
    if (!rc) rc = columns_merge(known->names, now->names, &out->columns);
    if (!rc) rc = column_values_merge(known->values, now->values, &values);
    if (!rc) rc = write_expected(&out->columns, (struct mtr_str){NULL, 0}, mtr_buffer_str(&values));
    mtr_buffer_release(&values);
    return rc;
}

/* Every row had a value of a column that the map uses, and none has one. */
static void doubt_empty(const struct mtr_source *source, const struct expected *known,
                        const struct expected *now, struct drift *out)
{
    const int32_t gone = column_values_gone(known->values, now->values);
    if (gone < 0) return;
    out->verdict = DRIFT_DOUBTED;
    if (!out->text[0])
        snprintf(out->text, sizeof(out->text), "no row has a value of `%.*s`, where all had one",
                 MTR_STR_ARGS(mtr_str_quoted(source->map.columns[gone], 60)));
}

static int compare(const struct mtr_source *source, const char *head, const struct expected *known,
                   const struct expected *now, struct drift *out)
{
    const bool is_exact = source->expect.columns == MTR_COLUMNS_EXACT;
    const struct columns_change change = columns_compare(known->names, now->names);
    if (change.gone || (is_exact && change.added)) write_text(&change, is_exact, out);
    if (is_exact && out->text[0]) {
        out->verdict = DRIFT_REFUSED;
        return expect(head, now, out);
    }
    if (change.gone && is_mapped_one_gone(source, known->names, now->names)) out->verdict = DRIFT_DOUBTED;
    doubt_empty(source, known, now, out);
    return expect_both(head, known, now, out);
}

static int find(const struct mtr_source *source, struct mtr_str expected, struct expected *now,
                struct drift *out)
{
    char head[HEAD_BYTES + 1];
    write_head(source, head);
    const bool is_of_document = expected.size >= HEAD_BYTES && !memcmp(expected.data, head, HEAD_BYTES);
    struct expected known = *now;
    if (is_of_document)
        known = expected_of((struct mtr_str){expected.data + HEAD_BYTES, expected.size - HEAD_BYTES});
    if (now->has_no_names) now->names = known.names;
    if (known.has_no_names) known.names = now->names;
    int rc = is_of_document ? compare(source, head, &known, now, out) : expect(head, now, out);
    const bool is_same = mtr_str_equal(mtr_buffer_str(&out->columns), expected);
    if (!rc && (is_same || out->columns.size > MTR_LEDGER_COLUMNS_BYTES_MAX))
        mtr_buffer_reset(&out->columns);
    return rc;
}

int drift_find(const struct mtr_source *source, struct mtr_str expected, const struct columns *seen,
               struct drift *out)
{
    struct mtr_buffer names, values;
    *out = (struct drift){.verdict = DRIFT_TAKEN};
    mtr_buffer_init(&out->columns, 4 * MTR_LEDGER_COLUMNS_BYTES_MAX);
    if (source->expect.columns == MTR_COLUMNS_ANY) return MTR_OK;
    mtr_buffer_init(&names, COLUMNS_MAX * (COLUMN_NAME_BYTES_MAX + 2) + 1);
    mtr_buffer_init(&values, MTR_RECORD_COLUMNS_MAX + 1);
    int rc = columns_write(seen, &names);
    const bool has_no_names = rc == MTR_ENOTFOUND;
    if (has_no_names) mtr_buffer_reset(&names);
    if (!rc || has_no_names) rc = column_values_write(&seen->values, &values);
    struct expected now = {mtr_buffer_str(&names), mtr_buffer_str(&values), has_no_names};
    if (!rc && (!has_no_names || now.values.size)) rc = find(source, expected, &now, out);
    mtr_buffer_release(&names);
    mtr_buffer_release(&values);
    return rc;
}
