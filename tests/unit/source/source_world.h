/*
 * A source's document read by itself: zones that it owns, an arena, what was found.
 */
#ifndef METERD_TESTS_UNIT_SOURCE_SOURCE_WORLD_H
#define METERD_TESTS_UNIT_SOURCE_SOURCE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/buffer.h"
#include "meterd/source/source_read.h"

enum { SOURCE_WORLD_ZONES = 64, SOURCE_WORLD_FINDINGS = 50 };

struct source_world {
    struct mtr_zone *zones[SOURCE_WORLD_ZONES];
    unsigned zone_count;
    struct mtr_arena arena;
    struct mtr_diagnostics findings;
    struct mtr_source source;
    struct mtr_buffer text;
};

static inline int source_world_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    struct source_world *world = context;
    assert_true(world->zone_count < SOURCE_WORLD_ZONES);
    int rc = mtr_zone_open(name, out);
    if (!rc) world->zones[world->zone_count++] = *out;
    return rc;
}

static inline void source_world_open(struct source_world *world)
{
    *world = (struct source_world){.zone_count = 0};
    mtr_arena_init(&world->arena, 512, 16 << 20);
    mtr_diagnostics_init(&world->findings, SOURCE_WORLD_FINDINGS);
    mtr_buffer_init(&world->text, 1 << 20);
}

static inline void source_world_close(struct source_world *world)
{
    for (unsigned i = 0; i < world->zone_count; i++) mtr_zone_close(world->zones[i]);
    mtr_arena_release(&world->arena);
    mtr_diagnostics_release(&world->findings);
    mtr_buffer_release(&world->text);
}

static inline int source_world_read(struct source_world *world, const char *text)
{
    const struct mtr_source_zones zones = {source_world_zone, world};
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    if (mtr_document_parse(mtr_str_from(text), &document, &diagnostic))
        fail_msg("%u:%u %s\n%s", diagnostic.line, diagnostic.column, diagnostic.text, text);
    const int rc =
        mtr_source_read(mtr_document_root(document), &zones, &world->arena, &world->source, &world->findings);
    mtr_document_close(document); /* the model owns what it keeps */
    return rc;
}

static inline void source_world_print(const struct source_world *world)
{
    for (size_t i = 0; i < world->findings.count; i++) {
        const struct mtr_diagnostic *finding = &world->findings.items[i];
        print_message("%u:%u %s: %s [%s]\n", finding->line, finding->column, finding->field, finding->text,
                      mtr_finding_kind(finding->code)->code);
    }
}

#define assert_text(expected, actual) \
    assert_true(mtr_str_equal(mtr_str_from(expected), actual))

static const char *const source_base[] = {
    "key: s\n",
    "vendor: acme\n",
    "base_url: https://api.acme.example\n",
    "window: {length: day}\n",
    "request: {path: /usage, query: {from: '{from}'}}\n",
    "auth: none\n",
    "format: {json: {rows: '[]'}}\n",
    "identity: {id: id}\n",
    "map: {type: =t, subject: s, time: at, data: {quantity: q}}\n",
};
enum { SOURCE_BASE = sizeof(source_base) / sizeof(*source_base) };

/* The base, where the lines given replace those of their keys; a key alone ("auth:") takes its line away. */
static inline int source_world_read_with(struct source_world *world, const char *lines)
{
    mtr_buffer_reset(&world->text);
    for (size_t i = 0; i < SOURCE_BASE; i++) {
        const size_t key = strcspn(source_base[i], ":") + 1;
        const char *found = lines;
        while (found && strncmp(found, source_base[i], key) != 0) {
            found = strchr(found, '\n');
            if (found) found++;
        }
        if (!found) assert_int_equal(mtr_buffer_append_str(&world->text, mtr_str_from(source_base[i])), 0);
    }
    assert_int_equal(mtr_buffer_append_str(&world->text, mtr_str_from(lines)), 0);
    assert_int_equal(mtr_buffer_append(&world->text, "\n", 2), 0);
    return source_world_read(world, world->text.data);
}

#endif
