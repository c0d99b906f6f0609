/*
 * Which source a verb is about: a FILE with its document, or the KEY of one that is in force; with the
 * catalog by which its rows are judged, and which of its readings are asked for. Private to the command.
 *
 *   FILE [FILE…]   drafted upon the catalog in the configuration's data directory, where it can be read;
 * else, and with further files, a catalog of these files alone. Without anything else the vendor that the
 * document names is taken to be there, and rows are not judged KEY            of the data directory's
 * catalog, or of the daemon's
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_CHOSEN_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_CHOSEN_H

#include "daemon/cli/command.h"
#include "daemon/config.h"
#include "meterd/collector/source_trial.h"

struct source_chosen {
    struct mtr_config config;
    struct mtr_catalog *catalog;
    const struct mtr_source *source;
    const struct mtr_catalog *judged_by; /* the catalog; NULL: it knows no subscription of the vendor's */
    bool is_in_force;                    /* KEY */
    char document[65];                   /* SHA-256 of its document as the catalog keeps it, in hex */
    char tokens[4096];                   /* where the daemon keeps refresh tokens that were rotated */
};

/* The argument `first`, and further files from `more` on. Returns MTR_EXIT_OK, or another exit code after
 * printing why. The caller releases *out either way. Options: source, and those of a client. */
int source_choose(const struct cli_invocation *invocation, uint32_t first, uint32_t more,
                  struct source_chosen *out);
void source_chosen_release(struct source_chosen *chosen);
/* A source in force whose refresh tokens are for one use each is not tried from outside: says so. Exit code.
 */
int source_check_tokens(const struct source_chosen *chosen);

/* The readings that --from, --to and --each ask for, as of now: by default the newest window that is over, of
 * the first of for_each. */
struct source_readings {
    struct mtr_trial_ask *asks;
    uint32_t count;
    uint32_t each_count; /* of for_each there are so many, or more; 1 without */
};
enum { SOURCE_READINGS_MAX = 10000 };

/* every: without --each all of for_each, not the first. Exit codes as above. */
int source_choose_readings(const struct cli_invocation *invocation, const struct source_chosen *chosen,
                           int64_t now_us, bool every, struct source_readings *out);
void source_readings_release(struct source_readings *readings);

#endif
