/*
 * Files that commands and the daemon read: a series of use for `meterd price`, a configuration, and a recording of a
 * vendor's answers. The first byte chooses. Each is refused with a sentence, or is what its header promises: rows
 * that are JSON and know their lines; values in their ranges, which a second reading gives again; readings whose
 * windows end behind their beginning.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/command.h"
#include "daemon/cli/price/series_file.h"
#include "daemon/cli/source/recording.h"
#include "daemon/config.h"
#include "meterd/core/document.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERIES, CONFIG, RECORDING, KINDS, PATH_BYTES = DIRECTORY_PATH_BYTES + 32, ROWS_BYTES_MAX = 64 << 20, FINDINGS_MAX = 8 };

static char directory[DIRECTORY_PATH_BYTES];
static FILE *said; /* what commands print */

static void clean_up(void)
{
    remove_tree(directory);
}

static void begin(void)
{
    make_temporary_in_memory(directory);
    said = tmpfile();
    MTR_ASSERT(said);
    atexit(clean_up);
}

static void write_file(const char *name, struct mtr_str text, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MTR_ASSERT(fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size);
    close(fd);
}

/* Was something said since? */
static bool has_said(void)
{
    const bool has = ftell(said) > 0;
    rewind(said);
    return has;
}

static void check_series(struct mtr_str text)
{
    struct price_series series = {.path = NULL};
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    char path[PATH_BYTES];
    write_file("series", text, path);
    mtr_buffer_init(&series.rows, ROWS_BYTES_MAX);
    mtr_buffer_init(&series.lines, ROWS_BYTES_MAX);
    const int code = series_file_read(path, &series);
    MTR_ASSERT((code != MTR_EXIT_OK) == has_said());
    if (code == MTR_EXIT_OK && series.rows.size) {
        int rc = mtr_document_parse(mtr_buffer_str(&series.rows), &document, &diagnostic);
        MTR_ASSERT(rc == MTR_OK && mtr_document_root(document)->kind == MTR_NODE_LIST);
        const uint32_t rows = mtr_document_root(document)->child_count;
        MTR_ASSERT(series.lines.size == rows * sizeof(uint64_t));
        uint64_t line, before = series.header_line;
        for (uint32_t i = 0; i < rows; i++, before = line) {
            memcpy(&line, series.lines.data + i * sizeof(line), sizeof(line));
            MTR_ASSERT(line > before);
        }
        mtr_document_close(document);
    }
    mtr_buffer_release(&series.rows);
    mtr_buffer_release(&series.lines);
}

static void on_key(void *context, const char *section, const char *key)
{
    (void)context;
    MTR_ASSERT(!section && !key); /* read twice, and not the same */
}

static void check_config(struct mtr_str text)
{
    struct mtr_config first, second;
    struct mtr_diagnostics findings;
    const char *name;
    char path[PATH_BYTES];
    write_file("config", text, path);
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = config_load(path, NULL, NULL, &first, &name, &findings);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_EINVALID || rc == MTR_ENOMEM);
    MTR_ASSERT((rc == MTR_EINVALID) == (findings.errors > 0));
    for (size_t i = 0; i < findings.count; i++) MTR_ASSERT(findings.items[i].text[0]);
    if (!rc) {
        MTR_ASSERT(first.intake.lateness <= first.intake.dedup_window && first.intake.dedup_window <= first.log.retention);
        MTR_ASSERT(first.listen.port <= 65535 && first.listen.body_timeout > 0);
        rc = config_load(path, NULL, NULL, &second, &name, &findings);
        MTR_ASSERT(rc == MTR_OK);
        config_compare(&first, &second, on_key, NULL);
        config_release(&second);
    }
    config_release(&first);
    mtr_diagnostics_release(&findings);
}

static void check_recording(struct mtr_str text)
{
    const struct mtr_trial_request request = {.method = MTR_STR("GET"), .url = MTR_STR("https://a.example/x?b=1&a=2"), .body = MTR_STR("")};
    struct recording *recording;
    const struct mtr_trial_ask *asks;
    struct trying_answer answer;
    char path[PATH_BYTES];
    write_file("0001.body", MTR_STR("{}"), path);
    write_file("recording.json", text, path);
    const int code = recording_open(directory, &recording);
    MTR_ASSERT((code != MTR_EXIT_OK) == has_said());
    if (code != MTR_EXIT_OK) return;
    const uint32_t count = recording_asks(recording, &asks);
    for (uint32_t i = 0; i < count; i++)
        MTR_ASSERT(asks[i].window.from_us < asks[i].window.to_us || (!asks[i].window.from_us && !asks[i].window.to_us));
    for (int i = 0; i < 3; i++) {
        if (!recording_find(recording, &request, &answer)) continue;
        MTR_ASSERT(answer.status <= 999 && mtr_str_equal(answer.body, MTR_STR("{}")));
    }
    recording_close(recording);
    (void)has_said();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *const console = stderr;
    if (!size) return 0;
    if (!said) begin();
    const struct mtr_str text = {(const char *)data + 1, size - 1};
    stderr = said; /* glibc's is a variable; the sanitizers write past it */
    switch (data[0] % KINDS) {
    case SERIES: check_series(text); break;
    case CONFIG: check_config(text); break;
    default: check_recording(text); break;
    }
    stderr = console;
    return 0;
}
