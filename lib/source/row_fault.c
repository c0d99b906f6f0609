/*
 * What mappings and formats say of what is wrong in them.
 */
#include "lib/source/row_fault.h"

#include <stdio.h>

int row_fault(const struct mtr_node *node, struct mtr_diagnostic *diagnostic, const char *what)
{
    char field[64];
    snprintf(field, sizeof(field), "%.*s", node->key.size < 60 ? (int)node->key.size : 60,
             node->key.size ? node->key.data : "");
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_MAP, node->line, node->column, field, "%s", what);
    return MTR_EINVALID;
}

int row_fault_of_word(const struct mtr_node *node, const char *what, struct mtr_str word,
                         const char *const *known, struct mtr_diagnostic *diagnostic)
{
    char sentence[MTR_FINDING_TEXT_BYTES], meant[MTR_MEANT_BYTES];
    size_t used = (size_t)snprintf(sentence, sizeof(sentence), "%s", what);
    for (size_t i = 0; known[i] && used < sizeof(sentence); i++)
        used += (size_t)snprintf(sentence + used, sizeof(sentence) - used, "%s%s",
                                 i == 0 ? "" : known[i + 1] ? ", " : " or ", known[i]);
    MTR_ASSERT(used < sizeof(sentence));
    snprintf(sentence + used, sizeof(sentence) - used, " is expected%s",
             mtr_str_meant_of(word, known, meant));
    return row_fault(node, diagnostic, sentence);
}

int row_fault_of_key(const struct mtr_node *node, const char *const *known,
                        struct mtr_diagnostic *diagnostic)
{
    return row_fault_of_word(node, "unknown key: ", node->key, known, diagnostic);
}

bool row_is_known(struct mtr_str word, const char *const *known)
{
    for (; *known; known++)
        if (mtr_str_equal(word, mtr_str_from(*known))) return true;
    return false;
}

int row_check_keys(const struct mtr_node *map, const char *const *known, struct mtr_diagnostic *diagnostic)
{
    for (uint32_t i = 0; i < map->child_count; i++)
        if (!row_is_known(map->children[i].key, known))
            return row_fault_of_key(&map->children[i], known, diagnostic);
    return MTR_OK;
}
