/*
 * The block encoder: events to columns to bytes.
 *
 * The result is a function of the events and the header alone (texts and shapes are numbered in the order of
 * first use), so that encode(decode(x)) == x. One thread. All memory is kept from block to block; nothing is
 * allocated per event. Two caches make the usual event cheap: a text equal to the same field of the event
 * before it keeps its number, and a type remembers the last shape of its events, so that property names are
 * compared and not hashed.
 */
#include "meterd/store/block.h"

#include <xxhash.h>
#include <zstd.h>

#include "lib/store/log/block_dictionary.h"
#include "lib/store/log/block_format.h"

enum {
    ZSTD_LEVEL = 1,
    COMPRESS_BYTES_MIN = 512, /* below, zstd's own header eats the gain */
    SHAPE_SLOTS_MIN = 64,
    ITEM_BYTES = 5,  /* head of a bin 32 */
    ARRAY_BYTES = 3, /* head of an array 16 */
};

struct shape {
    uint32_t first; /* index into items */
    uint32_t count;
    uint64_t hash;
};

struct shapes {
    struct shape *shapes;
    uint32_t count;
    uint32_t count_allocated;
    uint32_t *slots; /* 1 + index of a shape; open addressing, at most half full */
    uint32_t slot_mask;
    struct mtr_block_memory items; /* uint32_t of block_shape_item; room for all properties of the block */
    uint32_t item_count;
};

struct mtr_block_encoder {
    struct mtr_block_dictionary dictionary;
    struct shapes shapes;
    struct mtr_block_memory columns[MTR_COLUMN_COUNT];
    struct mtr_block_memory ids;
    struct mtr_block_memory array; /* the msgpack array */
    struct mtr_block_memory block;
    ZSTD_CCtx *zstd;
};

int mtr_block_encoder_open(struct mtr_block_encoder **out)
{
    struct mtr_block_encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder) return MTR_ENOMEM;
    encoder->zstd = ZSTD_createCCtx();
    if (!encoder->zstd) {
        free(encoder);
        return MTR_ENOMEM;
    }
    *out = encoder;
    return MTR_OK;
}

void mtr_block_encoder_close(struct mtr_block_encoder *encoder)
{
    if (!encoder) return;
    block_dictionary_release(&encoder->dictionary);
    free(encoder->shapes.shapes);
    free(encoder->shapes.slots);
    block_memory_release(&encoder->shapes.items);
    for (int i = 0; i < MTR_COLUMN_COUNT; i++) block_memory_release(&encoder->columns[i]);
    block_memory_release(&encoder->ids);
    block_memory_release(&encoder->array);
    block_memory_release(&encoder->block);
    ZSTD_freeCCtx(encoder->zstd);
    free(encoder);
}

/* Shapes */

static int shapes_grow(struct shapes *shapes)
{
    uint32_t slots = shapes->slots ? (shapes->slot_mask + 1) * 2 : SHAPE_SLOTS_MIN;
    struct shape *grown = realloc(shapes->shapes, slots / 2 * sizeof(*grown));
    if (!grown) return MTR_ENOMEM;
    shapes->shapes = grown;
    shapes->count_allocated = slots / 2;
    uint32_t *table = calloc(slots, sizeof(*table));
    if (!table) return MTR_ENOMEM;
    free(shapes->slots);
    shapes->slots = table;
    shapes->slot_mask = slots - 1;
    for (uint32_t i = 0; i < shapes->count; i++) {
        uint32_t slot = (uint32_t)shapes->shapes[i].hash & shapes->slot_mask;
        while (table[slot]) slot = (slot + 1) & shapes->slot_mask;
        table[slot] = i + 1;
    }
    return MTR_OK;
}

static int shapes_reset(struct shapes *shapes, uint32_t property_count)
{
    shapes->count = 0;
    shapes->item_count = 0;
    if (shapes->slots) memset(shapes->slots, 0, ((size_t)shapes->slot_mask + 1) * sizeof(*shapes->slots));
    return block_memory_reserve(&shapes->items, (size_t)property_count * sizeof(uint32_t));
}

static uint32_t *shape_items(const struct shapes *shapes, uint32_t first)
{
    union { uint8_t *bytes; uint32_t *items; } p = {.bytes = shapes->items.data};
    return p.items ? p.items + first : NULL;
}

static uint32_t shape_kind(enum mtr_property_kind kind)
{
    return kind == MTR_PROPERTY_STRING   ? MTR_SHAPE_STRING
           : kind == MTR_PROPERTY_NUMBER ? MTR_SHAPE_NUMBER
                                         : MTR_SHAPE_BOOLEAN;
}

