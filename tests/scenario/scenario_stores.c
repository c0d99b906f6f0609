/*
 * Stores and stages of a run: opened as the daemon opens them, closed as a crash closes them.
 *
 * A crash drops everything in memory. Without a copy the same files are opened again; with one the run goes
 * on in a copy of the directories as they were between two commits, with nothing of the old handles left.
 */
#include "scenario/scenario_clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const uint8_t SCENARIO_EVENT_KEY[MTR_EVENT_KEY_BYTES] = "scenario's key.";

static const char *const folders[] = {"log", "rollups", "charges", "catalog"};

void scenario_stores_path(const struct scenario *scenario, const char *folder, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%u/%s", scenario->stores.root, scenario->stores.generation, folder);
}

void scenario_run_slow(void *context, void (*work)(void *work_context), void *work_context)
{
    struct scenario *scenario = context;
    CHECK(scenario, !scenario->stores.slow.run, "two slow works at a time");
    scenario->stores.slow = (struct slow_work){work, work_context};
}

static void finish_slow(struct stores *stores)
{
    if (stores->slow.run) stores->slow.run(stores->slow.context);
    stores->slow = (struct slow_work){0};
}

void scenario_stores_open(struct scenario *scenario)
{
    struct stores *stores = &scenario->stores;
    const struct mtr_sender sender = {scenario_receiver_send, scenario};
    struct mtr_diagnostic diagnostic = {0};
    char path[PATH_BYTES];
    scenario_stores_path(scenario, "catalog", path);
    CHECK(scenario, !mtr_catalog_store_open(path, false, &stores->catalog_store, &diagnostic), "%s",
          diagnostic.text);
    stores->catalog = mtr_catalog_store_snapshot(stores->catalog_store);
    scenario_stores_path(scenario, "log", path);
    CHECK(scenario, !mtr_log_open(path, &stores->log_options, &stores->log, &diagnostic), "%s",
          diagnostic.text);
    CHECK(scenario,
          !mtr_dedup_open(stores->log, SCENARIO_EVENT_KEY,
                          mtr_intake_identity_window_us(&stores->intake_options),
                          scenario_time(scenario).forget_us,
                          &stores->dedup, &diagnostic),
          "%s", diagnostic.text);
    CHECK_OK(scenario, mtr_intake_open(stores->log, stores->dedup, SCENARIO_EVENT_KEY,
                                       &stores->intake_options, &stores->intake));
    CHECK_OK(scenario, mtr_log_reader_attach(stores->log, &stores->reader));
    scenario_stores_path(scenario, "rollups", path);
    CHECK(scenario, !mtr_rollups_open(path, false, &stores->rollups, &diagnostic), "%s", diagnostic.text);
    CHECK_OK(scenario, mtr_aggregator_open(stores->rollups, stores->reader, &stores->aggregator_options,
                                           &stores->aggregator));
    scenario_stores_path(scenario, "charges", path);
    CHECK(scenario, !mtr_charges_open(path, false, &stores->charges, &diagnostic), "%s", diagnostic.text);
    CHECK_OK(scenario,
             mtr_rater_open(stores->rollups, stores->charges, &stores->rater_options, &stores->rater));
    CHECK_OK(scenario, mtr_outbox_open(stores->charges, &sender, &stores->outbox_options, &stores->outbox));
}

/* An intake that crashed with requests in its queue cannot be closed in order: its memory is kept here,
 * where it harms nobody. */
static struct mtr_intake *crashed_intakes[65536];
static uint32_t crashed_intake_count;

static void drop_intake(struct scenario *scenario)
{
    struct stores *stores = &scenario->stores;
    bool is_empty = !mtr_intake_has_work(stores->intake);
    scenario_client_lose_queue(scenario);
    finish_slow(stores); /* as if the crash had come right after it */
    if (is_empty) {
        mtr_intake_close(stores->intake);
    } else {
        CHECK(scenario, crashed_intake_count < sizeof(crashed_intakes) / sizeof(*crashed_intakes),
              "too many crashes");
        crashed_intakes[crashed_intake_count++] = stores->intake;
    }
    stores->intake = NULL;
}

