/*
 * Dictionary of a block: XXH3 and linear probing. Invariant: count <= (slot_mask + 1) / 2.
 *
 * The hash is not keyed: all texts of one block come from at most a few authenticated vendors, a block's size
 * is bounded, and the table dies with the block. Equal texts are told by their bytes, never by their hash.
 */
#include "lib/store/log/block_dictionary.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SLOTS_MIN = 1 << 10, TEXTS_MIN = SLOTS_MIN / 2 };

void block_dictionary_release(struct mtr_block_dictionary *dictionary)
{
    free(dictionary->texts);
    free(dictionary->slots);
    *dictionary = (struct mtr_block_dictionary){0};
}

static int use_slots(struct mtr_block_dictionary *dictionary, uint32_t slots)
{
    if (slots > dictionary->slots_allocated) {
        uint32_t *memory = malloc(slots * sizeof(*memory));
        if (!memory) return MTR_ENOMEM;
        free(dictionary->slots);
        dictionary->slots = memory;
        dictionary->slots_allocated = slots;
    }
    dictionary->slot_mask = slots - 1;
    memset(dictionary->slots, 0, slots * sizeof(*dictionary->slots));
    return MTR_OK;
}

int block_dictionary_reset(struct mtr_block_dictionary *dictionary)
{
    uint32_t slots = SLOTS_MIN;
    while (slots / 2 < dictionary->count) slots *= 2; /* blocks resemble the one before them */
    dictionary->count = 0;
    dictionary->bytes = 0;
    return use_slots(dictionary, slots);
}

static void place(struct mtr_block_dictionary *dictionary, uint64_t hash, uint32_t index)
{
    uint32_t slot = (uint32_t)hash & dictionary->slot_mask;
    while (dictionary->slots[slot]) slot = (slot + 1) & dictionary->slot_mask;
    dictionary->slots[slot] = index + 1;
}

static int grow_slots(struct mtr_block_dictionary *dictionary)
{
    if (dictionary->slot_mask >= UINT32_MAX / 4) return MTR_ELIMIT;
    int rc = use_slots(dictionary, (dictionary->slot_mask + 1) * 2);
    if (rc) return rc;
    for (uint32_t i = 0; i < dictionary->count; i++) place(dictionary, dictionary->texts[i].hash, i);
    return MTR_OK;
}

static int grow_texts(struct mtr_block_dictionary *dictionary)
{
    uint32_t count = dictionary->count_allocated ? dictionary->count_allocated * 2 : TEXTS_MIN;
    struct mtr_block_text *texts = realloc(dictionary->texts, count * sizeof(*texts));
    if (!texts) return MTR_ENOMEM;
    dictionary->texts = texts;
    dictionary->count_allocated = count;
    return MTR_OK;
}

static int add_new(struct mtr_block_dictionary *dictionary, struct mtr_str text, uint64_t hash,
                   uint32_t *index)
{
    int rc = MTR_OK;
    if (text.size > UINT16_MAX) return MTR_ELIMIT;
    if (dictionary->count == dictionary->count_allocated) rc = grow_texts(dictionary);
    if (!rc && dictionary->count >= (dictionary->slot_mask + 1) / 2) rc = grow_slots(dictionary);
    if (rc) return rc;
    *index = dictionary->count++;
    dictionary->texts[*index] = (struct mtr_block_text){
        .data = text.data ? text.data : "", .size = (uint32_t)text.size, .hash = hash};
    dictionary->bytes += text.size;
    place(dictionary, hash, *index);
    return MTR_OK;
}

int block_dictionary_add(struct mtr_block_dictionary *dictionary, struct mtr_str text, uint32_t *index)
{
    if (!text.data) text.data = "";
    uint64_t hash = XXH3_64bits(text.data, text.size);
    for (uint32_t slot = (uint32_t)hash & dictionary->slot_mask; dictionary->slots[slot];
         slot = (slot + 1) & dictionary->slot_mask) {
        uint32_t candidate = dictionary->slots[slot] - 1;
        if (dictionary->texts[candidate].hash == hash && block_text_is(dictionary, candidate, text)) {
            *index = candidate;
            return MTR_OK;
        }
    }
    return add_new(dictionary, text, hash, index);
}
