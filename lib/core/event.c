/*
 * Identity and digest of an event, and its data as JSON.
 *
 * Identity and digest are stored beside sealed segments, so what is hashed here is a format: fields stand
 * with their sizes, numbers little-endian and in canonical form, and a change needs a new format version.
 * Pure functions, any thread. Does not check limits (the collector's judge does) except that what is hashed
 * must be within them.
 */
#include "meterd/core/event.h"

#include <sodium.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "meterd/core/error.h"
#include "meterd/core/limits.h"

/* First byte of what is hashed: a true identity and a quarantine identity never hash the same bytes. */
enum { DOMAIN_TRUE = 0, DOMAIN_QUARANTINE = 1 };
enum {
    IDENTITY_BYTES_MAX =
        1 + 2 + MTR_KEY_BYTES_MAX + 2 + MTR_EVENT_SOURCE_BYTES_MAX + 2 + MTR_EVENT_ID_BYTES_MAX
};

_Static_assert(crypto_shorthash_siphashx24_KEYBYTES == MTR_EVENT_KEY_BYTES, "the event key is a SipHash key");
_Static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(struct mtr_event_identity),
               "an identity is a SipHash-128 value");

const char *mtr_disposition_name(enum mtr_disposition disposition)
{
    static const char *const names[MTR_DISPOSITION_COUNT] = {"normal",  "void",   "conflict", "expired",
                                                             "future",  "refused", "note"};
    MTR_ASSERT((unsigned)disposition < MTR_DISPOSITION_COUNT);
    return names[disposition];
}

const struct mtr_property *mtr_event_property(const struct mtr_event *event, struct mtr_str name)
{
    for (uint32_t i = 0; i < event->property_count; i++)
        if (mtr_str_equal(event->properties[i].name, name)) return &event->properties[i];
    return NULL;
}

struct mtr_str mtr_property_text(const struct mtr_property *property, char number[MTR_DECIMAL_TEXT_BYTES])
{
    switch (property->kind) {
    case MTR_PROPERTY_STRING: return property->text;
    case MTR_PROPERTY_NUMBER:
        return (struct mtr_str){number, (size_t)mtr_decimal_format(property->number, number)};
    case MTR_PROPERTY_TRUE: return MTR_STR("true");
    case MTR_PROPERTY_FALSE: return MTR_STR("false");
    }
    MTR_ASSERT(!"known kind of property");
    return (struct mtr_str){NULL, 0};
}

static void write_value(const struct mtr_property *property, struct mtr_json_writer *json)
{
    char number[MTR_DECIMAL_TEXT_BYTES];
    switch (property->kind) {
    case MTR_PROPERTY_STRING: mtr_json_text(json, property->text); return;
    case MTR_PROPERTY_NUMBER:
        mtr_json_raw(json, (struct mtr_str){number, (size_t)mtr_decimal_format(property->number, number)});
        return;
    case MTR_PROPERTY_TRUE: mtr_json_bool(json, true); return;
    case MTR_PROPERTY_FALSE: mtr_json_bool(json, false); return;
    }
    MTR_ASSERT(!"known kind of property");
}

void mtr_event_write_data(const struct mtr_event *event, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    for (uint32_t i = 0; i < event->property_count; i++) {
        mtr_json_name_text(json, event->properties[i].name);
        write_value(&event->properties[i], json);
    }
    mtr_json_map_end(json);
}

static unsigned char *put_le(unsigned char *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8) p[i] = (unsigned char)value;
    return p + bytes;
}

static uint64_t get_le64(const unsigned char *p)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | p[i];
    return value;
}

static unsigned char *put_text(unsigned char *p, struct mtr_str text, size_t bytes_max)
{
    MTR_ASSERT(text.size <= bytes_max);
    p = put_le(p, text.size, 2);
    if (text.size) memcpy(p, text.data, text.size);
    return p + text.size;
}

