/*
 * meterd repair: which of what is stored is whole, what can be made anew of the rest, and of what; and makes
 * it.
 *
 *   log       of nothing: what vendors said stands nowhere else; but the identities beside its blocks of these
 *   key       of nothing: with another one, what is sent again is not known
 *   catalog   of its own revisions, where none of them is lost
 *   charges   of nothing: they were promised to somebody
 *   rollups   of the log and the catalog, as meterd rebuild does
 *   intake    of the log, by the next start
 *   marks     of those beside the other stores, which say the same
 *
 * Nothing is made of what is not whole itself, and what cannot be made stays as it is. What is made anew was
 * put aside first, under a name that nothing had (daemon/stores/aside.h). What is lost is told, all of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/command/rebuild.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/cli/repair_look.h"
#include "daemon/daemon.h"
#include "daemon/stores/aside.h"
#include "daemon/stores/data_hold.h"
#include "daemon/stores/leftovers.h"
#include "meterd/catalog/salvage.h"
#include "meterd/store/charges.h"
#include "meterd/store/durable.h"
#include "meterd/store/hold.h"
#include "meterd/store/log.h"
#include "meterd/store/mark.h"

/* ---- looking ---- */

/* What the log says of it; only by who may write there. */
static void compare_key(struct repair *repair)
{
    uint8_t key[MTR_EVENT_KEY_BYTES];
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_log *log = NULL;
    if (repair->verdicts[REPAIR_KEY] != REPAIR_WHOLE || repair->verdicts[REPAIR_LOG] != REPAIR_WHOLE) return;
    int rc = event_key_ensure(repair->data, key, &diagnostic);
    if (!rc) rc = rebuild_lock_log(&repair->config, false, &log, &diagnostic);
    if (!rc) rc = mtr_dedup_check_key(log, key, &diagnostic);
    mtr_log_close(log);
    if (!rc) return;
    repair->verdicts[REPAIR_KEY] = REPAIR_DAMAGED;
    repair->diagnostics[REPAIR_KEY] = diagnostic;
}

/* ---- what can be done ---- */

/* Is all that it would be made of whole? */
static bool can_be_made(const struct repair *repair, enum repair_part part)
{
    const bool is_told = repair->verdicts[REPAIR_LOG] == REPAIR_WHOLE;
    switch (part) {
    case REPAIR_ROLLUPS:
        return is_told && repair->log_begin == 1 && repair->verdicts[REPAIR_CATALOG] == REPAIR_WHOLE &&
               repair->verdicts[REPAIR_CHARGES] != REPAIR_DAMAGED;
    case REPAIR_LOG: return repair_has_file(repair, part); /* else that is found by trying */
    case REPAIR_CATALOG: /* charges know which version there was */
        return repair_has_file(repair, part) && repair->verdicts[REPAIR_CHARGES] != REPAIR_DAMAGED;
    case REPAIR_INTAKE: return is_told;
    case REPAIR_MARKS: return repair->has_mark;
    default: return false;
    }
}

static const char *way_of(enum repair_part part)
{
    switch (part) {
    case REPAIR_ROLLUPS: return "folded again from the log";
    case REPAIR_LOG: return "without the damaged identities; the next start makes them again of the blocks";
    case REPAIR_CATALOG: return "made again of its own revisions";
    case REPAIR_INTAKE: return "put aside; the next start folds it again from the log";
    case REPAIR_MARKS: return "written again as those beside the other stores say";
    default: return "";
    }
}

/* ---- the catalog ---- */

static void on_loss(void *context, const struct mtr_catalog_loss *loss)
{
    struct repair *repair = context;
    char revision[32] = "all revisions", number[32];
    repair->losses++;
    if (loss->revision) snprintf(revision, sizeof(revision), "revision %" PRIu32, loss->revision);
    snprintf(number, sizeof(number), "number %" PRIu32, loss->number);
    const struct mtr_str name = loss->key.size ? loss->key : mtr_str_from(number);
    printf("         lost: %s of the %s %.*s\n", revision, loss->kind, MTR_STR_ARGS(name));
}

