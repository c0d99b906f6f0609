/*
 * Scalars of documents: from the text as written to the decoded member, or one plain sentence that says what
 * to write instead.
 *
 * A type that is not a plain JSON type (bytes, durations, times, decimals) may be quoted or not: its text
 * decides. The member is written only on success.
 */
#include "lib/core/document/schema_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/decimal.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

int schema_fail(struct mtr_schema_context *context, enum mtr_finding_code code, uint32_t line,
                uint32_t column, const char *format, ...)
{
    char text[sizeof(((struct mtr_diagnostic *)NULL)->text)];
    va_list args;
    if (mtr_diagnostics_drop(context->findings, code)) return MTR_EINVALID;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mtr_diagnostics_addf(context->findings, code, line, column, context->path, "%s", text);
    return MTR_EINVALID;
}

static const char *kind_text(const struct mtr_node *node)
{
    static const char *const names[] = {"null", "true or false", "a number", "a text", "a list", "a map"};
    return names[node->kind];
}

#define FAIL(node, code, ...) schema_fail(context, code, (node)->line, (node)->column, __VA_ARGS__)

/* What stands there instead of what is expected. */
static int fail_expected(struct mtr_schema_context *context, const struct mtr_node *node,
                         const char *expected)
{
    if (node->kind >= MTR_NODE_LIST)
        return FAIL(node, MTR_FINDING_FIELD_KIND, "%s, not %s", expected, kind_text(node));
    return FAIL(node, MTR_FINDING_FIELD_KIND, "%s, not `%.*s%s`", expected,
                MTR_STR_QUOTED(node->text));
}

static bool is_scalar_text(const struct mtr_node *node)
{
    return node->kind == MTR_NODE_STRING || node->kind == MTR_NODE_NUMBER;
}

bool schema_has_bounds(const struct mtr_field *field)
{
    return field->min != 0 || field->max != 0;
}

struct unit {
    const char *name;
    uint64_t size;
};

/* "4096" as "4KiB", 90000000 µs as "90s": the longest unit that divides it. */
static void format_unit(const struct unit *units, uint64_t value, char text[32])
{
    while (units[1].name && (value == 0 || value % units->size != 0)) units++;
    snprintf(text, 32, "%" PRIu64 "%s", value / units->size, value ? units->name : "");
}

static const struct unit byte_units[] = {
    {"TiB", UINT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0},
};

static void format_bytes(uint64_t bytes, char text[32])
{
    format_unit(byte_units, bytes, text);
}

static void format_duration(uint64_t us, char text[32])
{
    static const struct unit units[] = {{"d", UINT64_C(86400000000)},
                                        {"h", UINT64_C(3600000000)},
                                        {"m", 60000000},
                                        {"s", 1000000},
                                        {"ms", 1000},
                                        {"us", 1},
                                        {NULL, 0}};
    format_unit(units, us, text);
}

static void format_bound(const struct mtr_field *field, uint64_t value, char text[32])
{
    if (field->type == MTR_FIELD_BYTES) {
        format_bytes(value, text);
    } else if (field->type == MTR_FIELD_DURATION) {
        format_duration(value, text);
    } else {
        snprintf(text, 32, "%" PRIu64, value);
    }
}

void schema_format_range(const struct mtr_field *field, char text[72])
{
    char min[32], max[32];
    text[0] = '\0';
    if (!schema_has_bounds(field)) return;
    format_bound(field, field->min, min);
    format_bound(field, field->max, max);
    if (field->min == field->max) {
        snprintf(text, 72, "exactly %s", min);
    } else if (field->max == 0) {
        snprintf(text, 72, "%s or more", min);
    } else {
        snprintf(text, 72, "%s to %s", min, max);
    }
}

static bool in_bounds(const struct mtr_field *field, uint64_t value)
{
    return !schema_has_bounds(field) || (value >= field->min && (field->max == 0 || value <= field->max));
}