static struct mtr_event_identity siphash(const unsigned char *bytes, size_t size,
                                         const uint8_t key[MTR_EVENT_KEY_BYTES])
{
    unsigned char hash[crypto_shorthash_siphashx24_BYTES];
    crypto_shorthash_siphashx24(hash, bytes, size, key);
    return (struct mtr_event_identity){.high = get_le64(hash), .low = get_le64(hash + 8)};
}

struct mtr_event_identity mtr_event_identity(const struct mtr_event *event,
                                             const uint8_t key[MTR_EVENT_KEY_BYTES])
{
    unsigned char bytes[IDENTITY_BYTES_MAX];
    unsigned char *p = bytes;
    *p++ = DOMAIN_TRUE;
    p = put_text(p, event->vendor, MTR_KEY_BYTES_MAX);
    p = put_text(p, event->source, MTR_EVENT_SOURCE_BYTES_MAX);
    p = put_text(p, event->id, MTR_EVENT_ID_BYTES_MAX);
    return siphash(bytes, (size_t)(p - bytes), key);
}

struct mtr_event_identity mtr_event_quarantine_identity(const struct mtr_event *event, uint64_t digest,
                                                        enum mtr_disposition disposition,
                                                        const uint8_t key[MTR_EVENT_KEY_BYTES])
{
    struct mtr_event_identity identity = mtr_event_identity(event, key);
    unsigned char bytes[1 + 8 + 8 + 8 + 1];
    unsigned char *p = bytes;
    *p++ = DOMAIN_QUARANTINE;
    p = put_le(p, identity.high, 8);
    p = put_le(p, identity.low, 8);
    p = put_le(p, digest, 8);
    *p = (unsigned char)disposition;
    return siphash(bytes, sizeof(bytes), key);
}

/* One value, one form: 1.0 and 1 hash alike even where a producer skipped the canonical form. */
static struct mtr_decimal canonical(struct mtr_decimal value)
{
    while (value.scale && value.mantissa % 10 == 0) {
        if (value.mantissa == 0) return (struct mtr_decimal){0};
        value.mantissa /= 10;
        value.scale--;
    }
    return value;
}

static uint64_t hash_number(struct mtr_decimal number, uint64_t seed)
{
    struct mtr_decimal value = canonical(number);
    mtr_uint128 bits = (mtr_uint128)value.mantissa;
    unsigned char bytes[8 + 8 + 1];
    unsigned char *p = put_le(bytes, (uint64_t)bits, 8);
    p = put_le(p, (uint64_t)(bits >> 64), 8);
    *p = value.scale;
    return XXH3_64bits_withSeed(bytes, sizeof(bytes), seed);
}

static uint64_t hash_text(struct mtr_str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.size ? text.data : "", text.size, seed);
}

static uint64_t hash_property(const struct mtr_property *property)
{
    uint64_t seed = hash_text(property->name, (uint64_t)property->kind);
    if (property->kind == MTR_PROPERTY_STRING) return hash_text(property->text, seed);
    if (property->kind == MTR_PROPERTY_NUMBER) return hash_number(property->number, seed);
    return hash_text(MTR_STR(""), seed);
}

uint64_t mtr_event_digest(const struct mtr_event *event)
{
    uint64_t properties = 0; /* a sum: the order of a map's members means nothing */
    for (uint32_t i = 0; i < event->property_count; i++) properties += hash_property(&event->properties[i]);

    unsigned char bytes[8 + 8 + 8 + 8 + 4 + 1];
    unsigned char *p = put_le(bytes, hash_text(event->type, 0), 8);
    p = put_le(p, hash_text(event->subject, 0), 8);
    p = put_le(p, event->time_given ? (uint64_t)event->time_us : 0, 8);
    p = put_le(p, properties, 8);
    p = put_le(p, event->property_count, 4);
    *p = event->time_given;
    return XXH3_64bits(bytes, sizeof(bytes));
}
