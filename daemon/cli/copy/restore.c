/*
 * meterd restore: a data directory of a backup, up to an event.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/stores/leftovers.h"
#include "daemon/stores/restore.h"
#include "meterd/core/json_writer.h"

static int print_json(const struct restore_wanted *wanted, const struct restore_made *made)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, 1 << 16);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "directory", wanted->target);
    mtr_json_named_u64(&json, "folded_seq", made->folded_seq);
    mtr_json_named_u64(&json, "last_seq", made->last_seq);
    mtr_json_map_end(&json);
    int rc = mtr_json_finish(&json);
    if (!rc) printf("%.*s\n", (int)out.size, out.data);
    mtr_buffer_release(&out);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    const char *to = invocation_option(invocation, "to");
    struct mtr_diagnostic diagnostic = {0};
    struct restore_made made;
    char target[CLI_DIRECTORY_BYTES];
    struct restore_wanted wanted = {.backup = invocation->arguments[0],
                                    .target = target,
                                    .log = invocation_option(invocation, "log"),
                                    .up_to = UINT64_MAX,
                                    .on_removed = leftovers_say};
    if (!cli_directory_name(invocation->arguments[1], target)) return MTR_EXIT_USAGE;
    if (to && (!mtr_str_to_u64(mtr_str_from(to), &wanted.up_to) || !wanted.up_to)) {
        fprintf(stderr, "meterd restore: --to %s: give the number of an event, as meterd events shows it\n",
                to);
        return MTR_EXIT_USAGE;
    }
    const int rc = restore_make(&wanted, &made, &diagnostic);
    if (rc) {
        fprintf(stderr, "meterd: nothing was restored: %s\n", diagnostic.text);
        return rc == MTR_EAGAIN ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    if (invocation_flag(invocation, "json")) return print_json(&wanted, &made);
    if (to && made.last_seq < wanted.up_to)
        printf("the log ends at event %" PRIu64 ": that is its end, or the next ones came in one request "
               "with some behind %" PRIu64 "\n",
               made.last_seq, wanted.up_to);
    printf("%s has the stores of %s and the log up to event %" PRIu64 ", of which those behind %" PRIu64
           " are folded and charged at the start; put it where data.directory points\n",
           wanted.target, wanted.backup, made.last_seq, made.folded_seq);
    return MTR_EXIT_OK;
}

static const struct cli_option options[] = {
    {"log", 0, "DIRECTORY", "take the log of that data directory or backup, which goes on after BACKUP"},
    {"to", 0, "SEQ", "only events up to that one"},
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_restore = {
    .name = "restore",
    .arguments = "BACKUP DIRECTORY",
    .arguments_min = 2,
    .arguments_max = 2,
    .doc = "make a data directory of a backup, and of a log up to an event",
    .text = "BACKUP is verified; DIRECTORY is made and must not exist. Charges, rollups and catalog are\n"
            "those of BACKUP; with --log what was received since comes with it, up to --to. Documents that\n"
            "were applied since are to be applied again. The start on it begins an epoch, as on any copy.\n",
    .options = options,
    .run = run,
};
