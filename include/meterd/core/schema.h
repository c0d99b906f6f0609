/*
 * One row per field of a document: checks it, decodes it into a struct, and documents it.
 *
 * The same rows give the reference page, the JSON Schema and the "did you mean" of a misspelt key, so they
 * cannot drift. Documents of the catalog, tariffs, configuration and requests are all read by rows:
 *
 *   struct copy_fields {
 *       struct mtr_str key;
 *       int64_t every_us;
 *       uint64_t kept;
 *       bool kept_given;
 *       int mode;
 *   };
 *   static const char *const modes[] = {"whole", "log", NULL};
 *   static const struct mtr_field copy_rows[] = {
 *       {MTR_ROW(copy_fields, key), .type = MTR_FIELD_KEY, .required = true, .doc = "its name"},
 *       {.name = "every", MTR_ROW_AT(copy_fields, every_us), .type = MTR_FIELD_DURATION,
 *        .default_text = "1d", .min = 60000000, .doc = "from one copy to the next"},
 *       {MTR_ROW(copy_fields, kept), .type = MTR_FIELD_U64, .min = 1, .max = 365,
 *        MTR_ROW_GIVEN(copy_fields, kept_given), .doc = "how many stay; all unless given"},
 *       {MTR_ROW(copy_fields, mode), .type = MTR_FIELD_ENUM, .choices = modes, .default_text = "whole",
 *        .doc = "what is copied"},
 *       {0},
 *   };
 *
 *   struct copy_fields fields = {0};
 *   int rc = mtr_schema_decode(copy_rows, node, &arena, &fields, &findings);
 *
 * turns {key: nightly, kept: 7} into {"nightly", 86400000000, 7, true, 0}; of {key: nightly, kep: 7} it says
 * that `kep` is unknown and that `kept` was meant, with line and column.
 *
 * A table ends with a row whose name is NULL. Rows are const and shared by all threads; decoding touches
 * nothing but the arena, the struct and the findings. Decoded text is copied into the arena and lives as long
 * as it; lists become arrays of structs there. What rows cannot say (one of two fields, an order) is checked
 * by code behind them, on the decoded struct.
 */
#ifndef METERD_CORE_SCHEMA_H
#define METERD_CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"

enum mtr_field_type {
    MTR_FIELD_TEXT,     /* struct mtr_str */
    MTR_FIELD_KEY,      /* struct mtr_str: [A-Za-z0-9._:-]{1,64}, starts with a letter or digit */
    MTR_FIELD_NAME,     /* struct mtr_str: a key, or two of them with a slash between: SERVICE/KEY */
    MTR_FIELD_BOOL,     /* bool */
    MTR_FIELD_U64,      /* uint64_t, range min…max */
    MTR_FIELD_BYTES,    /* uint64_t: "64MiB", "1GiB", "4096" */
    MTR_FIELD_DURATION, /* int64_t microseconds: "35d", "250ms" */
    MTR_FIELD_TIME,     /* int64_t microseconds: date or RFC 3339 date-time */
    MTR_FIELD_QUANTITY, /* struct mtr_quantity */
    MTR_FIELD_MONEY,    /* struct mtr_money */
    MTR_FIELD_ENUM,     /* int: index into `choices` */
    MTR_FIELD_MAP,      /* struct of its own, described by `fields`; with `choices` a text that is one of them
                           stands for a map with that member, empty */
    MTR_FIELD_LIST,     /* struct mtr_list of structs described by `fields`, each `item_size` bytes */
    MTR_FIELD_TEXTS,    /* struct mtr_list of struct mtr_str */
    MTR_FIELD_LABELS,   /* struct mtr_list of struct mtr_label: free map string → string */
    MTR_FIELD_NAMED,    /* struct mtr_list of structs described by `fields`, as LIST: free map key → map; a
                           struct begins with its name, struct mtr_str */
    MTR_FIELD_NODE,     /* const struct mtr_node *: left to the caller; the document must outlive it */
    MTR_FIELD_ROW,      /* void *: what the row at `row` describes, in a struct of its own; NULL: not
                           written */
};

