/*
 * A source's document while it is read, and how findings about it are told. Private to lib/source.
 *
 * Fields are named by their path in the document: "paging.cursor.path", "window.rereads[2]". The finding
 * stands at the deepest key of that path which is written.
 *
 * Where rows found a fault already, what stands behind them is read all the same, for what is missing there:
 * of a document all that lacks is told at once. Nothing else is told then: it may come of that fault.
 */
#ifndef METERD_LIB_SOURCE_DOCUMENT_READING_H
#define METERD_LIB_SOURCE_DOCUMENT_READING_H

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"
#include "meterd/source/source_read.h"

struct source_reading {
    const struct mtr_node *root; /* with the preset's values */
    struct mtr_arena *arena;   /* of the model */
    struct mtr_arena *scratch; /* until the document is read */
    const struct mtr_source_zones *zones;
    struct mtr_diagnostics *findings;
    size_t findings_before; /* of other documents */
    bool only_missing;      /* rows found a fault */
    int error; /* MTR_OK, or MTR_ENOMEM: sticks */
    /* What could not be read says nothing of other keys: what is held against it is not. */
    struct {
        bool length, format, map;
    } is_unknown;
};

const struct mtr_node *source_node_at(const struct source_reading *reading, const char *path); /* or NULL */
/* Is it written in the document itself, and not given by the preset? */
bool source_is_own(const struct source_reading *reading, const char *path);
/* Something is told of it, or of what is in it; or that what it is in is no map. */
bool source_is_told(const struct source_reading *reading, const char *path);
void source_fault(struct source_reading *reading, enum mtr_finding_code code, const char *path,
                  const char *format, ...) MTR_PRINTF(4, 5);
/* "auth" and "secret_file" to "auth.secret_file"; `out` takes a finding's field. Returns it. */
const char *source_path_join(const char *path, const char *name, char out[MTR_FINDING_FIELD_BYTES]);

/* Says that exactly one of several keys of the map at that path is to be written, unless it is so: given[i]
 * of names[i]. `or_else` ends the sentence for none; NULL: none is fine. The index, or -1. */
int source_one_of(struct source_reading *reading, const char *path, const char *const *names,
                  const bool *given, const char *or_else);

/* Copies a tree into the reading's arena; NULL: no memory, noted. */
const struct mtr_node *source_copy_tree(struct source_reading *reading, const struct mtr_node *node);

/* The zone of that name: NULL for UTC and after a finding. */
const struct mtr_zone *source_zone(struct source_reading *reading, const char *path, struct mtr_str name);
/* A URL that begins with http:// or https://, has a host, no user, no fragment and no blanks. */
bool source_check_url(struct source_reading *reading, const char *path, struct mtr_str url);
/* A path of row_path.h; empty is fine. */
void source_check_path(struct source_reading *reading, const char *path, struct mtr_str text);
bool source_is_path(struct source_reading *reading, struct mtr_str text);
/* A file that holds a secret: needed. */
void source_check_file(struct source_reading *reading, const char *path, struct mtr_str file,
                       const char *what);
/* A name of a header, and its value: no CR, LF, NUL. */
void source_check_header(struct source_reading *reading, const char *path, struct mtr_str name,
                         struct mtr_str value);

#endif
