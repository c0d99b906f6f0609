/*
 * See audit_polled.h.
 */
#include "daemon/cli/command/audit_polled.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/time.h"

enum { PATH_BYTES = 4096, PRINTED_MAX = 100 };

static int on_twice(void *context, const struct mtr_polled_twice *twice)
{
    uint64_t *printed = context;
    char first[MTR_TIME_TEXT_BYTES], second[MTR_TIME_TEXT_BYTES];
    if ((*printed)++ >= PRINTED_MAX) return 0;
    mtr_time_format(twice->first_us, first);
    mtr_time_format(twice->second_us, second);
    fprintf(stderr,
            "%s: %.*s/%.*s%s%.*s: row `%.*s%s` counts at %s (event %" PRIu64 "), and at %s "
            "(event %" PRIu64 "): `meterd source run %.*s` with --from and --to of the "
            "window that it left takes it back there\n",
            mtr_finding_kind(MTR_FINDING_AUDIT_POLLED_TWICE)->code, MTR_STR_ARGS(twice->vendor),
            MTR_STR_ARGS(twice->source), twice->each.size ? " of " : "", MTR_STR_ARGS(twice->each),
            MTR_STR_QUOTED(twice->id), first, twice->first_seq, second, twice->second_seq,
            MTR_STR_ARGS(twice->source));
    return 0;
}

static void on_progress(void *context, uint64_t seq)
{
    (void)context;
    fprintf(stderr, "\rlooking for rows that count twice: event %" PRIu64, seq);
}

int audit_polled(const char *data_directory, bool with_progress, struct mtr_polled_rows *out,
                 struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    uint64_t printed = 0;
    struct mtr_log_reader *reader = NULL;
    const struct mtr_polled_rows_hooks hooks = {
        .context = &printed, .on_twice = on_twice, .on_progress = with_progress ? on_progress : NULL};
    snprintf(path, sizeof(path), "%s/log", data_directory);
    int rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_polled_rows_check(reader, MTR_POLLED_ROWS_TOGETHER, &hooks, out, diagnostic);
    mtr_log_reader_close(reader);
    return rc;
}