static bool shape_fits(const struct mtr_block_encoder *encoder, uint32_t index, const struct mtr_event *event)
{
    const struct shape *shape = &encoder->shapes.shapes[index];
    if (shape->count != event->property_count) return false;
    const uint32_t *items = shape_items(&encoder->shapes, shape->first);
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct mtr_property *property = &event->properties[i];
        if ((items[i] & 3) != shape_kind(property->kind)) return false;
        if (!block_text_is(&encoder->dictionary, items[i] >> 2, property->name)) return false;
    }
    return true;
}

/* Builds the event's shape behind the last one, and keeps it there only when it is new. */
static int shape_find(struct mtr_block_encoder *encoder, const struct mtr_event *event, uint32_t *index)
{
    struct shapes *shapes = &encoder->shapes;
    uint32_t *items = shape_items(shapes, shapes->item_count);
    int rc = MTR_OK;
    for (uint32_t i = 0; i < event->property_count; i++) {
        uint32_t name;
        rc = block_dictionary_add(&encoder->dictionary, event->properties[i].name, &name);
        if (rc) return rc;
        items[i] = block_shape_item(name, shape_kind(event->properties[i].kind));
    }
    size_t bytes = (size_t)event->property_count * sizeof(*items);
    if (shapes->count == shapes->count_allocated) rc = shapes_grow(shapes);
    if (rc) return rc;
    uint64_t hash = bytes ? XXH3_64bits(items, bytes) : 0;
    uint32_t slot = (uint32_t)hash & shapes->slot_mask;
    for (; shapes->slots[slot]; slot = (slot + 1) & shapes->slot_mask) {
        const struct shape *shape = &shapes->shapes[shapes->slots[slot] - 1];
        if (shape->hash != hash || shape->count != event->property_count) continue;
        if (bytes && memcmp(shape_items(shapes, shape->first), items, bytes) != 0) continue;
        *index = shapes->slots[slot] - 1;
        return MTR_OK;
    }
    *index = shapes->count++;
    shapes->slots[slot] = *index + 1;
    shapes->shapes[*index] =
        (struct shape){.first = shapes->item_count, .count = event->property_count, .hash = hash};
    shapes->item_count += event->property_count;
    return MTR_OK;
}

/* Columns. Indexes are written as u32 first and packed when it is known how many things they tell apart. */

static uint8_t *column_end(struct mtr_block_encoder *encoder, enum mtr_block_column_kind kind)
{
    return encoder->columns[kind].data + encoder->columns[kind].size;
}

static void put_index(struct mtr_block_encoder *encoder, enum mtr_block_column_kind kind, uint32_t index)
{
    le_put(column_end(encoder, kind), index, 4);
    encoder->columns[kind].size += 4;
}

static void put_byte(struct mtr_block_encoder *encoder, enum mtr_block_column_kind kind, uint8_t byte)
{
    *column_end(encoder, kind) = byte;
    encoder->columns[kind].size++;
}

static void put_varint(struct mtr_block_encoder *encoder, enum mtr_block_column_kind kind, uint64_t value)
{
    encoder->columns[kind].size =
        (size_t)(varint_put(column_end(encoder, kind), value) - encoder->columns[kind].data);
}

static void put_number(struct mtr_block_encoder *encoder, struct mtr_decimal number)
{
    MTR_ASSERT(block_number_fits(number));
    put_byte(encoder, MTR_COLUMN_SCALES, number.scale);
    struct mtr_block_memory *column = &encoder->columns[MTR_COLUMN_MANTISSAS];
    column->size = (size_t)(varint128_put(column->data + column->size, zigzag128(number.mantissa)) -
                            column->data);
}

/* `previous` is the number of the same field in the event before. */
static int put_text(struct mtr_block_encoder *encoder, enum mtr_block_column_kind kind, struct mtr_str text,
                    uint32_t *previous)
{
    if (encoder->columns[kind].size == 0 || !block_text_is(&encoder->dictionary, *previous, text)) {
        int rc = block_dictionary_add(&encoder->dictionary, text, previous);
        if (rc) return rc;
    }
    put_index(encoder, kind, *previous);
    return MTR_OK;
}

