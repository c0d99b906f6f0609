/*
 * See repair_look.h.
 */
#include "daemon/cli/repair_look.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/catalog/store.h"
#include "meterd/core/event.h"
#include "meterd/store/charges.h"
#include "meterd/store/ledger.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

const char *const repair_names[REPAIR_PARTS] = {"log",     "key",    "catalog", "charges",
                                                "rollups", "intake", "marks"};
static const char *const files[REPAIR_PARTS] = {"log/manifest",     "event.key",        "catalog/data.mdb",
                                                "charges/data.mdb", "rollups/data.mdb", "intake/data.mdb"};

const char *repair_path(const struct repair *repair, const char *name, char path[REPAIR_PATH_BYTES + 80])
{
    snprintf(path, REPAIR_PATH_BYTES + 80, "%s/%s", repair->data, name);
    return path;
}

bool repair_has_file(const struct repair *repair, enum repair_part part)
{
    char path[REPAIR_PATH_BYTES + 80];
    return access(repair_path(repair, files[part], path), F_OK) == 0;
}

static int look_at_log(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_reader *reader = NULL;
    uint64_t last_seq;
    int rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_log_verify(reader, &last_seq, diagnostic);
    mtr_log_reader_close(reader);
    return rc;
}

static int look_at_key(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct stat status;
    const int rc = stat(path, &status)                        ? MTR_EIO
                   : status.st_size == MTR_EVENT_KEY_BYTES ? MTR_OK
                                                              : MTR_ECORRUPT;
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL, "%.200s does not have %d bytes",
                           path, MTR_EVENT_KEY_BYTES);
    return rc;
}

static int look_at_catalog(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct mtr_catalog_store *store = NULL;
    int rc = mtr_catalog_store_open(path, true, &store, diagnostic);
    if (!rc) mtr_catalog_store_close(store);
    return rc;
}

static int look_at_charges(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges *charges = NULL;
    int rc = mtr_charges_open(path, true, &charges, diagnostic);
    if (!rc) mtr_charges_close(charges);
    return rc;
}

static int look_at_rollups(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct mtr_rollups *rollups = NULL;
    int rc = mtr_rollups_open(path, true, &rollups, diagnostic);
    if (!rc) mtr_rollups_close(rollups);
    return rc == MTR_EVERSION ? MTR_OK : rc; /* of an older one the start makes the newest */
}

static int look_at_ledger(const char *path, struct mtr_diagnostic *diagnostic)
{
    struct mtr_ledger *ledger = NULL;
    int rc = mtr_ledger_open(path, true, &ledger, diagnostic);
    if (!rc) mtr_ledger_close(ledger);
    return rc == MTR_EVERSION ? MTR_OK : rc;
}

static enum repair_verdict look_at_marks(struct repair *repair)
{
    enum repair_verdict verdict = REPAIR_WHOLE;
    for (int i = 0; i < MTR_MARKED_STORES; i++) {
        char path[REPAIR_PATH_BYTES + 80];
        struct mtr_mark mark;
        const int rc = mtr_mark_read(repair_path(repair, mtr_marked_stores[i], path), &mark,
                                     &repair->diagnostics[REPAIR_MARKS]);
        repair->is_mark_damaged[i] = rc == MTR_ECORRUPT;
        if (rc == MTR_ECORRUPT) verdict = REPAIR_DAMAGED;
        if (rc) continue;
        if (!repair->has_mark || mark.charge_number > repair->mark.charge_number) {
            repair->mark.charge_number = mark.charge_number;
            repair->mark.charge_id = mark.charge_id;
        }
        if (mark.log_seq > repair->mark.log_seq) repair->mark.log_seq = mark.log_seq;
        if (mark.catalog_version > repair->mark.catalog_version)
            repair->mark.catalog_version = mark.catalog_version;
        repair->has_mark = true;
    }
    return verdict;
}

/* Stores are made in the order log (behind the key), catalog, rollups, charges, intake, and then marks. */
static bool is_lost(const struct repair *repair, enum repair_part part)
{
    const enum repair_verdict *verdicts = repair->verdicts;
    bool was_begun = repair->has_mark || verdicts[REPAIR_MARKS] == REPAIR_DAMAGED ||
                     verdicts[REPAIR_INTAKE] != REPAIR_MISSING;
    if (part == REPAIR_ROLLUPS || part == REPAIR_INTAKE) return false; /* the next start makes them */
    if (part != REPAIR_CHARGES)
        was_begun |= verdicts[REPAIR_CHARGES] != REPAIR_MISSING || verdicts[REPAIR_ROLLUPS] != REPAIR_MISSING;
    if (part == REPAIR_LOG || part == REPAIR_KEY) was_begun |= verdicts[REPAIR_CATALOG] != REPAIR_MISSING;
    if (part == REPAIR_KEY) was_begun |= verdicts[REPAIR_LOG] != REPAIR_MISSING;
    return was_begun;
}

/* What was there and is not is no new directory. */
static void look_for_lost(struct repair *repair)
{
    for (int i = 0; i < REPAIR_MARKS; i++) {
        if (repair->verdicts[i] != REPAIR_MISSING || !is_lost(repair, (enum repair_part)i)) continue;
        repair->verdicts[i] = REPAIR_DAMAGED;
        mtr_diagnostic_set(&repair->diagnostics[i], MTR_FINDING_STORE_MISSING, 0, 0, NULL,
                           "%.200s/%s is missing, and the other stores were used with it", repair->data,
                           files[i]);
    }
}

static void find_log_begin(struct repair *repair)
{
    char path[REPAIR_PATH_BYTES + 80];
    struct mtr_log_reader *reader = NULL;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic unheard = {0};
    repair->log_begin = 1;
    int rc = mtr_log_reader_open(repair_path(repair, repair_names[REPAIR_LOG], path), &reader, &unheard);
    if (!rc) rc = mtr_log_read(reader, 1, &header, &events, &unheard);
    if (!rc) repair->log_begin = header.first_seq;
    mtr_log_reader_close(reader);
}

void repair_look(struct repair *repair)
{
    static int (*const looks[])(const char *path, struct mtr_diagnostic *diagnostic) = {
        [REPAIR_LOG] = look_at_log,         [REPAIR_KEY] = look_at_key,
        [REPAIR_CATALOG] = look_at_catalog, [REPAIR_CHARGES] = look_at_charges,
        [REPAIR_ROLLUPS] = look_at_rollups, [REPAIR_INTAKE] = look_at_ledger,
    };
    for (int i = 0; i < REPAIR_MARKS; i++) {
        char path[REPAIR_PATH_BYTES + 80];
        repair_path(repair, files[i], path);
        if (access(path, F_OK) != 0) {
            repair->verdicts[i] = REPAIR_MISSING;
            continue;
        }
        if (i != REPAIR_KEY) repair_path(repair, repair_names[i], path);
        repair->verdicts[i] = looks[i](path, &repair->diagnostics[i]) ? REPAIR_DAMAGED : REPAIR_WHOLE;
    }
    repair->verdicts[REPAIR_MARKS] = look_at_marks(repair);
    look_for_lost(repair);
    if (repair->verdicts[REPAIR_LOG] == REPAIR_WHOLE) find_log_begin(repair);
}