/* The highest version of the catalog that anything else remembers. */
static int find_version(struct repair *repair, uint64_t *version, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges *charges = NULL;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charges_cursor cursor;
    struct mtr_diagnostic unheard = {0};
    char path[REPAIR_PATH_BYTES + 80];
    *version = repair->mark.catalog_version;
    if (repair->verdicts[REPAIR_CHARGES] != REPAIR_WHOLE) return MTR_OK;
    int rc = mtr_charges_open(repair_path(repair, repair_names[REPAIR_CHARGES], path), true, &charges,
                              &unheard);
    if (rc) *diagnostic = unheard;
    if (!rc) rc = mtr_charges_begin(charges, false, &txn);
    if (!rc) rc = mtr_charges_get_cursor(txn, &cursor);
    if (!rc && cursor.scan_version > *version) *version = cursor.scan_version;
    mtr_charges_abort(txn);
    mtr_charges_close(charges);
    return rc;
}

/* The damaged file gets a second name, and the new one takes its first: there is one at every moment. Where
 * the new one stood is removed, whether that is known to the disk by then or not. */
static int exchange(struct repair *repair, const char *made)
{
    char path[REPAIR_PATH_BYTES + 80], file[REPAIR_PATH_BYTES + 128], other[PATH_MAX + 128];
    int rc = aside_make(repair_path(repair, repair_names[REPAIR_CATALOG], path), repair->aside);
    if (rc) return rc;
    snprintf(file, sizeof(file), "%s/data.mdb", path);
    snprintf(other, sizeof(other), "%s/data.mdb", repair->aside);
    if (link(file, other)) {
        rc = mtr_error_from_errno(errno);
        rmdir(repair->aside);
        return rc;
    }
    rc = mtr_durable_sync(repair->aside);
    snprintf(other, sizeof(other), "%s/data.mdb", made);
    return rc ? rc : mtr_durable_rename(other, file);
}

static int make_catalog(struct repair *repair, struct mtr_diagnostic *diagnostic)
{
    char from[REPAIR_PATH_BYTES + 80], to[REPAIR_PATH_BYTES + 80];
    struct mtr_catalog_salvage task = {.from = repair_path(repair, repair_names[REPAIR_CATALOG], from),
                                       .to = repair_path(repair, "catalog.repairing", to),
                                       .lost = on_loss,
                                       .context = repair};
    int rc = find_version(repair, &task.version_known, diagnostic);
    if (rc) return rc;
    if (repair->is_dry_run) task.to = NULL;
    else leftovers_remove_store(to); /* of a repair that was killed */
    rc = mtr_catalog_salvage(&task, diagnostic);
    if (!repair->is_dry_run) {
        if (!rc) rc = exchange(repair, to);
        leftovers_remove_store(to);
    }
    if (!rc) repair->verdicts[REPAIR_CATALOG] = REPAIR_WHOLE; /* for what is made of it */
    return rc;
}

/* ---- the rest ---- */

static int unseal_log(struct repair *repair, struct mtr_diagnostic *diagnostic)
{
    char path[REPAIR_PATH_BYTES + 80];
    uint32_t count;
    repair_path(repair, repair_names[REPAIR_LOG], path);
    int rc = mtr_log_unseal_damaged(path, repair->is_dry_run, &count, diagnostic);
    if (!rc && !count) rc = MTR_ECORRUPT; /* of all of it, which no segment has for itself */
    if (!rc) repair->verdicts[REPAIR_LOG] = REPAIR_WHOLE;
    return rc;
}

static int put_aside(struct repair *repair)
{
    char from[REPAIR_PATH_BYTES + 80];
    return aside_move(repair_path(repair, repair_names[REPAIR_INTAKE], from), repair->aside);
}

