/*
 * Destinations: their rows, and that one has somewhere to post to.
 *
 * Documents of earlier versions may say `kind: pull`, for receivers who fetch their charges: those need no
 * document. Stored ones are read as disabled, so that a catalog that has one still opens; new ones are
 * refused.
 */
#include "lib/catalog/record.h"

static const char *const kinds[] = {"http", NULL};

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_destination_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(mtr_destination_fields, kind), .type = MTR_FIELD_ENUM, .required = true,
     .choices = kinds, .doc = "http: charges are posted to url"},
    {MTR_ROW(mtr_destination_fields, url), .type = MTR_FIELD_TEXT, .min = 8, .max = 2048,
     .doc = "of http"},
    {MTR_ROW(mtr_destination_fields, secret_files), .type = MTR_FIELD_TEXTS, .max = 4,
     .doc = "of http: files that hold a signing secret whsec_<base64>; the first signs first"},
    {MTR_ROW(mtr_destination_fields, batch_max), .type = MTR_FIELD_U64,
     .default_text = "100", .min = 1, .max = 10000, .doc = "charges in one message"},
    {.name = "timeout", MTR_ROW_AT(mtr_destination_fields, timeout_us), .type = MTR_FIELD_DURATION,
     .default_text = "30s", .min = 100000, .max = 600000000, .doc = "of one message"},
    {MTR_ROW(mtr_destination_fields, drafts), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "draft charges too"},
    {MTR_ROW(mtr_destination_fields, disabled), .type = MTR_FIELD_BOOL,
     .default_text = "false", .doc = "nothing is sent; nothing is lost"},
    {0},
};

static bool is_pull(const struct mtr_node *node)
{
    const struct mtr_node *kind = node->kind == MTR_NODE_MAP ? mtr_node_get(node, "kind") : NULL;
    return kind && mtr_str_equal(kind->text, MTR_STR("pull"));
}

static int read_pull(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    if (record->stored) {
        record->fields.destination = (struct mtr_destination_fields){
            .key = record->key, .kind = MTR_DESTINATION_HTTP, .disabled = true};
        return MTR_OK;
    }
    record_fail(record, MTR_FINDING_CATALOG_DESTINATION_KIND, "kind", findings,
                "who fetches charges (GET /v1/charges) needs no document: pull is no kind any more");
    return MTR_EINVALID;
}

static int read(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    (void)zones;
    const struct mtr_destination_fields *f = &record->fields.destination;
    if (is_pull(record->node)) return read_pull(record, findings);
    int rc = record_read_rows(record, findings);
    if (rc) return rc;
    if (mtr_str_starts_with(f->url, MTR_STR("http://")) || mtr_str_starts_with(f->url, MTR_STR("https://")))
        return MTR_OK;
    record_fail(record, MTR_FINDING_CATALOG_DESTINATION_URL, "url", findings,
                "a url that starts with https:// (or http://) is needed");
    return MTR_EINVALID;
}

const struct mtr_kind destination_kind = {
    .id = MTR_KIND_DESTINATION,
    .name = "destination",
    .plural = "destinations",
    .fields = rows,
    .read = read,
};
