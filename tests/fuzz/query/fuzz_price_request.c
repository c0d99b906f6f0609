/*
 * Any text as a request to price something, over no catalog: whoever may query may send it. It has findings with
 * sentences, or an answer that is JSON; asked again it has the same. A tariff that many know stands in the corpus.
 */
#include <stdint.h>
#include <string.h>

#include "meterd/core/document.h"
#include "meterd/query/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES_MAX = 256 << 20, ANSWER_BYTES_MAX = 64 << 20, FINDINGS_MAX = 8 };
#define NOW_US (INT64_C(1773100800) * 1000000)

static int price(struct mtr_str text, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_arena arena;
    struct mtr_diagnostics findings;
    mtr_arena_init(&arena, 1 << 14, ARENA_BYTES_MAX);
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    mtr_buffer_init(out, ANSWER_BYTES_MAX);
    mtr_json_begin(&json, out);
    int rc = mtr_price_request_run(text, &(struct mtr_price_asker){.now_us = NOW_US}, &arena, &json, &findings);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_EINVALID || rc == MTR_ENOMEM || rc == MTR_ELIMIT);
    MTR_ASSERT((rc == MTR_EINVALID) == (findings.errors > 0));
    for (size_t i = 0; i < findings.count; i++)
        MTR_ASSERT(findings.items[i].text[0] && mtr_str_is_utf8(mtr_str_from(findings.items[i].text)));
    if (!rc) rc = mtr_json_finish(&json);
    mtr_diagnostics_release(&findings);
    mtr_arena_release(&arena);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mtr_str text = {(const char *)data, size};
    struct mtr_buffer first, second;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    const int rc = price(text, &first), again = price(text, &second);
    MTR_ASSERT(rc == again);
    if (!rc) {
        MTR_ASSERT(mtr_str_equal(mtr_buffer_str(&first), mtr_buffer_str(&second)));
        MTR_ASSERT(mtr_document_parse(mtr_buffer_str(&first), &document, &diagnostic) == MTR_OK);
        MTR_ASSERT(mtr_node_get(mtr_document_root(document), "total"));
        mtr_document_close(document);
    }
    mtr_buffer_release(&first);
    mtr_buffer_release(&second);
    return 0;
}
