/*
 * The block decoder: bytes to columns to events.
 *
 * Bytes are hostile, also when the hash is right: every size, count and index is checked before it is used,
 * memory is bounded by MTR_BLOCK_BYTES_MAX before it is asked for, and every column must be used up exactly.
 * The msgpack array is read here and not by msgpack-c: a block has one shape only, an array 16 of bin 32, and
 * the library writes and takes any width. One thread. All memory is kept from block to block.
 */
#include "meterd/store/block.h"

#include <zstd.h>

#include "lib/store/log/block_format.h"

enum { ZSTD_WINDOW_LOG_MAX = 23, ITEM_BYTES = 5, ARRAY_BYTES = 3 };

/* Index columns of one entry per event, unpacked before the events are made. */
enum index_column {
    INDEX_VENDOR,
    INDEX_SOURCE,
    INDEX_TYPE,
    INDEX_SUBJECT,
    INDEX_SHAPE,
    INDEX_TEXT,
    INDEX_COUNT
};

struct shape {
    uint32_t first; /* index into items */
    uint32_t count;
};

struct mtr_block_decoder {
    struct mtr_block_memory array;
    struct mtr_block_memory ids;
    struct mtr_block_memory events;               /* struct mtr_event */
    struct mtr_block_memory properties;           /* struct mtr_property */
    struct mtr_block_memory texts;                /* struct mtr_str */
    struct mtr_block_memory shapes;               /* struct shape */
    struct mtr_block_memory items;                /* uint32_t of block_shape_item */
    struct mtr_block_memory indexes[INDEX_COUNT]; /* uint32_t */
    ZSTD_DCtx *zstd;
};

/* The block at work: what is known of it while it is decoded. `fault` names the part that was wrong. */
struct work {
    struct mtr_block_decoder *decoder;
    struct mtr_block_header header;
    struct mtr_block_layout layout;
    struct mtr_block_reader columns[MTR_COLUMN_COUNT];
    struct mtr_event *events;
    struct mtr_property *properties;
    struct mtr_str *texts;
    struct shape *shapes;
    uint32_t *items;
    uint32_t *indexes[INDEX_COUNT];
    uint32_t text_count;
    uint32_t shape_count;
    const char *fault;
};

static int corrupt(struct work *work, const char *fault)
{
    work->fault = fault;
    return MTR_ECORRUPT;
}

int mtr_block_decoder_open(struct mtr_block_decoder **out)
{
    struct mtr_block_decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder) return MTR_ENOMEM;
    decoder->zstd = ZSTD_createDCtx();
    if (!decoder->zstd ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX))) {
        ZSTD_freeDCtx(decoder->zstd);
        free(decoder);
        return MTR_ENOMEM;
    }
    *out = decoder;
    return MTR_OK;
}

