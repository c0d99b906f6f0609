/*
 * The only C++ of the program: it runs simdjson's stage 1 (vectorized, chosen for the CPU at run time) and
 * hands out its index.
 *
 * Stage 2 and On-Demand are left out on purpose: both give up a document at its first fault, and On-Demand
 * compiled for a plain x86-64 falls back to byte-wise string reading. Invariants: no exception leaves this
 * file (simdjson is called through its noexcept parts); scratch above SCRATCH_KEPT_BYTES is given back before
 * returning to a smaller text.
 */
#include "collector/decode/json_index.h"

#include <simdjson.h>

#include <memory>

namespace {

using scanner = simdjson::internal::dom_parser_implementation;

constexpr size_t SCRATCH_FIRST_BYTES = 64 << 10;
constexpr size_t SCRATCH_KEPT_BYTES = 4 << 20;
constexpr size_t TEXT_BYTES_MAX = UINT32_MAX - 4096; /* offsets are 32 bits, and the scratch rounds up */

thread_local std::unique_ptr<scanner> scratch;

bool ensure_scratch(size_t size) noexcept
{
    if (scratch && scratch->capacity() >= size &&
        (scratch->capacity() <= SCRATCH_KEPT_BYTES || size > SCRATCH_KEPT_BYTES))
        return true;
    size_t capacity = SCRATCH_FIRST_BYTES;
    while (capacity < size && capacity < SCRATCH_KEPT_BYTES) capacity *= 2;
    if (capacity < size) capacity = size;
    scratch.reset();
    return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, scratch) ==
           simdjson::SUCCESS;
}

} // namespace

extern "C" int json_index_build(struct mtr_str text, struct mtr_json_index *out)
{
    static const uint32_t nothing[] = {0};
    if (text.size > TEXT_BYTES_MAX) return MTR_ELIMIT;
    if (text.size == 0) {
        *out = {nothing, 0, true};
        return MTR_OK;
    }
    if (!ensure_scratch(text.size)) return MTR_ENOMEM;
    scratch->n_structural_indexes = 0;
    auto error = scratch->stage1(reinterpret_cast<const uint8_t *>(text.data), text.size,
                                 simdjson::stage1_mode::regular);
    uint32_t count = scratch->n_structural_indexes;
    const uint32_t *offsets = scratch->structural_indexes.get();
    if (error == simdjson::EMPTY) {
        /* White space only: simdjson's sentinel is not promised here, so use the text's size as the only
         * entry. */
        scratch->structural_indexes[0] = static_cast<uint32_t>(text.size);
        *out = {offsets, 0, true};
        return MTR_OK;
    }
    if (error == simdjson::UTF8_ERROR && count > 0) {
        *out = {offsets, count, false};
        return MTR_OK;
    }
    if (error != simdjson::SUCCESS) return error == simdjson::MEMALLOC ? MTR_ENOMEM : MTR_EINVALID;
    MTR_ASSERT(offsets[count] == text.size);
    *out = {offsets, count, true};
    return MTR_OK;
}
