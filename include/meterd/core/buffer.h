/*
 * A growable run of bytes with a maximum.
 *
 * The owner calls init and release; memory grows by doubling up to size_max, and never past it: an append
 * that would is MTR_ELIMIT and leaves the buffer as it was. Not for more than one thread at a time. The data
 * pointer is valid until the next append or release.
 */
#ifndef METERD_CORE_BUFFER_H
#define METERD_CORE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_buffer {
    char *data;
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    size_t size_max; /* bytes; growth stops here */
};

void mtr_buffer_init(struct mtr_buffer *buffer, size_t size_max);
void mtr_buffer_release(struct mtr_buffer *buffer);
void mtr_buffer_reset(struct mtr_buffer *buffer); /* size 0, memory kept */

/* Makes room for `size` more bytes. Errors: MTR_ELIMIT, MTR_ENOMEM. */
int mtr_buffer_reserve(struct mtr_buffer *buffer, size_t size) MTR_MUST_USE;
int mtr_buffer_append(struct mtr_buffer *buffer, const void *data, size_t size) MTR_MUST_USE;
int mtr_buffer_append_str(struct mtr_buffer *buffer, struct mtr_str text) MTR_MUST_USE;
int mtr_buffer_append_char(struct mtr_buffer *buffer, char character) MTR_MUST_USE;
/* Takes room for one byte more than it prints, the NUL of printf. */
int mtr_buffer_printf(struct mtr_buffer *buffer, const char *format, ...) MTR_MUST_USE MTR_PRINTF(2, 3);
int mtr_buffer_vprintf(struct mtr_buffer *buffer, const char *format, va_list args) MTR_MUST_USE
    MTR_PRINTF(2, 0);

/* What the buffer holds, borrowed until the next append or release. */
struct mtr_str mtr_buffer_str(const struct mtr_buffer *buffer);

#endif