void mtr_block_decoder_close(struct mtr_block_decoder *decoder)
{
    if (!decoder) return;
    block_memory_release(&decoder->array);
    block_memory_release(&decoder->ids);
    block_memory_release(&decoder->events);
    block_memory_release(&decoder->properties);
    block_memory_release(&decoder->texts);
    block_memory_release(&decoder->shapes);
    block_memory_release(&decoder->items);
    for (int i = 0; i < INDEX_COUNT; i++) block_memory_release(&decoder->indexes[i]);
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

static size_t column_size(const struct work *work, enum mtr_block_column_kind kind)
{
    return (size_t)(work->columns[kind].end - work->columns[kind].p);
}

/* `count` elements of `size` bytes in `memory`, which malloc aligned for any type. */
static void *reserve_array(struct mtr_block_memory *memory, size_t count, size_t size)
{
    return block_memory_reserve(memory, count * size + 1) ? NULL : memory->data;
}

/* The sections: columns unpacked, ids copied, because `block` may go after the call. */
static int open_sections(struct work *work, struct mtr_str block)
{
    struct mtr_block_decoder *decoder = work->decoder;
    const struct mtr_block_layout *layout = &work->layout;
    const char *stored = block.data + MTR_BLOCK_HEADER_BYTES;
    if (block_memory_reserve(&decoder->array, layout->columns_bytes) ||
        block_memory_reserve(&decoder->ids, layout->ids_bytes + 1))
        return MTR_ENOMEM;
    memcpy(decoder->ids.data, stored + layout->stored_bytes, layout->ids_bytes);
    if (layout->compression == MTR_BLOCK_PLAIN) {
        if (layout->columns_bytes) memcpy(decoder->array.data, stored, layout->columns_bytes);
        return MTR_OK;
    }
    size_t size = ZSTD_decompressDCtx(decoder->zstd, decoder->array.data, layout->columns_bytes, stored,
                                      layout->stored_bytes);
    return size == layout->columns_bytes ? MTR_OK : corrupt(work, "compressed columns");
}

static int open_columns(struct work *work)
{
    const uint8_t *p = work->decoder->array.data;
    size_t left = work->layout.columns_bytes;
    if (left < ARRAY_BYTES || p[0] != 0xdc || p[1] != 0 || p[2] != MTR_COLUMN_COUNT)
        return corrupt(work, "array of columns");
    p += ARRAY_BYTES;
    left -= ARRAY_BYTES;
    for (int i = 0; i < MTR_COLUMN_COUNT; i++) {
        if (left < ITEM_BYTES || p[0] != 0xc6) return corrupt(work, "head of a column");
        size_t size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
        p += ITEM_BYTES;
        left -= ITEM_BYTES;
        if (size > left) return corrupt(work, "size of a column");
        work->columns[i] = (struct mtr_block_reader){p, p + size};
        p += size;
        left -= size;
    }
    return left ? corrupt(work, "bytes behind the last column") : MTR_OK;
}

static int read_dictionary(struct work *work)
{
    size_t sizes = column_size(work, MTR_COLUMN_TEXT_SIZES);
    size_t left = column_size(work, MTR_COLUMN_TEXT_BYTES);
    const struct mtr_block_layout *layout = &work->layout;
    if (sizes % 2 || sizes == 0) return corrupt(work, "dictionary");
    work->text_count = (uint32_t)(sizes / 2);
    if (block_decoded_bytes(work->header.count, layout->property_count, work->text_count, left,
                            layout->ids_bytes) > MTR_BLOCK_BYTES_MAX)
        return corrupt(work, "decoded size");
    work->texts = reserve_array(&work->decoder->texts, work->text_count, sizeof(*work->texts));
    if (!work->texts) return MTR_ENOMEM;
    const uint8_t *p = work->columns[MTR_COLUMN_TEXT_BYTES].p;
    for (uint32_t i = 0; i < work->text_count; i++) {
        size_t size = le_get(work->columns[MTR_COLUMN_TEXT_SIZES].p + (size_t)i * 2, 2);
        if (size > left) return corrupt(work, "size of a text");
        work->texts[i] = (struct mtr_str){(const char *)p, size};
        p += size;
        left -= size;
    }
    return left ? corrupt(work, "bytes behind the last text") : MTR_OK;
}

static int read_shapes(struct work *work)
{
    struct mtr_block_reader reader = work->columns[MTR_COLUMN_SHAPES];
    size_t size = column_size(work, MTR_COLUMN_SHAPES); /* a shape takes a byte or more, an item two */
    if (size > (size_t)work->header.count + (size_t)work->layout.property_count * 6)
        return corrupt(work, "shapes");
    work->shapes = reserve_array(&work->decoder->shapes, size, sizeof(*work->shapes));
    work->items = reserve_array(&work->decoder->items, size / 2, sizeof(*work->items));
    if (!work->shapes || !work->items) return MTR_ENOMEM;
    uint32_t items = 0;
    while (reader.p < reader.end) {
        uint64_t count;
        if (!varint_get(&reader, &count) || count > MTR_EVENT_PROPERTIES_MAX)
            return corrupt(work, "size of a shape");
        work->shapes[work->shape_count++] = (struct shape){.first = items, .count = (uint32_t)count};
        for (uint64_t i = 0; i < count; i++) {
            uint64_t name;
            if (!varint_get(&reader, &name) || name >= work->text_count)
                return corrupt(work, "name of a property");
            if (reader.p == reader.end || *reader.p >= MTR_SHAPE_KIND_COUNT)
                return corrupt(work, "kind of a property");
            work->items[items++] = block_shape_item((uint32_t)name, *reader.p++);
        }
    }
    return MTR_OK;
}

static uint32_t unpack(uint32_t *out, const uint8_t *p, size_t count, unsigned width)
{
    uint32_t largest = 0;
    switch (width) {
    case 0:
        memset(out, 0, count * sizeof(*out));
        return 0;
    case 1:
        for (size_t i = 0; i < count; i++) out[i] = p[i];
        break;
    case 2:
        for (size_t i = 0; i < count; i++) out[i] = (uint32_t)le_get(p + i * 2, 2);
        break;
    default:
        for (size_t i = 0; i < count; i++) out[i] = (uint32_t)le_get(p + i * 4, 4);
        break;
    }
    for (size_t i = 0; i < count; i++) largest = out[i] > largest ? out[i] : largest;
    return largest;
}

/* Unpacks the indexes of `kind`, all below `things`. With one thing there is nothing stored and `count`
 * entries are meant. */
static int read_indexes(struct work *work, enum index_column to, enum mtr_block_column_kind kind,
                        uint32_t things, size_t count)
{
    unsigned width = block_index_bytes(things);
    if (column_size(work, kind) != count * width || (count && things == 0))
        return corrupt(work, "size of an index column");
    work->indexes[to] = reserve_array(&work->decoder->indexes[to], count, sizeof(uint32_t));
    if (!work->indexes[to]) return MTR_ENOMEM;
    uint32_t largest = unpack(work->indexes[to], work->columns[kind].p, count, width);
    return count && largest >= things ? corrupt(work, "an index") : MTR_OK;
}

static int read_all_indexes(struct work *work)
{
    static const enum mtr_block_column_kind kinds[] = {[INDEX_VENDOR] = MTR_COLUMN_VENDORS,
                                                       [INDEX_SOURCE] = MTR_COLUMN_SOURCES,
                                                       [INDEX_TYPE] = MTR_COLUMN_TYPES,
                                                       [INDEX_SUBJECT] = MTR_COLUMN_SUBJECTS};
    uint32_t count = work->header.count;
    int rc = MTR_OK;
    for (int i = INDEX_VENDOR; i <= INDEX_SUBJECT && !rc; i++)
        rc = read_indexes(work, (enum index_column)i, kinds[i], work->text_count, count);
    if (!rc) rc = read_indexes(work, INDEX_SHAPE, MTR_COLUMN_EVENT_SHAPES, work->shape_count, count);
    if (rc) return rc;
    /* How many string values and other properties there are follows from the shapes. */
    uint64_t properties = 0, kinds_count[MTR_SHAPE_KIND_COUNT + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct shape *shape = &work->shapes[work->indexes[INDEX_SHAPE][i]];
        properties += shape->count;
        for (uint32_t k = 0; k < shape->count; k++) kinds_count[work->items[shape->first + k] & 3]++;
    }
    if (properties != work->layout.property_count) return corrupt(work, "number of properties");
    if (column_size(work, MTR_COLUMN_SCALES) != kinds_count[MTR_SHAPE_NUMBER])
        return corrupt(work, "number of scales");
    if (column_size(work, MTR_COLUMN_BOOLEANS) != kinds_count[MTR_SHAPE_BOOLEAN])
        return corrupt(work, "number of booleans");
    if (column_size(work, MTR_COLUMN_FLAGS) != count) return corrupt(work, "number of flags");
    if (column_size(work, MTR_COLUMN_ID_SIZES) != (size_t)count * 2) return corrupt(work, "number of ids");
    return read_indexes(work, INDEX_TEXT, MTR_COLUMN_TEXTS, work->text_count, kinds_count[MTR_SHAPE_STRING]);
}

static int read_number(struct work *work, struct mtr_decimal *out)
{
    struct mtr_block_reader *mantissas = &work->columns[MTR_COLUMN_MANTISSAS];
    struct mtr_decimal number = {.scale = *work->columns[MTR_COLUMN_SCALES].p++};
    if (mantissas->p < mantissas->end && *mantissas->p < 0x80) {
        number.mantissa = unzigzag(*mantissas->p++);
    } else {
        mtr_uint128 value;
        if (!varint128_get(mantissas, &value)) return MTR_ECORRUPT;
        number.mantissa = unzigzag128(value);
    }
    if (!block_number_fits(number)) return MTR_ECORRUPT;
    *out = number;
    return MTR_OK;
}

static int read_properties(struct work *work, const struct shape *shape, struct mtr_property *out,
                           const uint32_t **next_text)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        uint32_t item = work->items[shape->first + i];
        out[i].name = work->texts[item >> 2];
        switch (item & 3) {
        case MTR_SHAPE_NUMBER:
            out[i].kind = MTR_PROPERTY_NUMBER;
            if (read_number(work, &out[i].number)) return corrupt(work, "a number");
            break;
        case MTR_SHAPE_STRING:
            out[i].kind = MTR_PROPERTY_STRING;
            out[i].text = work->texts[*(*next_text)++];
            break;
        default:
            if (*work->columns[MTR_COLUMN_BOOLEANS].p > 1) return corrupt(work, "a boolean");
            out[i].kind = *work->columns[MTR_COLUMN_BOOLEANS].p++ ? MTR_PROPERTY_TRUE : MTR_PROPERTY_FALSE;
            break;
        }
    }
    return MTR_OK;
}