static int check_bounds(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, uint64_t value)
{
    char range[72];
    if (in_bounds(field, value)) return MTR_OK;
    schema_format_range(field, range);
    return FAIL(node, MTR_FINDING_FIELD_RANGE, "`%.*s%s` is out of range: %s", MTR_STR_QUOTED(node->text),
                range);
}

int schema_decode_text_node(struct mtr_schema_context *context, const struct mtr_node *node,
                            const char *expected, struct mtr_str *out)
{
    if (node->kind == MTR_NODE_BOOL)
        return FAIL(node, MTR_FINDING_FIELD_KIND, "write \"%.*s%s\" in quotes: %s is expected",
                    MTR_STR_QUOTED(node->text), expected);
    if (!is_scalar_text(node))
        return FAIL(node, MTR_FINDING_FIELD_KIND, "%s is expected, not %s", expected, kind_text(node));
    return mtr_arena_copy(context->arena, node->text, out);
}

static bool is_key_character(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return !first && (c == '.' || c == '_' || c == ':' || c == '-');
}

bool mtr_schema_is_key(struct mtr_str text)
{
    bool valid = text.size >= 1 && text.size <= MTR_KEY_BYTES_MAX;
    for (size_t i = 0; valid && i < text.size; i++) valid = is_key_character(text.data[i], i == 0);
    return valid;
}

struct mtr_str mtr_schema_short_name(struct mtr_str name)
{
    const char *slash = name.size ? memchr(name.data, '/', name.size) : NULL;
    if (!slash) return name;
    return (struct mtr_str){slash + 1, name.size - (size_t)(slash + 1 - name.data)};
}

bool mtr_schema_is_name_of(struct mtr_str name, struct mtr_str service, struct mtr_str key)
{
    const struct mtr_str own = mtr_schema_short_name(name);
    if (!mtr_str_equal(own, key)) return false;
    return own.size == name.size ||
           mtr_str_equal((struct mtr_str){name.data, name.size - own.size - 1}, service);
}

bool mtr_schema_may_be_same_name(struct mtr_str a, struct mtr_str b)
{
    const struct mtr_str short_a = mtr_schema_short_name(a), short_b = mtr_schema_short_name(b);
    const bool both_qualified = short_a.size != a.size && short_b.size != b.size;
    return mtr_str_equal(short_a, short_b) && (!both_qualified || mtr_str_equal(a, b));
}

bool mtr_schema_is_name(struct mtr_str text)
{
    const struct mtr_str key = mtr_schema_short_name(text);
    const size_t service_size = text.size - key.size;
    return mtr_schema_is_key(key) &&
           (service_size == 0 || mtr_schema_is_key((struct mtr_str){text.data, service_size - 1}));
}

static int decode_name(struct mtr_schema_context *context, const struct mtr_node *node, struct mtr_str *out)
{
    struct mtr_str name;
    int rc = schema_decode_text_node(context, node, "a key", &name);
    if (rc) return rc;
    if (!mtr_schema_is_name(name))
        return FAIL(node, MTR_FINDING_FIELD_KEY,
                    "`%.*s%s` is no key, or SERVICE/KEY: each is 1 to %d of letters, digits and . _ : -",
                    MTR_STR_QUOTED(name), MTR_KEY_BYTES_MAX);
    *out = name;
    return MTR_OK;
}

static int decode_key(struct mtr_schema_context *context, const struct mtr_node *node, struct mtr_str *out)
{
    struct mtr_str key;
    int rc = schema_decode_text_node(context, node, "a key", &key);
    if (rc) return rc;
    if (!mtr_schema_is_key(key))
        return FAIL(
            node, MTR_FINDING_FIELD_KEY,
            "`%.*s%s` is no key: 1 to %d of letters, digits and . _ : -, starting with a letter or digit",
            MTR_STR_QUOTED(key), MTR_KEY_BYTES_MAX);
    *out = key;
    return MTR_OK;
}

static int decode_text(struct mtr_schema_context *context, const struct mtr_field *field,
                       const struct mtr_node *node, struct mtr_str *out)
{
    struct mtr_str text;
    int rc = schema_decode_text_node(context, node, "a text", &text);
    if (rc) return rc;
    if (!in_bounds(field, text.size)) {
        char range[72];
        schema_format_range(field, range);
        return FAIL(node, MTR_FINDING_FIELD_LENGTH, "the text has %zu bytes; allowed are %s", text.size,
                    range);
    }
    *out = text;
    return MTR_OK;
}