static int put_properties(struct mtr_block_encoder *encoder, const struct mtr_event *event)
{
    uint32_t value;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < event->property_count && !rc; i++) {
        const struct mtr_property *property = &event->properties[i];
        switch (property->kind) {
        case MTR_PROPERTY_NUMBER: put_number(encoder, property->number); break;
        case MTR_PROPERTY_STRING:
            rc = block_dictionary_add(&encoder->dictionary, property->text, &value);
            if (!rc) put_index(encoder, MTR_COLUMN_TEXTS, value);
            break;
        case MTR_PROPERTY_TRUE: put_byte(encoder, MTR_COLUMN_BOOLEANS, 1); break;
        case MTR_PROPERTY_FALSE: put_byte(encoder, MTR_COLUMN_BOOLEANS, 0); break;
        }
    }
    return rc;
}

static void put_scalars(struct mtr_block_encoder *encoder, const struct mtr_event *event, int64_t previous_us)
{
    uint8_t flags = (uint8_t)event->disposition;
    if (event->time_given) flags |= MTR_BLOCK_FLAG_TIME_GIVEN;
    if (event->target_seq) flags |= MTR_BLOCK_FLAG_TARGET;
    put_byte(encoder, MTR_COLUMN_FLAGS, flags);
    put_varint(encoder, MTR_COLUMN_TIMES,
               zigzag((int64_t)((uint64_t)event->time_us - (uint64_t)previous_us)));
    if (event->target_seq) put_varint(encoder, MTR_COLUMN_TARGETS, event->target_seq);
    le_put(column_end(encoder, MTR_COLUMN_ID_SIZES), event->id.size, 2);
    encoder->columns[MTR_COLUMN_ID_SIZES].size += 2;
    if (event->id.size) memcpy(encoder->ids.data + encoder->ids.size, event->id.data, event->id.size);
    encoder->ids.size += event->id.size;
}

