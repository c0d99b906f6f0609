/*
 * API keys: their rows, and what rows cannot say: the hash as bytes, the scopes as bits. The secret itself is
 * in no document.
 */
#include "lib/catalog/record.h"

#include <sodium.h>

#define LIMIT(limit, type_, max_, doc_) \
    {.name = #limit, MTR_ROW_AT(mtr_api_key_limits, limit.value), .type = type_, .max = max_, \
     MTR_ROW_GIVEN(mtr_api_key_limits, limit.is_given), .doc = doc_}
#define BILLION UINT64_C(1000000000)
#define BYTES_MAX (UINT64_C(64) << 30)

static const struct mtr_field limit_rows[] = {
    LIMIT(requests_per_second, MTR_FIELD_U64, BILLION,
          "requests; over it 429. 0: no limit; not given: as section limits of the configuration says, of "
          "scope admin no limit"),
    LIMIT(request_burst, MTR_FIELD_U64, BILLION,
          "so many at once; 0, as of every burst: those of ten seconds"),
    LIMIT(bytes_per_second, MTR_FIELD_BYTES, BYTES_MAX, "bytes of bodies, as sent"),
    LIMIT(byte_burst, MTR_FIELD_BYTES, BYTES_MAX, "so many at once"),
    LIMIT(events_per_second, MTR_FIELD_U64, BILLION, "events; a request is taken whole or not at all"),
    LIMIT(event_burst, MTR_FIELD_U64, BILLION, "so many at once"),
    LIMIT(queries_max, MTR_FIELD_U64, 100000, "calls other than of events at the same time"),
    {0},
};

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_api_key_fields, key), .type = MTR_FIELD_KEY,
     .doc = "its name; never the secret"},
    {.name = "sha256", MTR_ROW_AT(mtr_api_key_fields, sha256_hex), .type = MTR_FIELD_TEXT, .required = true,
     .min = 64, .max = 64, .doc = "SHA-256 of the secret, in hexadecimal"},
    {.name = "scopes", MTR_ROW_AT(mtr_api_key_fields, scope_names), .type = MTR_FIELD_TEXTS, .required = true,
     .min = 1, .max = 4, .doc = "of ingest, query, billing, admin"},
    {MTR_ROW(mtr_api_key_fields, vendor), .type = MTR_FIELD_KEY,
     .doc = "key of the vendor whose events it may send and usage it may see; none: an operator's"},
    {MTR_ROW(mtr_api_key_fields, limits), .type = MTR_FIELD_MAP, .fields = limit_rows,
     .doc = "what it may ask for"},
    {MTR_ROW(mtr_api_key_fields, disabled), .type = MTR_FIELD_BOOL, .default_text = "false",
     .doc = "refused from now on"},
    {MTR_ROW(mtr_api_key_fields, retired), .type = MTR_FIELD_TEXT,
     .doc = "refused from then on: a date (midnight in UTC) or an instant"},
    {0},
};

enum { SCOPES = 4 };
static const char *const names[SCOPES] = {"ingest", "query", "billing", "admin"};

static struct mtr_str scope_at(const void *context, unsigned i)
{
    (void)context;
    return i < SCOPES ? mtr_str_from(names[i]) : (struct mtr_str){NULL, 0};
}

static int finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    char meant[MTR_MEANT_BYTES];
    struct mtr_api_key_fields *f = &record->fields.api_key;
    const struct mtr_str *scopes = f->scope_names.items;
    size_t size = 0;
    (void)zones;
    if (sodium_hex2bin(f->sha256, sizeof(f->sha256), f->sha256_hex.data, f->sha256_hex.size, NULL, &size,
                       NULL) ||
        size != sizeof(f->sha256))
        record_fail(record, MTR_FINDING_CATALOG_API_KEY_SECRET, "sha256", findings,
                    "64 hexadecimal digits are expected, as `sha256sum` prints");
    for (uint32_t i = 0; i < f->scope_names.count; i++) {
        unsigned k = 0;
        while (k < SCOPES && !mtr_str_equal(scopes[i], mtr_str_from(names[k]))) k++;
        if (k < SCOPES)
            f->scopes |= 1u << k;
        else
            record_fail(record, MTR_FINDING_CATALOG_API_KEY_SCOPE, "scopes", findings,
                        "`%.*s%s` is not one of ingest, query, billing, admin%s", MTR_STR_QUOTED(scopes[i]),
                        mtr_str_meant(scopes[i], scope_at, NULL, meant));
    }
    if ((f->scopes & MTR_SCOPE_INGEST) && f->vendor.size == 0)
        record_fail(record, MTR_FINDING_CATALOG_API_KEY_SCOPE, "scopes", findings,
                    "a key with scope ingest needs a vendor: events belong to one");
    record_read_time(record, "retired", f->retired, &record->retired, findings);
    return MTR_OK;
}

const struct mtr_kind api_key_kind = {
    .id = MTR_KIND_API_KEY,
    .name = "api_key",
    .plural = "api_keys",
    .fields = rows,
    .finish = finish,
    .deletable = true,
};