static int decode_bool(struct mtr_schema_context *context, const struct mtr_node *node, bool *out)
{
    if (node->kind != MTR_NODE_BOOL) return fail_expected(context, node, "true or false is expected");
    *out = node->truth;
    return MTR_OK;
}

static int decode_u64(struct mtr_schema_context *context, const struct mtr_field *field,
                      const struct mtr_node *node, uint64_t *out)
{
    uint64_t value;
    if (node->kind == MTR_NODE_STRING && mtr_str_to_u64(node->text, &value))
        return FAIL(node, MTR_FINDING_FIELD_KIND, "write the number without quotes");
    if (node->kind != MTR_NODE_NUMBER || !mtr_str_to_u64(node->text, &value))
        return fail_expected(context, node, "a whole number is expected, as 10");
    int rc = check_bounds(context, field, node, value);
    if (!rc) *out = value;
    return rc;
}

static bool parse_bytes(struct mtr_str text, uint64_t *out)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    if (!mtr_str_to_u64((struct mtr_str){text.data, digits}, &value)) return false;
    struct mtr_str suffix = {text.data + digits, text.size - digits};
    for (const struct unit *unit = byte_units; unit->name; unit++)
        if (mtr_str_equal(suffix, mtr_str_from(unit->name)))
            return !__builtin_mul_overflow(value, unit->size, out);
    return false;
}

static int decode_bytes(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, uint64_t *out)
{
    uint64_t value;
    if (!is_scalar_text(node) || !parse_bytes(node->text, &value))
        return fail_expected(context, node, "a size is expected, as 4096, 64KiB, 16MiB or 1GiB");
    int rc = check_bounds(context, field, node, value);
    if (!rc) *out = value;
    return rc;
}

static int decode_duration(struct mtr_schema_context *context, const struct mtr_field *field,
                           const struct mtr_node *node, int64_t *out)
{
    int64_t value;
    if (!is_scalar_text(node) || mtr_duration_parse(node->text, &value) || value < 0)
        return fail_expected(context, node, "a duration is expected, as 250ms, 90s, 15m, 2h or 35d");
    int rc = check_bounds(context, field, node, (uint64_t)value);
    if (!rc) *out = value;
    return rc;
}

static int decode_time(struct mtr_schema_context *context, const struct mtr_node *node, int64_t *out)
{
    char sentence[MTR_DATE_FAULT_BYTES];
    if (!is_scalar_text(node))
        return fail_expected(context, node,
                             "a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z");
    if (mtr_time_parse_date(node->text, out) == MTR_OK) return MTR_OK;
    mtr_date_fault(node->text, sentence);
    return FAIL(node, MTR_FINDING_FIELD_TIME, "%s", sentence);
}

static int fail_decimal(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, int rc, unsigned digits, const char *most)
{
    char sentence[MTR_NUMBER_FAULT_BYTES];
    if (rc == MTR_EPRECISION)
        return FAIL(node, MTR_FINDING_FIELD_DIGITS, "`%.*s%s` has more than %u digits after the point",
                    MTR_STR_QUOTED(node->text), digits);
    if (rc == MTR_EOVERFLOW)
        return FAIL(node, MTR_FINDING_FIELD_RANGE, "`%.*s%s` is too large: at most %s",
                    MTR_STR_QUOTED(node->text), most);
    if (!is_scalar_text(node)) return fail_expected(context, node, "a number is expected, as 12 or 0.05");
    if (field->is_factor) mtr_factor_fault(node->text, sentence);
    else mtr_number_fault(node->text, sentence);
    return FAIL(node, MTR_FINDING_FIELD_NUMBER, "%s", sentence);
}

