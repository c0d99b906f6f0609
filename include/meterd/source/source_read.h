/*
 * Reading a source's document into its model (source.h): the preset's values are put where nothing is
 * written, every key is decoded and checked, and what holds between keys, too.
 *
 * Each thing that is wrong is a finding at its place, and the rest is read on. Pure: presets are part of the
 * program, no file is looked at but those of time zones.
 */
#ifndef METERD_SOURCE_SOURCE_READ_H
#define METERD_SOURCE_SOURCE_READ_H

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"
#include "meterd/core/schema.h"
#include "meterd/core/zone.h"
#include "meterd/source/source.h"

/* Where zones come from: they live at least as long as the model. Errors as mtr_zone_open. */
struct mtr_source_zones {
    int (*get)(void *context, struct mtr_str name, struct mtr_zone **out);
    void *context;
};

/* Its rows, for references and JSON Schemas. */
extern const struct mtr_field mtr_source_fields[];

/* `node` is the document, a map; it may go when this returns. Errors: MTR_EINVALID with findings, MTR_ENOMEM.
 * Warnings alone are MTR_OK. */
int mtr_source_read(const struct mtr_node *node, const struct mtr_source_zones *zones,
                    struct mtr_arena *arena, struct mtr_source *out,
                    struct mtr_diagnostics *findings) MTR_MUST_USE;

/* The document with its preset's values where it says nothing: *out borrows from node and arena. A preset
 * that is none is a finding. Errors as above. */
int mtr_source_fill(const struct mtr_node *node, struct mtr_arena *arena, const struct mtr_node **out,
                    struct mtr_diagnostics *findings) MTR_MUST_USE;

/* A preset: a document without key and vendor. */
struct mtr_source_preset {
    const char *key;  /* "prometheus" */
    const char *doc;  /* one line: whose API it is */
    const char *text; /* YAML */
};
/* Index from 0; NULL behind the last. */
const struct mtr_source_preset *mtr_source_preset_at(unsigned index);

#endif
