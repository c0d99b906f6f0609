/*
 * Fuzz target: links out of hostile answers, in headers and in bodies, are refused or lead where the document lets them.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "collector/source/link.h"
#include "collector/source/paging/paging.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mtr_str hosts[] = {{"files.example", 13}, {"other.example:8443", 18}, {"*.blob.example", 14}, {"[::1]:8443", 10}};
static const struct mtr_source source = {.base = {.is_https = true, .host = {"api.example", 11}, .port = 443},
                                         .hosts = hosts,
                                         .host_count = sizeof(hosts) / sizeof(*hosts),
                                         .paging = {.kind = MTR_PAGING_LINK_HEADER, .rel = {"next", 4}}};
static const struct source_call from = {.is_https = true, .host = {"api.example", 11}, .port = 443, .path = {"/v2/items", 9}, .query = {"a=b", 3}};

static bool is_host(const struct source_call *call, const char *host, uint16_t port)
{
    return call->host.size == strlen(host) && strncasecmp(call->host.data, host, call->host.size) == 0 && call->port == port;
}

/* Written down once more, without the rules of link.c. */
static void check_url(struct mtr_str url)
{
    static const char blob[] = ".blob.example";
    struct source_call call = {.method = {NULL, 0}};
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1024, 1 << 20);
    MTR_ASSERT(url.size > 8 && memcmp(url.data, "https://", 8) == 0);
    MTR_ASSERT(source_call_set_url(&call, url, &arena) == MTR_OK);
    const size_t size = call.host.size;
    const bool is_blob = size > sizeof(blob) - 1 && call.port == 443 &&
                         strncasecmp(call.host.data + size - sizeof(blob) + 1, blob, sizeof(blob) - 1) == 0;
    MTR_ASSERT(is_host(&call, "api.example", 443) || is_host(&call, "files.example", 443) || is_host(&call, "other.example", 8443) ||
               is_host(&call, "::1", 8443) || is_blob);
    for (size_t i = 0; i < url.size; i++) MTR_ASSERT((unsigned char)url.data[i] > ' ' && url.data[i] != '#');
    MTR_ASSERT(!memmem(call.path.data, call.path.size, "/../", 4) && !memmem(call.path.data, call.path.size, "/./", 3));
    mtr_arena_release(&arena);
}

static void resolve(struct mtr_str reference)
{
    struct mtr_buffer out;
    const char *fault = NULL;
    mtr_buffer_init(&out, 1 << 20);
    int rc = source_link_resolve(&from, reference, &source, &out, &fault);
    if (!rc) check_url(mtr_buffer_str(&out));
    else MTR_ASSERT(out.size == 0 && (rc != MTR_EINVALID || fault));
    mtr_buffer_release(&out);
}

static void answer(struct mtr_str headers)
{
    struct paging *paging;
    struct paging_request request;
    enum paging_step step;
    const struct paging_page page = {.call = &from, .headers = headers, .rows = 1, .hash = {0, 7}};
    if (paging_open(&source, (struct mtr_str){NULL, 0}, &paging)) return;
    if (paging_answered(paging, &page, &step) == MTR_OK && step == PAGING_NEXT) {
        paging_request(paging, &request);
        check_url(request.link);
    }
    paging_close(paging);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mtr_str text = {(const char *)data, size};
    if (!size) return 0;
    resolve(text);
    answer(text);
    return 0;
}
