/*
 * What drivers give: counts and wants that all formats have.
 */
#include "collector/rows/record_format.h"

static int keep_found(struct record_found *found, enum mtr_found_kind kind, struct mtr_str text)
{
    found->kind = kind;
    found->is_cut = text.size > MTR_FOUND_BYTES_MAX;
    mtr_buffer_reset(&found->text);
    return mtr_buffer_append(&found->text, text.data, found->is_cut ? MTR_FOUND_BYTES_MAX : text.size);
}

int record_keep_found(struct record_out *out, uint32_t want, enum mtr_found_kind kind, struct mtr_str text,
                      uint32_t count)
{
    struct record_found *found = &out->founds[want];
    MTR_ASSERT(want < out->want_count);
    found->count = count;
    return keep_found(found, kind, text);
}

static int keep_wants(struct record_out *out, const struct mtr_str *cells)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < out->want_count; i++) {
        struct record_found *found = &out->founds[i];
        const enum mtr_record_want_of of = out->wants[i].of;
        if (of == MTR_WANT_OF_DOCUMENT || (of == MTR_WANT_OF_FIRST_RECORD && out->count > 1)) continue;
        const struct mtr_str cell = cells[found->column];
        rc = keep_found(found, cell.data ? MTR_FOUND_TEXT : MTR_FOUND_NOTHING, cell);
    }
    return rc;
}

int record_give(struct record_out *out, const struct mtr_str *cells, struct mtr_record_place *place)
{
    place->number = ++out->count;
    int rc = out->has_record_wants ? keep_wants(out, cells) : MTR_OK;
    return rc ? rc : out->hooks.on_record(out->hooks.context, cells, place);
}

static int tell(struct record_out *out, enum mtr_finding_code code, const struct mtr_record_place *place,
                const char *text)
{
    struct mtr_diagnostic problem;
    mtr_diagnostic_set(&problem, code, (uint32_t)place->line, (uint32_t)place->column, NULL, "%s", text);
    problem.offset = place->offset;
    out->problems++;
    return out->hooks.on_problem(out->hooks.context, &problem, place);
}

int record_refuse(struct record_out *out, enum mtr_finding_code code, struct mtr_record_place *place,
                  const char *text)
{
    place->number = ++out->count;
    return tell(out, code, place, text);
}

int record_stop(struct record_out *out, enum mtr_finding_code code, struct mtr_record_place *place,
                const char *text)
{
    place->number = 0;
    int rc = tell(out, code, place, text);
    return rc ? rc : MTR_EINVALID;
}
