/*
 * A block's dictionary: texts numbered in the order of their first use. Private to lib/store.
 *
 * Texts are borrowed until the next reset. Memory is kept from block to block; the part of the table in use
 * follows the size of the block, so that a small block after a large one does not pay for clearing it.
 */
#ifndef METERD_LIB_STORE_LOG_BLOCK_DICTIONARY_H
#define METERD_LIB_STORE_LOG_BLOCK_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_block_text {
    const char *data;
    uint32_t size; /* bytes */
    uint32_t hint; /* the encoder's: 1 + the last shape of events of this type */
    uint64_t hash;
};

struct mtr_block_dictionary {
    struct mtr_block_text *texts;
    uint32_t count;
    uint32_t count_allocated;
    uint32_t *slots; /* 1 + index into texts, 0 is free; open addressing, at most half full */
    uint32_t slot_mask;
    uint32_t slots_allocated;
    uint64_t bytes; /* of all texts */
};

void block_dictionary_release(struct mtr_block_dictionary *dictionary);
int block_dictionary_reset(struct mtr_block_dictionary *dictionary) MTR_MUST_USE;
/* The number of `text`, added when new. Errors: MTR_ENOMEM; MTR_ELIMIT when longer than 65,535 bytes. */
int block_dictionary_add(struct mtr_block_dictionary *dictionary, struct mtr_str text,
                         uint32_t *index) MTR_MUST_USE;

static inline bool block_text_is(const struct mtr_block_dictionary *dictionary, uint32_t index,
                                 struct mtr_str text)
{
    const struct mtr_block_text *t = &dictionary->texts[index];
    return t->size == text.size && (text.size == 0 || memcmp(t->data, text.data, text.size) == 0);
}

#endif
