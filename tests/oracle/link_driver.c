/*
 * Answers questions about links for test_link_oracle.py: a line `BASE<tab>REFERENCE` of a source on https://api.example
 * whose files stand on files.example gives the whole URL, or `refused`.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/link.h"

static void answer(char *line, const struct mtr_source *source)
{
    struct source_call from = {.method = {NULL, 0}};
    struct mtr_arena arena;
    struct mtr_buffer out;
    const char *fault;
    char *tab = strchr(line, '\t');
    line[strcspn(line, "\n")] = '\0';
    *tab = '\0';
    mtr_arena_init(&arena, 1024, 1 << 20);
    mtr_buffer_init(&out, 1 << 20);
    int rc = source_call_set_url(&from, mtr_str_from(line), &arena);
    if (!rc) rc = source_link_resolve(&from, mtr_str_from(tab + 1), source, &out, &fault);
    if (rc) puts("refused");
    else printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_buffer_release(&out);
    mtr_arena_release(&arena);
}

int main(void)
{
    static char line[4096];
    const struct mtr_str hosts[] = {MTR_STR("files.example")};
    const struct mtr_source source = {
        .base = {.is_https = true, .host = MTR_STR("api.example"), .port = 443}, .hosts = hosts, .host_count = 1};
    while (fgets(line, sizeof(line), stdin)) answer(line, &source);
    return 0;
}