static int put_events(struct mtr_block_encoder *encoder, const struct mtr_event *events,
                      const struct mtr_block_header *header)
{
    uint32_t vendor = 0, source = 0, type = 0, subject = 0, shape = 0;
    int64_t previous_us = header->received_us;
    for (uint32_t i = 0; i < header->count; i++) {
        const struct mtr_event *event = &events[i];
        int rc = put_text(encoder, MTR_COLUMN_VENDORS, event->vendor, &vendor);
        if (!rc) rc = put_text(encoder, MTR_COLUMN_SOURCES, event->source, &source);
        if (!rc) rc = put_text(encoder, MTR_COLUMN_TYPES, event->type, &type);
        if (!rc) rc = put_text(encoder, MTR_COLUMN_SUBJECTS, event->subject, &subject);
        if (rc) return rc;
        uint32_t hint = encoder->dictionary.texts[type].hint;
        if (hint && shape_fits(encoder, hint - 1, event)) {
            shape = hint - 1;
        } else {
            rc = shape_find(encoder, event, &shape);
            if (rc) return rc;
            encoder->dictionary.texts[type].hint = shape + 1;
        }
        put_index(encoder, MTR_COLUMN_EVENT_SHAPES, shape);
        put_scalars(encoder, event, previous_us);
        previous_us = event->time_us;
        rc = put_properties(encoder, event);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* Before the events: sizes, limits, memory. */

struct totals {
    uint64_t properties;
    uint64_t numbers;
    uint64_t strings;
    uint64_t id_bytes;
};

static int measure(const struct mtr_event *events, uint32_t count, struct totals *totals)
{
    *totals = (struct totals){0};
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_event *event = &events[i];
        MTR_ASSERT((unsigned)event->disposition < MTR_DISPOSITION_COUNT);
        if (event->id.size > UINT16_MAX || event->property_count > MTR_EVENT_PROPERTIES_MAX)
            return MTR_ELIMIT;
        totals->properties += event->property_count;
        totals->id_bytes += event->id.size;
        for (uint32_t k = 0; k < event->property_count; k++) {
            totals->numbers += event->properties[k].kind == MTR_PROPERTY_NUMBER;
            totals->strings += event->properties[k].kind == MTR_PROPERTY_STRING;
        }
    }
    uint64_t decoded_bytes = block_decoded_bytes(count, totals->properties, 0, 0, totals->id_bytes);
    return decoded_bytes > MTR_BLOCK_BYTES_MAX ? MTR_ELIMIT : MTR_OK;
}

static int reserve(struct mtr_block_encoder *encoder, uint32_t count, const struct totals *totals)
{
    const uint64_t bytes[MTR_COLUMN_COUNT] = {
        [MTR_COLUMN_VENDORS] = (uint64_t)count * 4,
        [MTR_COLUMN_SOURCES] = (uint64_t)count * 4,
        [MTR_COLUMN_TYPES] = (uint64_t)count * 4,
        [MTR_COLUMN_SUBJECTS] = (uint64_t)count * 4,
        [MTR_COLUMN_TIMES] = (uint64_t)count * MTR_VARINT64_BYTES_MAX,
        [MTR_COLUMN_FLAGS] = count,
        [MTR_COLUMN_ID_SIZES] = (uint64_t)count * 2,
        [MTR_COLUMN_TARGETS] = (uint64_t)count * MTR_VARINT64_BYTES_MAX,
        [MTR_COLUMN_EVENT_SHAPES] = (uint64_t)count * 4,
        [MTR_COLUMN_SCALES] = totals->numbers,
        [MTR_COLUMN_MANTISSAS] = totals->numbers * MTR_VARINT128_BYTES_MAX,
        [MTR_COLUMN_TEXTS] = totals->strings * 4,
        [MTR_COLUMN_BOOLEANS] = totals->properties - totals->numbers - totals->strings,
    };
    int rc = block_dictionary_reset(&encoder->dictionary);
    if (!rc) rc = shapes_reset(&encoder->shapes, (uint32_t)totals->properties);
    if (!rc) rc = block_memory_reserve(&encoder->ids, totals->id_bytes);
    for (int i = 0; i < MTR_COLUMN_COUNT && !rc; i++)
        rc = block_memory_reserve(&encoder->columns[i], bytes[i]);
    return rc;
}

/* After the events: the columns that only now have their size, the array, compression, header and hash. */

static void pack_indexes(struct mtr_block_memory *column, uint32_t things)
{
    unsigned width = block_index_bytes(things);
    size_t count = column->size / 4;
    if (width == 4) return;
    for (size_t i = 0; i < count; i++)
        le_put(column->data + i * width, le_get(column->data + i * 4, 4), width);
    column->size = count * width;
}

static int write_dictionary(struct mtr_block_encoder *encoder)
{
    const struct mtr_block_dictionary *dictionary = &encoder->dictionary;
    struct mtr_block_memory *sizes = &encoder->columns[MTR_COLUMN_TEXT_SIZES];
    struct mtr_block_memory *bytes = &encoder->columns[MTR_COLUMN_TEXT_BYTES];
    int rc = block_memory_reserve(sizes, (size_t)dictionary->count * 2);
    if (!rc) rc = block_memory_reserve(bytes, dictionary->bytes);
    if (rc) return rc;
    for (uint32_t i = 0; i < dictionary->count; i++) {
        const struct mtr_block_text *text = &dictionary->texts[i];
        le_put(sizes->data + sizes->size, text->size, 2);
        sizes->size += 2;
        memcpy(bytes->data + bytes->size, text->data, text->size);
        bytes->size += text->size;
    }
    return MTR_OK;
}

static int write_shapes(struct mtr_block_encoder *encoder)
{
    const struct shapes *shapes = &encoder->shapes;
    struct mtr_block_memory *column = &encoder->columns[MTR_COLUMN_SHAPES];
    int rc = block_memory_reserve(column, (size_t)shapes->count * 2 + (size_t)shapes->item_count * 6);
    if (rc) return rc;
    uint8_t *p = column->data;
    for (uint32_t i = 0; i < shapes->count; i++) {
        const uint32_t *items = shape_items(shapes, shapes->shapes[i].first);
        p = varint_put(p, shapes->shapes[i].count);
        for (uint32_t k = 0; k < shapes->shapes[i].count; k++) {
            p = varint_put(p, items[k] >> 2);
            *p++ = (uint8_t)(items[k] & 3);
        }
    }
    column->size = (size_t)(p - column->data);
    return MTR_OK;
}

static int write_array(struct mtr_block_encoder *encoder)
{
    static const enum mtr_block_column_kind by_text[] = {
        MTR_COLUMN_VENDORS, MTR_COLUMN_SOURCES, MTR_COLUMN_TYPES, MTR_COLUMN_SUBJECTS, MTR_COLUMN_TEXTS};
    for (size_t i = 0; i < sizeof(by_text) / sizeof(*by_text); i++)
        pack_indexes(&encoder->columns[by_text[i]], encoder->dictionary.count);
    pack_indexes(&encoder->columns[MTR_COLUMN_EVENT_SHAPES], encoder->shapes.count);
    int rc = write_dictionary(encoder);
    if (!rc) rc = write_shapes(encoder);
    if (rc) return rc;
    size_t bytes = ARRAY_BYTES;
    for (int i = 0; i < MTR_COLUMN_COUNT; i++) bytes += ITEM_BYTES + encoder->columns[i].size;
    if (bytes > MTR_BLOCK_BYTES_MAX) return MTR_ELIMIT;
    rc = block_memory_reserve(&encoder->array, bytes);
    if (rc) return rc;
    uint8_t *p = encoder->array.data;
    *p++ = 0xdc; /* array 16 */
    *p++ = 0;
    *p++ = MTR_COLUMN_COUNT;
    for (int i = 0; i < MTR_COLUMN_COUNT; i++) {
        const struct mtr_block_memory *column = &encoder->columns[i];
        *p++ = 0xc6; /* bin 32; msgpack is big-endian */
        for (int shift = 24; shift >= 0; shift -= 8) *p++ = (uint8_t)(column->size >> shift);
        if (column->size) memcpy(p, column->data, column->size);
        p += column->size;
    }
    encoder->array.size = bytes;
    MTR_ASSERT(p == encoder->array.data + bytes);
    return MTR_OK;
}

/* Stores the array behind the header, compressed when that saves at least a sixteenth. */
static int store_array(struct mtr_block_encoder *encoder, struct mtr_block_layout *layout)
{
    const struct mtr_block_memory *array = &encoder->array;
    size_t room = ZSTD_compressBound(array->size);
    int rc = block_memory_reserve(&encoder->block,
                                  MTR_BLOCK_HEADER_BYTES + room + encoder->ids.size + MTR_BLOCK_HASH_BYTES);
    if (rc) return rc;
    uint8_t *p = encoder->block.data + MTR_BLOCK_HEADER_BYTES;
    layout->columns_bytes = (uint32_t)array->size;
    if (array->size >= COMPRESS_BYTES_MIN) {
        size_t stored = ZSTD_compressCCtx(encoder->zstd, p, room, array->data, array->size, ZSTD_LEVEL);
        if (ZSTD_isError(stored)) return MTR_ENOMEM; /* with room for the bound, only its memory can fail */
        if (stored <= array->size - array->size / 16) {
            layout->compression = MTR_BLOCK_ZSTD;
            layout->stored_bytes = (uint32_t)stored;
            return MTR_OK;
        }
    }
    memcpy(p, array->data, array->size);
    layout->compression = MTR_BLOCK_PLAIN;
    layout->stored_bytes = (uint32_t)array->size;
    return MTR_OK;
}

static void finish(struct mtr_block_encoder *encoder, struct mtr_block_header *header,
                   struct mtr_block_layout *layout)
{
    uint8_t *p = encoder->block.data;
    layout->ids_bytes = (uint32_t)encoder->ids.size;
    block_write_header(p, header, layout);
    size_t size = MTR_BLOCK_HEADER_BYTES + (size_t)layout->stored_bytes;
    if (encoder->ids.size) memcpy(p + size, encoder->ids.data, encoder->ids.size);
    size += encoder->ids.size + MTR_BLOCK_HASH_BYTES;
    header->hash = block_hash(p, size);
    le_put(p + size - 16, header->hash.low, 8);
    le_put(p + size - 8, header->hash.high, 8);
    encoder->block.size = size;
}

int mtr_block_encode(struct mtr_block_encoder *encoder, const struct mtr_event *events,
                     struct mtr_block_header *header, struct mtr_str *block)
{
    struct totals totals;
    MTR_ASSERT(header->first_seq > 0 && header->count > 0);
    if (header->count > MTR_BLOCK_EVENTS_MAX) return MTR_ELIMIT;
    int rc = measure(events, header->count, &totals);
    if (!rc) rc = reserve(encoder, header->count, &totals);
    if (!rc) rc = put_events(encoder, events, header);
    if (rc) return rc;
    const struct mtr_block_dictionary *dictionary = &encoder->dictionary;
    if (block_decoded_bytes(header->count, totals.properties, dictionary->count, dictionary->bytes,
                            totals.id_bytes) > MTR_BLOCK_BYTES_MAX)
        return MTR_ELIMIT;
    struct mtr_block_layout layout = {.property_count = (uint32_t)totals.properties};
    rc = write_array(encoder);
    if (!rc) rc = store_array(encoder, &layout);
    if (rc) return rc;
    finish(encoder, header, &layout);
    *block = (struct mtr_str){(const char *)encoder->block.data, encoder->block.size};
    return MTR_OK;
}