struct mtr_list {
    void *items;
    uint32_t count;
};

struct mtr_label {
    struct mtr_str name;
    struct mtr_str value;
};

struct mtr_field {
    const char *name;
    enum mtr_field_type type;
    size_t offset;              /* of the decoded member: offsetof(struct …, member) */
    bool required;
    bool fillable; /* something fills the document before: a required one may be left out of it; of LABELS a
                      null takes away what would be filled in */
    const char *default_text;   /* decoded as if written; NULL: member stays zero */
    const char *const *choices; /* ENUM, MAP: NULL-terminated */
    uint64_t min, max; /* U64, BYTES, DURATION (µs), bytes of a TEXT and list lengths; both 0: no bound; max
                          0: none above */
    const struct mtr_field *fields; /* MAP, LIST, NAMED */
    size_t item_size;           /* LIST, NAMED */
    bool is_factor;             /* QUANTITY, MONEY: something is multiplied by it */
    bool single;                /* LIST, TEXTS: a map or text by itself stands for a list of one */
    size_t present_offset;      /* 0, or offset + 1 of a bool that tells whether the field was written */
    const char *doc;            /* one line: what it is, its unit */
    const struct mtr_field *row; /* ROW: stands in the file of what it describes, under the same name */
    size_t own_size;            /* of a row that others point to: of the struct that it decodes into */
};

/* The row that says what the field is: itself, or the one that it points to. */
static inline const struct mtr_field *mtr_field_row(const struct mtr_field *field)
{
    return field->type == MTR_FIELD_ROW ? field->row : field;
}

/* For rows, so that each names its member once: the key and its place; the place alone, where the key is
 * another word than the member; the bool that tells whether the key was written. */
#define MTR_ROW(type, member) .name = #member, .offset = offsetof(struct type, member)
#define MTR_ROW_AT(type, member) .offset = offsetof(struct type, member)
#define MTR_ROW_GIVEN(type, member) .present_offset = offsetof(struct type, member) + 1

/* Decodes a map node into *out (zeroed by the caller), reporting every finding, not only the first; what is
 * right is decoded beside what is not. Unknown keys are errors that name the nearest valid key. A NULL node
 * decodes as an empty map. Returns MTR_EINVALID when anything was an error. */
int mtr_schema_decode(const struct mtr_field *fields, const struct mtr_node *node, struct mtr_arena *arena,
                      void *out, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Decodes one field into *out (the struct that holds it) from a text as if it were written there: the
 * value of a command line flag or an environment variable. `path` names it in findings. Texts, keys and
 * choices are taken verbatim, anything else is read as YAML. */
int mtr_schema_decode_text(const struct mtr_field *field, const char *path, struct mtr_str text,
                           struct mtr_arena *arena, void *out, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* What a MTR_FIELD_KEY takes. */
bool mtr_schema_is_key(struct mtr_str text);
/* What a MTR_FIELD_NAME takes. */
bool mtr_schema_is_name(struct mtr_str text);
/* A name without its service: what stands behind the slash, or all of it. */
struct mtr_str mtr_schema_short_name(struct mtr_str name);
/* Is it KEY, or SERVICE/KEY? */
bool mtr_schema_is_name_of(struct mtr_str name, struct mtr_str service, struct mtr_str key);
/* May both mean the same? A short name stands for that of any service. */
bool mtr_schema_may_be_same_name(struct mtr_str a, struct mtr_str b);

/* Markdown table rows: name, type, default, range, doc; nested names dotted. */
int mtr_schema_write_reference(const struct mtr_field *fields, const char *prefix,
                               struct mtr_buffer *out) MTR_MUST_USE;
/* JSON Schema (2020-12) object for the table. amounts_by_currency: where an amount may stand, a map of
 * amounts by currency may, too; who decodes has put the one for his currency in its place before. */
int mtr_schema_write_json_schema(const struct mtr_field *fields, bool amounts_by_currency,
                                 struct mtr_buffer *out) MTR_MUST_USE;

#endif
