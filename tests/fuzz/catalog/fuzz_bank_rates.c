/*
 * Any bytes as a bank's XML (the first says which bank): they are refused with a sentence, or the documents
 * made of them are rates that the catalog accepts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/bank.h"
#include "meterd/tariff/rates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES_MAX = 64 << 20, FINDINGS_MAX = 8 };

static void check_documents(const struct mtr_bank *bank, const struct mtr_bank_rates *rates, struct mtr_arena *arena)
{
    char skipped[MTR_BANK_SKIPPED_BYTES];
    struct mtr_buffer text;
    struct mtr_json_writer json;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct mtr_diagnostics findings;
    mtr_buffer_init(&text, ARENA_BYTES_MAX);
    mtr_json_begin(&json, &text);
    uint32_t days = mtr_bank_write_documents(bank, bank->name, rates, INT64_MIN, &json, skipped);
    int rc = mtr_json_finish(&json);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_document_parse(mtr_buffer_str(&text), &document, &broken);
    MTR_ASSERT(rc == MTR_OK);
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    const struct mtr_node *list = mtr_node_get(mtr_document_root(document), "rates");
    MTR_ASSERT(list->child_count == days && days <= rates->day_count);
    for (uint32_t i = 0; i < list->child_count; i++) {
        struct mtr_rates read;
        rc = mtr_rates_read(&list->children[i], arena, &read, &findings);
        MTR_ASSERT(rc == MTR_OK && findings.count == 0);
    }
    mtr_diagnostics_release(&findings);
    mtr_document_close(document);
    mtr_buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_diagnostic broken = {0};
    struct mtr_arena arena;
    struct mtr_bank_rates rates;
    if (size == 0) return 0;
    const struct mtr_bank *bank = data[0] == 'C' ? &mtr_bank_cbr : &mtr_bank_ecb;
    mtr_arena_init(&arena, 1 << 12, ARENA_BYTES_MAX);
    int rc = mtr_bank_read(bank, (struct mtr_str){(const char *)data + 1, size - 1}, &arena, &rates, &broken);
    MTR_ASSERT(rc == MTR_OK || broken.text[0]);
    if (rc == MTR_OK) check_documents(bank, &rates, &arena);
    mtr_arena_release(&arena);
    return 0;
}