static int decode_quantity(struct mtr_schema_context *context, const struct mtr_field *field,
                           const struct mtr_node *node, struct mtr_quantity *out)
{
    int rc = is_scalar_text(node) ? mtr_quantity_parse(node->text, out) : MTR_EINVALID;
    return rc ? fail_decimal(context, field, node, rc, MTR_QUANTITY_DIGITS, MTR_QUANTITY_MAX_TEXT) : MTR_OK;
}

static int decode_money(struct mtr_schema_context *context, const struct mtr_field *field,
                        const struct mtr_node *node, struct mtr_money *out)
{
    int rc = is_scalar_text(node) ? mtr_money_parse(node->text, out) : MTR_EINVALID;
    return rc ? fail_decimal(context, field, node, rc, MTR_MONEY_DIGITS, MTR_MONEY_MAX_TEXT) : MTR_OK;
}

/* The rows of the member that the text names: where it stands for a map, it was to be one. NULL: of none. */
static const struct mtr_field *fields_of_word(const struct mtr_field *field, const struct mtr_node *node)
{
    if (field->type != MTR_FIELD_MAP || !is_scalar_text(node)) return NULL;
    for (const struct mtr_field *member = field->fields; member->name; member++)
        if (mtr_str_equal(node->text, mtr_str_from(member->name)))
            return member->type == MTR_FIELD_ROW ? member->row->fields : member->fields;
    return NULL;
}

static int fail_bare_word(struct mtr_schema_context *context, const struct mtr_node *node,
                          const struct mtr_field *fields)
{
    char list[MTR_FINDING_TEXT_BYTES / 2] = "";
    size_t used = 0;
    for (const struct mtr_field *field = fields; field->name && used < sizeof(list); field++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", field->name);
    return FAIL(node, MTR_FINDING_FIELD_CHOICE,
                "`%.*s` has keys of its own: write {%.*s: {…}} with those of %s that are meant",
                MTR_STR_ARGS(node->text), MTR_STR_ARGS(node->text), list);
}

int schema_decode_choice(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, int *out)
{
    char list[MTR_FINDING_TEXT_BYTES / 2] = "";
    size_t used = 0;
    const char *const or_map = field->type == MTR_FIELD_MAP ? ", or a map" : "";
    for (int i = 0; field->choices[i]; i++) {
        if (mtr_str_equal(node->text, mtr_str_from(field->choices[i])) && node->kind < MTR_NODE_LIST) {
            *out = i;
            return MTR_OK;
        }
        if (used < sizeof(list))
            used +=
                (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", field->choices[i]);
    }
    if (!is_scalar_text(node))
        return FAIL(node, MTR_FINDING_FIELD_KIND, "one of %s%s is expected, not %s", list, or_map,
                    kind_text(node));
    const struct mtr_field *fields = fields_of_word(field, node);
    if (fields) return fail_bare_word(context, node, fields);
    char meant[MTR_MEANT_BYTES];
    return FAIL(node, MTR_FINDING_FIELD_CHOICE, "`%.*s%s` is not one of %s%s%s", MTR_STR_QUOTED(node->text),
                list, or_map, mtr_str_meant_of(node->text, field->choices, meant));
}

int schema_decode_scalar(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, void *member)
{
    switch (field->type) {
    case MTR_FIELD_TEXT: return decode_text(context, field, node, member);
    case MTR_FIELD_KEY: return decode_key(context, node, member);
    case MTR_FIELD_NAME: return decode_name(context, node, member);
    case MTR_FIELD_BOOL: return decode_bool(context, node, member);
    case MTR_FIELD_U64: return decode_u64(context, field, node, member);
    case MTR_FIELD_BYTES: return decode_bytes(context, field, node, member);
    case MTR_FIELD_DURATION: return decode_duration(context, field, node, member);
    case MTR_FIELD_TIME: return decode_time(context, node, member);
    case MTR_FIELD_QUANTITY: return decode_quantity(context, field, node, member);
    case MTR_FIELD_MONEY: return decode_money(context, field, node, member);
    case MTR_FIELD_ENUM: return schema_decode_choice(context, field, node, member);
    default: MTR_ASSERT(!"a scalar type"); return MTR_EINVALID;
    }
}