void scenario_stores_close(struct scenario *scenario, bool is_crash)
{
    struct stores *stores = &scenario->stores;
    mtr_outbox_close(stores->outbox);
    mtr_rater_close(stores->rater);
    mtr_charges_close(stores->charges);
    mtr_aggregator_close(stores->aggregator);
    mtr_rollups_close(stores->rollups);
    mtr_log_reader_close(stores->reader);
    CHECK(scenario, is_crash || !mtr_intake_has_work(stores->intake), "requests are left in the queue");
    drop_intake(scenario);
    mtr_dedup_close(stores->dedup);
    mtr_log_close(stores->log);
    mtr_catalog_release(stores->catalog);
    mtr_catalog_store_close(stores->catalog_store);
    scenario->pending_count = 0; /* answers on their way find nobody */
}

static void copy_file(struct scenario *scenario, const char *from, const char *to)
{
    static char block[1 << 16];
    static const char zeros[4096];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(scenario, in >= 0 && out >= 0, "cannot copy %s", from);
    off_t size = 0;
    for (ssize_t got; (got = read(in, block, sizeof(block))) != 0; size += got) {
        CHECK(scenario, got > 0, "cannot read %s", from);
        for (ssize_t at = 0; at < got; at += 4096) { /* zeros stay holes */
            size_t count = (size_t)(got - at < 4096 ? got - at : 4096);
            if (memcmp(block + at, zeros, count) == 0) continue;
            CHECK(scenario, pwrite(out, block + at, count, size + at) == (ssize_t)count, "cannot write %s",
                  to);
        }
    }
    CHECK(scenario, ftruncate(out, size) == 0, "cannot write %s", to);
    close(in);
    close(out);
}

/* Calls itself for folders: a segment of the log is one. With `to` NULL the tree is removed. */
static void walk_tree(struct scenario *scenario, const char *from, const char *to)
{
    char source[2 * PATH_BYTES], target[2 * PATH_BYTES];
    DIR *listing = opendir(from);
    if (!listing) return;
    CHECK(scenario, !to || mkdir(to, 0700) == 0, "cannot make %s", to);
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        CHECK(scenario, snprintf(source, sizeof(source), "%s/%s", from, entry->d_name) < (int)sizeof(source),
              "path");
        if (to)
            CHECK(scenario,
                  snprintf(target, sizeof(target), "%s/%s", to, entry->d_name) < (int)sizeof(target), "path");
        CHECK(scenario, lstat(source, &status) == 0, "cannot see %s", source);
        if (S_ISDIR(status.st_mode)) walk_tree(scenario, source, to ? target : NULL);
        else if (to) copy_file(scenario, source, target);
        else CHECK(scenario, unlink(source) == 0, "cannot remove %s", source);
    }
    closedir(listing);
    if (!to) CHECK(scenario, rmdir(from) == 0, "cannot remove %s", from);
}

static void copy_stores(struct scenario *scenario)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    const struct stores *stores = &scenario->stores;
    snprintf(to, sizeof(to), "%s/%u", stores->root, stores->generation + 1);
    CHECK(scenario, mkdir(to, 0700) == 0, "cannot make %s", to);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        scenario_stores_path(scenario, folders[i], from);
        snprintf(to, sizeof(to), "%s/%u/%s", stores->root, stores->generation + 1, folders[i]);
        walk_tree(scenario, from, to);
    }
}

void scenario_stores_crash(struct scenario *scenario)
{
    struct stores *stores = &scenario->stores;
    bool by_copy = scenario->crashes_by_copy && scenario_chance(scenario, 50);
    scenario_seen[SEEN_CRASH]++;
    scenario_seen[SEEN_COPY] += by_copy;
    scenario_trace(scenario, "crash%s", by_copy ? ", and on in a copy" : "");
    if (by_copy) copy_stores(scenario);
    scenario_stores_close(scenario, true);
    scenario_clock_restart(scenario);
    if (by_copy) {
        char path[PATH_BYTES];
        snprintf(path, sizeof(path), "%s/%u", stores->root, stores->generation);
        walk_tree(scenario, path, NULL);
        stores->generation++;
    }
    scenario_stores_open(scenario);
    scenario_life_check(scenario);
}

void scenario_stores_remove(struct scenario *scenario)
{
    walk_tree(scenario, scenario->stores.root, NULL);
}
