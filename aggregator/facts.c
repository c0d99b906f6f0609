/*
 * The fold's facts by name; fold.h lists them.
 */
#include "aggregator/fold.h"

#include <string.h>

enum { TYPE_SEPARATOR = 0x1F };

static void put_big_endian(char *p, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--, value >>= 8) p[i] = (char)(unsigned char)value;
}

uint64_t fact_read_u64(const char *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static void append(struct mtr_fact_name *name, const void *data, size_t size)
{
    MTR_ASSERT(size <= sizeof(name->data) - name->size);
    if (size) memcpy(name->data + name->size, data, size);
    name->size += size;
}

struct mtr_fact_name fact_type(struct mtr_str vendor, struct mtr_str type)
{
    static const char separator = TYPE_SEPARATOR;
    struct mtr_fact_name name = {.size = 0};
    append(&name, "type/", 5);
    append(&name, vendor.data, vendor.size);
    append(&name, &separator, 1);
    append(&name, type.data, type.size);
    return name;
}

struct mtr_fact_name fact_number(const char *prefix, uint32_t number)
{
    char bytes[4];
    struct mtr_fact_name name = {.size = 0};
    MTR_ASSERT(number > 0); /* the catalog counts from 1 */
    put_big_endian(bytes, number, 4);
    append(&name, prefix, strlen(prefix));
    append(&name, bytes, sizeof(bytes));
    return name;
}

struct mtr_fact_name fact_numbers(const char *prefix, uint32_t first, uint32_t second)
{
    char bytes[4];
    struct mtr_fact_name name = fact_number(prefix, first);
    MTR_ASSERT(second > 0);
    put_big_endian(bytes, second, 4);
    append(&name, bytes, sizeof(bytes));
    return name;
}

int fact_get_u64(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name, uint64_t *out)
{
    struct mtr_str value;
    int rc = mtr_rollups_get_fact(aggregator->txn, (struct mtr_str){name->data, name->size}, &value);
    if (rc) return rc;
    if (value.size < 8) return MTR_ECORRUPT;
    *out = fact_read_u64(value.data);
    return MTR_OK;
}

int fact_put_u64(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name, uint64_t first,
                 const uint64_t *second)
{
    char bytes[16];
    put_big_endian(bytes, first, 8);
    if (second) put_big_endian(bytes + 8, *second, 8);
    aggregator->state_changed = true;
    return mtr_rollups_put_fact(aggregator->txn, (struct mtr_str){name->data, name->size},
                                (struct mtr_str){bytes, second ? 16 : 8});
}

int fact_delete(struct mtr_aggregator *aggregator, const struct mtr_fact_name *name)
{
    aggregator->state_changed = true;
    return mtr_rollups_delete_fact(aggregator->txn, (struct mtr_str){name->data, name->size});
}
