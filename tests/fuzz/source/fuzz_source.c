/*
 * Any bytes as a source's document: it is refused with a finding, or it is a model in which everything that it promises
 * is there. What a preset fills is filled once, and the filled document is the same source.
 */
#include <stdlib.h>

#include "meterd/core/buffer.h"
#include "meterd/source/source_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Zones stay open for the life of the process: files are read once. */
static int zone_of(void *context, struct mtr_str name, struct mtr_zone **out)
{
    enum { KEPT = 64 };
    static struct mtr_zone *kept[KEPT];
    static unsigned count;
    (void)context;
    for (unsigned i = 0; i < count; i++)
        if (mtr_str_equal(mtr_str_from(mtr_zone_name(kept[i])), name)) return *out = kept[i], MTR_OK;
    if (count == KEPT) return MTR_ENOTFOUND;
    int rc = mtr_zone_open(name, &kept[count]);
    if (!rc) *out = kept[count++];
    return rc;
}

static void check_map(const struct mtr_import_map *map)
{
    MTR_ASSERT(map->id.kind != MTR_IMPORT_ABSENT && map->type.kind != MTR_IMPORT_ABSENT);
    MTR_ASSERT(map->subject.kind != MTR_IMPORT_ABSENT && map->time.kind != MTR_IMPORT_ABSENT);
    MTR_ASSERT(map->source.kind == MTR_IMPORT_ABSENT && map->format.kind != MTR_ROWS_BY_NAME);
    for (uint32_t i = 0; i < map->id.part_count; i++) MTR_ASSERT(map->id.parts[i].column < (int32_t)map->column_count);
    for (uint32_t i = 0; i < map->data_count; i++)
        for (uint32_t k = 0; k < map->data[i].series_count; k++)
            MTR_ASSERT(map->data[i].series[k] >= 0 && map->data[i].series[k] < (int32_t)map->column_count);
}

static void check_model(const struct mtr_source *s)
{
    MTR_ASSERT(s->base.host.size && s->base.port && s->base.url.size);
    MTR_ASSERT(s->schedule.every_us > s->schedule.jitter_us && s->schedule.at_s < 86400);
    MTR_ASSERT((s->window.length == MTR_LENGTH_DURATION) == (s->window.length_us > 0));
    MTR_ASSERT((s->window.length == MTR_LENGTH_PERIODS) == (s->window.has_current || s->window.has_last));
    MTR_ASSERT(s->window.length != MTR_LENGTH_CURSOR || s->delivery == MTR_DELIVERY_APPEND);
    MTR_ASSERT(s->job || s->request.path.size || s->request.url.size);
    MTR_ASSERT(s->auth.kind != MTR_AUTH_HEADER || s->auth.header->secret_file.size);
    MTR_ASSERT(s->paging.kind != MTR_PAGING_CURSOR || s->paging.cursor->path.size);
    MTR_ASSERT(s->guard.shrink_percent <= 100 && s->complete.agree >= 1 && s->limits.concurrency >= 1);
    for (uint32_t i = 0; i < s->request.header_count; i++)
        for (size_t k = 0; k < s->request.headers[i].value.size; k++)
            MTR_ASSERT(s->request.headers[i].value.data[k] != '\n' && s->request.headers[i].value.data[k] != '\r');
    check_map(&s->map);
}

static int read_once(const struct mtr_node *node, struct mtr_source *source, struct mtr_arena *arena, bool *is_told)
{
    const struct mtr_source_zones zones = {zone_of, NULL};
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 4);
    const int rc = mtr_source_read(node, &zones, arena, source, &findings);
    *is_told = findings.errors > 0;
    for (size_t i = 0; i < findings.count; i++) MTR_ASSERT(findings.items[i].line && findings.items[i].text[0]);
    mtr_diagnostics_release(&findings);
    return rc;
}

/* Filled again it says the same, and is the same source. */
static void check_filled(const struct mtr_node *node, struct mtr_arena *arena, int read)
{
    const struct mtr_node *once, *again;
    struct mtr_diagnostics findings;
    struct mtr_buffer a, b;
    struct mtr_source source;
    bool is_told;
    mtr_diagnostics_init(&findings, 4);
    mtr_buffer_init(&a, 64 << 20);
    mtr_buffer_init(&b, 64 << 20);
    if (mtr_source_fill(node, arena, &once, &findings) == MTR_OK &&
        mtr_source_fill(once, arena, &again, &findings) == MTR_OK && mtr_node_write_json(once, &a) == MTR_OK &&
        mtr_node_write_json(again, &b) == MTR_OK)
        MTR_ASSERT(mtr_str_equal(mtr_buffer_str(&a), mtr_buffer_str(&b)) && read_once(once, &source, arena, &is_told) == read);
    mtr_buffer_release(&a);
    mtr_buffer_release(&b);
    mtr_diagnostics_release(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    struct mtr_source source;
    struct mtr_arena arena;
    bool is_told;
    if (mtr_document_parse((struct mtr_str){(const char *)data, size}, &document, &diagnostic)) return 0;
    mtr_arena_init(&arena, 1 << 12, 64 << 20);
    const struct mtr_node *root = mtr_document_root(document);
    const int rc = root->kind == MTR_NODE_MAP ? read_once(root, &source, &arena, &is_told) : MTR_ENOMEM;
    MTR_ASSERT(rc == MTR_ENOMEM || (rc == MTR_OK) == !is_told);
    if (rc == MTR_OK) check_model(&source);
    if (rc != MTR_ENOMEM) check_filled(root, &arena, rc);
    mtr_document_close(document);
    mtr_arena_release(&arena);
    return 0;
}