/* Each under a second name first. */
static int write_marks(struct repair *repair)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < MTR_MARKED_STORES; i++) {
        char path[REPAIR_PATH_BYTES + 80], file[REPAIR_PATH_BYTES + 128];
        if (!repair->is_mark_damaged[i]) continue;
        snprintf(file, sizeof(file), "%s/mark", repair_path(repair, mtr_marked_stores[i], path));
        rc = aside_keep(file, repair->aside);
        if (!rc) printf("         the damaged one is put aside as %s\n", repair->aside);
        *repair->aside = '\0';
        if (!rc) rc = mtr_mark_replace(path, &repair->mark);
    }
    return rc;
}

static int make(struct repair *repair, enum repair_part part, struct mtr_diagnostic *diagnostic)
{
    uint64_t events;
    if (part == REPAIR_LOG) return unseal_log(repair, diagnostic); /* these two have to be tried to know */
    if (part == REPAIR_CATALOG) return make_catalog(repair, diagnostic);
    if (repair->is_dry_run) return MTR_OK;
    switch (part) {
    case REPAIR_ROLLUPS: return rebuild_rollups(&repair->config, repair->aside, &events, diagnostic);
    case REPAIR_INTAKE: return put_aside(repair);
    default: return write_marks(repair);
    }
}

/* ---- saying ---- */

static void on_lost(void *context, const struct mtr_log_lost *lost)
{
    (void)context;
    if (lost->last_seq)
        printf("         lost: events %" PRIu64 " to %" PRIu64 ", of segment %06u\n", lost->first_seq,
               lost->last_seq, lost->segment);
    else
        printf("         lost: events from %" PRIu64 " on, of segment %06u, which is the last\n",
               lost->first_seq, lost->segment);
}

/* Behind the first damage that was found there may be more, and what is between is whole. */
static void say_lost_events(struct repair *repair)
{
    char path[REPAIR_PATH_BYTES + 80];
    struct mtr_diagnostic unheard = {0};
    repair_path(repair, repair_names[REPAIR_LOG], path);
    const int rc = mtr_log_find_lost(path, on_lost, repair, &unheard);
    if (rc) printf("         which events are lost cannot be said: %s\n", mtr_error_text(rc));
}

static bool say_whole(const struct repair *repair, enum repair_part part)
{
    const bool is_folded = part == REPAIR_ROLLUPS || part == REPAIR_INTAKE;
    if (repair->verdicts[part] == REPAIR_DAMAGED) return false;
    printf("%-8s %s\n", repair_names[part],
           repair->verdicts[part] == REPAIR_WHOLE           ? "whole"
           : is_folded && repair->has_mark ? "there is none: the next start folds it again from the log"
                                                     : "there is none");
    return true;
}

static void say_damage(const struct repair *repair, enum repair_part part)
{
    char path[REPAIR_PATH_BYTES + 80];
    if (part != REPAIR_MARKS) {
        printf("%-8s %s\n", repair_names[part], repair->diagnostics[part].text);
        return;
    }
    for (int i = 0; i < MTR_MARKED_STORES; i++)
        if (repair->is_mark_damaged[i])
            printf("%-8s %s/mark is damaged\n", repair_names[REPAIR_MARKS],
                   repair_path(repair, mtr_marked_stores[i], path));
}

static const char *why_not(const struct repair *repair, enum repair_part part)
{
    const bool is_of_others = part == REPAIR_ROLLUPS || part == REPAIR_INTAKE || part == REPAIR_CATALOG;
    if (part == REPAIR_ROLLUPS && repair->log_begin > 1)
        return ": log.retention has removed events that they were folded of";
    return is_of_others && repair_has_file(repair, part) ? " before what it is made of is whole" : "";
}

static void say_made(const struct repair *repair, enum repair_part part)
{
    printf("         %s%s\n", repair->is_dry_run ? "would be " : "", way_of(part));
    if (repair->aside[0]) printf("         the damaged one is put aside as %s\n", repair->aside);
    if (part == REPAIR_INTAKE && repair->log_begin > 1)
        printf("         lost: what events before %" PRIu64
               " said of windows: log.retention has removed them\n",
               repair->log_begin);
}