static int read_scalars(struct work *work, uint32_t i, struct mtr_event *event, int64_t *time_us)
{
    uint64_t value;
    uint8_t flags = work->columns[MTR_COLUMN_FLAGS].p[i];
    unsigned disposition = flags & MTR_BLOCK_FLAG_DISPOSITION;
    if (flags & ~MTR_BLOCK_FLAGS_ALL || disposition >= MTR_DISPOSITION_COUNT)
        return corrupt(work, "flags of an event");
    event->disposition = (enum mtr_disposition)disposition;
    event->time_given = flags & MTR_BLOCK_FLAG_TIME_GIVEN;
    if (!varint_get(&work->columns[MTR_COLUMN_TIMES], &value)) return corrupt(work, "a time");
    *time_us = (int64_t)((uint64_t)*time_us + (uint64_t)unzigzag(value));
    event->time_us = *time_us;
    event->target_seq = 0;
    if (!(flags & MTR_BLOCK_FLAG_TARGET)) return MTR_OK;
    return varint_get(&work->columns[MTR_COLUMN_TARGETS], &event->target_seq) ? MTR_OK
                                                                              : corrupt(work, "a target");
}

static int read_events(struct work *work)
{
    work->events = reserve_array(&work->decoder->events, work->header.count, sizeof(*work->events));
    work->properties =
        reserve_array(&work->decoder->properties, work->layout.property_count, sizeof(*work->properties));
    if (!work->events || !work->properties) return MTR_ENOMEM;
    struct mtr_property *property = work->properties;
    const uint32_t *next_text = work->indexes[INDEX_TEXT];
    const char *id = (const char *)work->decoder->ids.data;
    size_t ids_left = work->layout.ids_bytes;
    int64_t time_us = work->header.received_us;
    for (uint32_t i = 0; i < work->header.count; i++) {
        struct mtr_event *event = &work->events[i];
        event->vendor = work->texts[work->indexes[INDEX_VENDOR][i]];
        event->source = work->texts[work->indexes[INDEX_SOURCE][i]];
        event->type = work->texts[work->indexes[INDEX_TYPE][i]];
        event->subject = work->texts[work->indexes[INDEX_SUBJECT][i]];
        size_t id_size = le_get(work->columns[MTR_COLUMN_ID_SIZES].p + (size_t)i * 2, 2);
        if (id_size > ids_left) return corrupt(work, "size of an id");
        event->id = (struct mtr_str){id, id_size};
        id += id_size;
        ids_left -= id_size;
        int rc = read_scalars(work, i, event, &time_us);
        if (rc) return rc;
        const struct shape *shape = &work->shapes[work->indexes[INDEX_SHAPE][i]];
        event->properties = property;
        event->property_count = shape->count;
        rc = read_properties(work, shape, property, &next_text);
        if (rc) return rc;
        property += shape->count;
    }
    static const enum mtr_block_column_kind streams[] = {MTR_COLUMN_TIMES, MTR_COLUMN_TARGETS,
                                                         MTR_COLUMN_MANTISSAS};
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
        if (column_size(work, streams[i])) return corrupt(work, "bytes behind the last event");
    return ids_left ? corrupt(work, "bytes behind the last id") : MTR_OK;
}

static int decode(struct work *work, struct mtr_str block)
{
    int rc = mtr_block_read_header(block, &work->header);
    if (rc == MTR_ECORRUPT) work->fault = "header or hash";
    if (rc == MTR_EVERSION) work->fault = "unknown format version";
    if (!rc) rc = block_parse_header(block, &work->header, &work->layout);
    if (!rc) rc = open_sections(work, block);
    if (!rc) rc = open_columns(work);
    if (!rc) rc = read_dictionary(work);
    if (!rc) rc = read_shapes(work);
    if (!rc) rc = read_all_indexes(work);
    if (!rc) rc = read_events(work);
    return rc;
}

int mtr_block_decode(struct mtr_block_decoder *decoder, struct mtr_str block, struct mtr_block_header *header,
                     const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    struct work work = {.decoder = decoder};
    int rc = decode(&work, block);
    if (rc) {
        if (diagnostic)
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL, "the block is damaged: %s",
                               work.fault ? work.fault : mtr_error_text(rc));
        return rc;
    }
    *header = work.header;
    *events = work.events;
    return MTR_OK;
}
