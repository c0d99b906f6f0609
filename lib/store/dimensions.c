/*
 * The order of dimensions: see meterd/store/dimensions.h.
 *
 * Two lines are told apart by the first byte in which their values differ, as in the order of bytes: only the
 * bytes are in another order there, by the text that each makes.
 */
#include "meterd/store/dimensions.h"

#include <string.h>

enum { VALUE_END = 0x1F, BYTES = 256, WEIGHT = BYTES };

/* Bytes by what they make of a text; the end of the last value: of nothing. */
static int weight_of(unsigned char byte, bool is_last)
{
    switch (byte) {
    case VALUE_END: return is_last ? -1 : ',' * WEIGHT;
    case ',':
    case '=':
    case '\\': return '\\' * WEIGHT + byte;
    default: return byte * WEIGHT;
    }
}

static int weight_at(struct mtr_str text, size_t index, bool has_more)
{
    return weight_of((unsigned char)text.data[index], !has_more && index + 1 == text.size);
}

/* Up to where both are the same. */
static size_t common(struct mtr_str a, struct mtr_str b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    size_t index = 0;
    while (index < size && a.data[index] == b.data[index]) index++;
    return index;
}

/* 0 also where values of which there are more may become either. */
static int compare(const struct mtr_dimensions_values *values, struct mtr_str line)
{
    const size_t index = common(values->text, line);
    if (index < values->text.size && index < line.size)
        return weight_at(values->text, index, values->has_more) - weight_at(line, index, false);
    if (values->text.size < line.size) return values->has_more ? 0 : -1;
    return values->text.size > line.size || values->has_more;
}

int mtr_dimensions_compare(struct mtr_str a, struct mtr_str b)
{
    const struct mtr_dimensions_values values = {a, false};
    return compare(&values, b);
}

int mtr_dimensions_range_compare(const struct mtr_dimensions_range *range,
                                 const struct mtr_dimensions_values *values)
{
    if (compare(values, range->from) < 0) return -1;
    if (!range->has_until) return 0;
    const int order = compare(values, range->until);
    return order > 0 || (order == 0 && !values->has_more);
}

bool mtr_dimensions_range_holds(const struct mtr_dimensions_range *range, struct mtr_str dimensions)
{
    const struct mtr_dimensions_values values = {dimensions, false};
    return mtr_dimensions_range_compare(range, &values) == 0;
}

/* ---- in the order of bytes ---- */

static bool is_special(unsigned byte)
{
    return byte == VALUE_END || byte == ',' || byte == '=' || byte == '\\';
}

/* The end of a value may be that of the last one, or not. */
static bool lies(unsigned byte, int bound, bool behind)
{
    const int weight = weight_of((unsigned char)byte, !behind);
    return behind ? weight > bound : weight < bound;
}

/* The least byte from `from` on that, in place of `bound`, lies behind it, or before it. BYTES: none. All
 * bytes but the special ones are in their own order. */
static unsigned least_byte(unsigned from, int bound, bool behind)
{
    static const unsigned char special[] = {VALUE_END, ',', '=', '\\'};
    const unsigned above = bound < 0 ? 0 : (unsigned)bound / WEIGHT + 1; /* the first that weighs more */
    unsigned least = behind && above > from ? above : from;
    while (is_special(least)) least++;
    if (least < BYTES && !lies(least, bound, behind)) least = BYTES;
    for (unsigned i = 0; i < sizeof(special); i++)
        if (special[i] >= from && special[i] < least && lies(special[i], bound, behind)) least = special[i];
    return least < BYTES ? least : BYTES;
}

/* Goes on as the range's begin does, up to where a lesser byte lies behind it, too. */
static size_t go_on(struct mtr_str from, char *bytes, size_t size)
{
    while (size < from.size) {
        const unsigned byte = least_byte(0, weight_at(from, size, false), true);
        const bool is_less = byte < (unsigned char)from.data[size];
        bytes[size] = is_less ? (char)byte : from.data[size];
        size++;
        if (is_less) break;
    }
    return size;
}

static struct mtr_str first_values(const char *bytes, size_t size, uint32_t count)
{
    size_t end = 0;
    for (; count > 0 && end < size; count--) {
        const char *at = memchr(bytes + end, VALUE_END, size - end);
        end = at ? (size_t)(at - bytes) + 1 : size;
    }
    return (struct mtr_str){bytes, end};
}

struct mtr_str mtr_dimensions_range_first(const struct mtr_dimensions_range *range, uint32_t count,
                                          char bytes[MTR_DIMENSIONS_NEXT_BYTES])
{
    MTR_ASSERT(range->from.size <= MTR_DIMENSIONS_NEXT_BYTES);
    return first_values(bytes, go_on(range->from, bytes, 0), count);
}

bool mtr_dimensions_range_next(const struct mtr_dimensions_range *range,
                               const struct mtr_dimensions_values *values, uint32_t count,
                               char bytes[MTR_DIMENSIONS_NEXT_BYTES], struct mtr_str *next)
{
    const bool is_before = compare(values, range->from) < 0;
    const struct mtr_str bound = is_before ? range->from : range->until;
    const struct mtr_str text = values->text;
    size_t index = common(text, bound);
    MTR_ASSERT(mtr_dimensions_range_compare(range, values) != 0 && text.size <= MTR_DIMENSIONS_NEXT_BYTES);
    memcpy(bytes, text.data, text.size);
    if (index < text.size && index < bound.size) { /* the range's own byte, or one that lies within, too */
        const int weight = weight_at(bound, index, false);
        const unsigned own = (unsigned char)bound.data[index], after = (unsigned char)text.data[index] + 1U;
        unsigned byte = least_byte(after, weight, is_before);
        if (own >= after && own < byte) byte = own;
        bytes[index] = (char)byte;
        if (byte < BYTES) {
            const size_t size = is_before && byte == own ? go_on(bound, bytes, index + 1) : index + 1;
            *next = first_values(bytes, size, count);
            return true;
        }
    }
    while (index-- > 0) { /* behind what both begin with */
        const unsigned byte =
            least_byte((unsigned char)bound.data[index] + 1U, weight_at(bound, index, false), is_before);
        bytes[index] = (char)byte;
        if (byte == BYTES) continue;
        *next = first_values(bytes, index + 1, count);
        return true;
    }
    return false;
}