/* False: it stays as it is. */
static bool repair_part(struct repair *repair, enum repair_part part)
{
    struct mtr_diagnostic diagnostic = {0};
    *repair->aside = '\0';
    if (say_whole(repair, part)) return true;
    say_damage(repair, part);
    if (!can_be_made(repair, part)) {
        printf("         cannot be made anew%s\n", why_not(repair, part));
        return false;
    }
    const int rc = make(repair, part, &diagnostic);
    if (rc && part == REPAIR_LOG) say_lost_events(repair);
    if (rc)
        fprintf(stderr, "meterd: the %s cannot be made anew: %s\n", repair_names[part],
                diagnostic.text[0]                  ? diagnostic.text
                : part == REPAIR_CATALOG && repair->losses
                    ? "what is lost stands nowhere else but in a backup"
                                                    : mtr_error_text(rc));
    else say_made(repair, part);
    return !rc;
}

/* A daemon of an edition that holds the log alone. */
static bool is_log_held(const struct repair *repair)
{
    char path[REPAIR_PATH_BYTES + 80];
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_log *log = NULL;
    if (access(repair_path(repair, "log/manifest", path), F_OK) != 0) return false;
    const int rc = rebuild_lock_log(&repair->config, false, &log, &diagnostic);
    mtr_log_close(log);
    return rc == MTR_EEXISTS;
}

/* From before it looks to its end, so that nobody goes on with what it makes anew. */
static int hold(struct repair *repair, int *out)
{
    struct mtr_diagnostic diagnostic = {0};
    *out = -1;
    if (repair->is_dry_run) return MTR_OK;
    int rc = data_hold_begin(repair->data, out, &diagnostic);
    if (!rc && is_log_held(repair)) rc = MTR_EEXISTS;
    if (rc == MTR_EEXISTS)
        fprintf(stderr,
                "meterd: the daemon runs on %s, or another process is at work there: stop it first, or look "
                "with --dry-run\n",
                repair->data);
    else if (rc) fprintf(stderr, "meterd: %s\n", diagnostic.text);
    if (rc) mtr_hold_end(*out);
    return rc;
}

static int run(const struct cli_invocation *invocation)
{
    static struct repair repair;
    bool is_whole = true;
    repair.is_dry_run = invocation_flag(invocation, "dry-run");
    int code = cli_load_config(invocation, &repair.config);
    if (code) return code;
    snprintf(repair.data, sizeof(repair.data), "%.*s", MTR_STR_ARGS(repair.config.data.directory));
    int held;
    if (hold(&repair, &held)) {
        config_release(&repair.config);
        return MTR_EXIT_FAILED;
    }
    repair_look(&repair);
    if (!repair.is_dry_run) compare_key(&repair);
    for (int i = 0; i < REPAIR_PARTS; i++)
        is_whole &= repair_part(&repair, (enum repair_part)i);
    if (!is_whole)
        printf("keep a copy of %s for a look, and restore all stores from one backup\n", repair.data);
    mtr_hold_end(held);
    config_release(&repair.config);
    return is_whole ? MTR_EXIT_OK : MTR_EXIT_FAILED;
}

static const struct cli_option options[] = {
    {"dry-run", 0, NULL, "say what would be done, beside a running daemon too"},
    {0},
};

const struct cli_command cli_repair = {
    .name = "repair",
    .arguments = "",
    .doc = "look what of the data is damaged, and make anew what can be made (daemon stopped)",
    .text = "Reads all that is stored. Rollups are folded again from the log, the ledger of windows by the\n"
            "next start, a mark is written as the others say. The catalog is made of its own revisions,\n"
            "where none is lost: else it says which. Identities beside the log's blocks are made again of\n"
            "these by the next start. Of blocks it says which events are lost; they and charges are made\n"
            "of nothing else: restore all stores from one backup (meterd restore). What is made anew was\n"
            "put aside as NAME.damaged-SECOND first. Whether event.key is that of the log a dry run cannot\n"
            "say.\n",
    .exits = "0 all is whole, or would be; 1 something stays damaged, 64 wrong usage, 78 bad configuration",
    .options = options,
    .run = run,
};
