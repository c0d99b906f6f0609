/*
 * What a map that goes out as JSON looks like: one row per member, by which it is written and described.
 *
 * schema.h reads documents by rows; this is the other direction. A writer fills a struct in and hands it over
 * with its shape; the JSON text, the cell of a CSV file and the JSON Schema come out of the same rows, so
 * that what is promised is what is sent:
 *
 *   struct ack_row { uint64_t up_to; };
 *   static const struct mtr_json_member ack_members[] = {
 *       {MTR_MEMBER(ack_row, up_to), .type = MTR_MEMBER_U64, .doc = "everything up to it is acknowledged"},
 *       {0},
 *   };
 *   static const struct mtr_shape ack_shape = {"AckResult", ack_members};
 *   …
 *   mtr_shape_write(&ack_shape, &(struct ack_row){.up_to = 7}, &json);      {"up_to":7}
 *
 * A member is always there, or it may be left out, or it may be null; which of these is part of the promise:
 * those that are always there are `required` in the schema. A member that may be missing is there when the
 * bool at present_offset says so; without one, when its text is not NULL.
 *
 * A table ends with a row whose name is NULL. Shapes are constants; nothing here allocates but through the
 * writer's buffer, and nothing is kept.
 */
#ifndef METERD_CORE_SHAPE_H
#define METERD_CORE_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "meterd/core/json_writer.h"
#include "meterd/core/schema.h"

enum mtr_json_member_type {
    MTR_MEMBER_TEXT,     /* struct mtr_str */
    MTR_MEMBER_WORD,     /* const char *: what `choice` lists, or anything without it */
    MTR_MEMBER_CURRENCY, /* struct mtr_str: three letters */
    MTR_MEMBER_DATE,     /* struct mtr_str: "2026-03-01" */
    MTR_MEMBER_DECIMAL,  /* struct mtr_str: an exact decimal that is text already */
    MTR_MEMBER_BOOL,     /* bool */
    MTR_MEMBER_U32,      /* uint32_t */
    MTR_MEMBER_U64,      /* uint64_t */
    MTR_MEMBER_I64,      /* int64_t */
    MTR_MEMBER_TIME,     /* int64_t, µs since 1970; written in UTC */
    MTR_MEMBER_LOCAL,    /* struct mtr_local_time; written with its zone's offset */
    MTR_MEMBER_QUANTITY, /* struct mtr_quantity; a string */
    MTR_MEMBER_MONEY,    /* struct mtr_shown_money; a string */
    MTR_MEMBER_LABELS,   /* struct mtr_list of struct mtr_label: a map of texts */
    MTR_MEMBER_TEXTS,    /* struct mtr_list of struct mtr_str */
    MTR_MEMBER_MAP,      /* a struct of `shape` inside the row */
    MTR_MEMBER_LIST,     /* struct mtr_list of structs of `shape`, each item_size bytes */
    MTR_MEMBER_JSON,     /* struct mtr_str: one value of `shape` that is JSON already */
    MTR_MEMBER_JSON_LIST /* struct mtr_str: a list of values of `shape` that is JSON already */
};

enum mtr_json_member_presence { MTR_ALWAYS, MTR_MAY_LACK, MTR_MAY_BE_NULL };

struct mtr_local_time {
    int64_t time_us;
    int32_t offset_s; /* of the zone at that time */
};

struct mtr_shown_money {
    struct mtr_money amount;
    unsigned digits_min; /* of the currency's fraction */
};

struct mtr_shape;

struct mtr_json_member {
    const char *name;
    enum mtr_json_member_type type;
    size_t offset; /* offsetof(struct …, member) */
    enum mtr_json_member_presence presence;
    size_t present_offset;                 /* 0, or offset + 1 of a bool that tells whether it is there */
    const char *(*choice)(unsigned index); /* WORD: all that it may be, NULL after the last */
    const struct mtr_shape *shape;         /* MAP, LIST, JSON, JSON_LIST */
    size_t item_size;                      /* LIST */
    /* Writes the value out of the row itself; `type` only describes it. */
    void (*write)(struct mtr_json_writer *json, const void *row);
    const char *doc; /* one sentence: what it is, its unit */
};

/* The beginning of a row: the member's name is the field's; and the bool that tells whether it is there. */
#define MTR_MEMBER(type_name, field) .name = #field, .offset = offsetof(struct type_name, field)
#define MTR_PRESENT(type_name, flag) .present_offset = offsetof(struct type_name, flag) + 1

/* What it looks like is said by members, fields, one_or_many, schema or describe. */
struct mtr_shape {
    /* Of the schema in a set of schemas: others refer to it. NULL: written where it is used. */
    const char *name;
    const struct mtr_json_member *members;
    const struct mtr_field *fields;      /* what is read by rows of schema.h */
    bool amounts_by_currency;            /* of fields: see mtr_schema_write_json_schema */
    const struct mtr_shape *one_or_many; /* one of these, or a list of them */
    const char *schema;                  /* a JSON Schema, for what has no rows */
    void (*describe)(const char *references, struct mtr_json_writer *json); /* writes one */
};

/* The row as a map. */
void mtr_shape_write(const struct mtr_shape *shape, const void *row, struct mtr_json_writer *json);

/* The member of that name, or NULL. */
const struct mtr_json_member *mtr_shape_member(const struct mtr_shape *shape, struct mtr_str name);

/* The member's value as one cell of a CSV file: empty when it is not there, a map or list as JSON. */
int mtr_json_member_write_cell(const struct mtr_json_member *member, const void *row,
                               struct mtr_buffer *out) MTR_MUST_USE;

/* The schema (2020-12) of a shape as one value. Shapes with a name inside of it are references that begin
 * with `references`, as "#/components/schemas/". */
void mtr_shape_write_schema(const struct mtr_shape *shape, const char *references,
                            struct mtr_json_writer *json);

/* Where a shape is used: a reference when it has a name, else its schema. */
void mtr_shape_write_reference(const struct mtr_shape *shape, const char *references,
                               struct mtr_json_writer *json);

#endif
