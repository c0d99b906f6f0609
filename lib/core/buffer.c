/*
 * Growable bytes with a maximum. Invariant: size <= capacity <= size_max.
 */
#include "meterd/core/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY_BYTES = 256 };

void mtr_buffer_init(struct mtr_buffer *buffer, size_t size_max)
{
    *buffer = (struct mtr_buffer){.size_max = size_max};
}

void mtr_buffer_release(struct mtr_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct mtr_buffer){.size_max = buffer->size_max};
}

void mtr_buffer_reset(struct mtr_buffer *buffer)
{
    buffer->size = 0;
}

int mtr_buffer_reserve(struct mtr_buffer *buffer, size_t size)
{
    MTR_ASSERT(buffer->size <= buffer->capacity);
    if (size <= buffer->capacity - buffer->size) return MTR_OK;
    if (size > buffer->size_max - buffer->size) return MTR_ELIMIT;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY_BYTES;
    while (capacity < buffer->size + size)
        capacity = capacity > buffer->size_max / 2 ? buffer->size_max : capacity * 2;
    if (capacity > buffer->size_max) capacity = buffer->size_max;
    char *data = realloc(buffer->data, capacity);
    if (!data) return MTR_ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return MTR_OK;
}

int mtr_buffer_append(struct mtr_buffer *buffer, const void *data, size_t size)
{
    int rc = mtr_buffer_reserve(buffer, size);
    if (rc) return rc;
    if (size) memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return MTR_OK;
}

int mtr_buffer_append_str(struct mtr_buffer *buffer, struct mtr_str text)
{
    return mtr_buffer_append(buffer, text.data, text.size);
}

int mtr_buffer_append_char(struct mtr_buffer *buffer, char character)
{
    return mtr_buffer_append(buffer, &character, 1);
}

int mtr_buffer_vprintf(struct mtr_buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    MTR_ASSERT(needed >= 0);
    int rc = mtr_buffer_reserve(buffer, (size_t)needed + 1);
    if (!rc) {
        vsnprintf(buffer->data + buffer->size, (size_t)needed + 1, format, again);
        buffer->size += (size_t)needed;
    }
    va_end(again);
    return rc;
}

int mtr_buffer_printf(struct mtr_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = mtr_buffer_vprintf(buffer, format, args);
    va_end(args);
    return rc;
}

struct mtr_str mtr_buffer_str(const struct mtr_buffer *buffer)
{
    return (struct mtr_str){buffer->data, buffer->size};
}
