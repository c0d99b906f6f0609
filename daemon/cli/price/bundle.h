/*
 * The file that a tariff is priced from: one tariff, or a bundle of documents with `tariffs`. Private to
 * daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_BUNDLE_H
#define METERD_DAEMON_CLI_PRICE_BUNDLE_H

#include "meterd/core/arena.h"
#include "meterd/core/document.h"
#include "meterd/tariff/tariff.h"

struct price_bundle {
    const char *path;
    const struct mtr_node *root; /* NULL: there is no file, the tariffs are the catalog's */
};

/* Its tariff of that name, KEY or SERVICE/KEY; NULL: it has none, or no file is there. Several of a short key
 * are not told apart: see price_bundle_refuse. */
const struct mtr_node *price_bundle_find(const struct price_bundle *bundle, struct mtr_str name);

/* Says that the option names no tariff of the file, with the nearest, or one of several. Returns
 * MTR_EXIT_USAGE. */
int price_bundle_refuse(const struct price_bundle *bundle, const char *option, struct mtr_str name);

/* Is the party of --customer or --subscription one that an override of the file is for, or a subscription of
 * it? If not the option changes nothing, and it is said so, with the nearest: MTR_EXIT_USAGE. */
int price_bundle_check_party(const struct price_bundle *bundle, const char *option, const char *name);

/* Reads a tariff, and prints what is wrong with the places of its file: the request repeats it as JSON, where
 * places say nothing. An exit code. */
int price_check_tariff(const char *path, const struct mtr_node *tariff, struct mtr_arena *arena,
                       struct mtr_tariff_document *out);
/* The same of one that is not needed here. */
int price_check_only(const char *path, const struct mtr_node *tariff);

#endif
