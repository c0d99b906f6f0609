/*
 * What is expected is a line that says of which document, and the columns' text behind it; see drift.h.
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

static int expect(const char *head, struct mtr_str columns, struct drift *out)
{
    int rc = mtr_buffer_append(&out->columns, head, HEAD_BYTES);
    return rc ? rc : mtr_buffer_append(&out->columns, columns.data, columns.size);
}

static int compare(const struct mtr_source *source, const char *head, struct mtr_str known,
                   struct mtr_str now, struct drift *out)
{
    const bool is_exact = source->expect.columns == MTR_COLUMNS_EXACT;
    const struct columns_change change = columns_compare(known, now);
    if (change.gone || (is_exact && change.added)) write_text(&change, is_exact, out);
    out->refuses = is_exact && out->text[0];
    if (out->refuses) return expect(head, now, out);
    int rc = mtr_buffer_append(&out->columns, head, HEAD_BYTES);
    return rc ? rc : columns_merge(known, now, &out->columns);
}

static int find(const struct mtr_source *source, struct mtr_str expected, struct mtr_str now,
                struct drift *out)
{
    char head[HEAD_BYTES + 1];
    write_head(source, head);
    const bool is_of_document = expected.size >= HEAD_BYTES && !memcmp(expected.data, head, HEAD_BYTES);
    const struct mtr_str known = {expected.data + HEAD_BYTES, expected.size - HEAD_BYTES};
    int rc = is_of_document ? compare(source, head, known, now, out) : expect(head, now, out);
    const bool is_same = mtr_str_equal(mtr_buffer_str(&out->columns), expected);
    if (!rc && (is_same || out->columns.size > MTR_LEDGER_COLUMNS_BYTES_MAX))
        mtr_buffer_reset(&out->columns);
    return rc;
}

int drift_find(const struct mtr_source *source, struct mtr_str expected, const struct columns *seen,
               struct drift *out)
{
    struct mtr_buffer now;
    *out = (struct drift){.refuses = false};
    mtr_buffer_init(&out->columns, 4 * MTR_LEDGER_COLUMNS_BYTES_MAX);
    if (source->expect.columns == MTR_COLUMNS_ANY) return MTR_OK;
    mtr_buffer_init(&now, COLUMNS_MAX * (COLUMN_NAME_BYTES_MAX + 2) + 1);
    int rc = columns_write(seen, &now);
    if (!rc) rc = find(source, expected, mtr_buffer_str(&now), out);
    mtr_buffer_release(&now);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
