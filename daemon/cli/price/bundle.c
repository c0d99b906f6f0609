/*
 * See bundle.h. A name with a service is of the tariff that says it; a short one is of the only tariff that
 * has the key.
 */
#include "daemon/cli/price/bundle.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/command.h"
#include "daemon/cli/inputs.h"
#include "meterd/core/schema.h"

enum { FINDINGS_MAX = 200, ARENA_BYTES_MAX = 256 << 20 };

/* A file that is one tariff is the list of it. */
static const struct mtr_node *tariff_at(const struct price_bundle *bundle, uint32_t i)
{
    const struct mtr_node *tariffs = bundle->root ? mtr_node_get(bundle->root, "tariffs") : NULL;
    if (bundle->root && !tariffs) return i == 0 ? bundle->root : NULL;
    return tariffs && i < tariffs->child_count ? &tariffs->children[i] : NULL;
}

static bool has_name(const struct mtr_node *tariff, struct mtr_str name)
{
    const struct mtr_str key = mtr_schema_short_name(name);
    if (!mtr_str_equal(mtr_node_text(tariff, "key"), key)) return false;
    if (key.size == name.size) return true;
    const struct mtr_str service = {name.data, name.size - key.size - 1};
    return mtr_str_equal(mtr_node_text(tariff, "service"), service);
}

static uint32_t count_of(const struct price_bundle *bundle, struct mtr_str name)
{
    const struct mtr_node *tariff;
    uint32_t count = 0;
    for (uint32_t i = 0; (tariff = tariff_at(bundle, i)) != NULL; i++) count += has_name(tariff, name);
    return count;
}

const struct mtr_node *price_bundle_find(const struct price_bundle *bundle, struct mtr_str name)
{
    const struct mtr_node *tariff = NULL;
    if (count_of(bundle, name) != 1) return NULL;
    for (uint32_t i = 0; (tariff = tariff_at(bundle, i)) != NULL && !has_name(tariff, name); i++) {
    }
    return tariff;
}

static struct mtr_str key_at(const void *context, unsigned i)
{
    const struct mtr_node *tariff = tariff_at(context, i);
    if (!tariff) return (struct mtr_str){NULL, 0};
    const struct mtr_str key = mtr_node_text(tariff, "key");
    return key.data ? key : MTR_STR("");
}

int price_bundle_refuse(const struct price_bundle *bundle, const char *option, struct mtr_str name)
{
    char meant[MTR_MEANT_BYTES];
    if (count_of(bundle, name) > 1)
        fprintf(stderr, "meterd price: --%s: %s has several tariffs `%.*s`: name it SERVICE/KEY [%s]\n",
                option, bundle->path, MTR_STR_ARGS(name),
                mtr_finding_kind(MTR_FINDING_QUOTE_NAME_AMBIGUOUS)->code);
    else
        fprintf(stderr, "meterd price: --%s: %s has no tariff `%.*s%s`%s [%s]\n", option, bundle->path,
                MTR_STR_QUOTED(name), mtr_str_meant(mtr_schema_short_name(name), key_at, bundle, meant),
                mtr_finding_kind(MTR_FINDING_QUOTE_NAME_UNKNOWN)->code);
    return MTR_EXIT_USAGE;
}

/* The names that overrides of the file have under that member, and then its subscriptions. */
struct parties {
    const struct price_bundle *bundle;
    const char *member;
};

static const struct mtr_node *item_of(const struct mtr_node *list, unsigned *i)
{
    const uint32_t count = list && list->kind == MTR_NODE_LIST ? list->child_count : 0;
    if (*i < count) return &list->children[*i];
    *i -= count;
    return NULL;
}

static const struct mtr_node *override_at(const struct mtr_node *tariff, unsigned *i)
{
    const struct mtr_node *versions = mtr_node_get(tariff, "versions"), *found = NULL;
    const uint32_t count = versions && versions->kind == MTR_NODE_LIST ? versions->child_count : 0;
    for (uint32_t v = 0; !found && v < count; v++)
        found = item_of(mtr_node_get(&versions->children[v], "overrides"), i);
    return found;
}

static struct mtr_str party_at(const void *context, unsigned i)
{
    const struct parties *parties = context;
    const struct mtr_node *tariff, *found = NULL;
    const char *member = parties->member;
    for (uint32_t t = 0; !found && (tariff = tariff_at(parties->bundle, t)) != NULL; t++)
        found = override_at(tariff, &i);
    if (!found) {
        found = item_of(mtr_node_get(parties->bundle->root, "subscriptions"), &i);
        if (strcmp(member, "subscription") == 0) member = "key";
    }
    if (!found) return (struct mtr_str){NULL, 0};
    const struct mtr_str name = mtr_node_text(found, member);
    return name.data ? name : MTR_STR("");
}

int price_bundle_check_party(const struct price_bundle *bundle, const char *option, const char *name)
{
    const struct parties parties = {bundle, option};
    const struct mtr_str given = mtr_str_from(name);
    struct mtr_str known;
    char meant[MTR_MEANT_BYTES];
    if (!name) return MTR_EXIT_OK;
    for (unsigned i = 0; (known = party_at(&parties, i)).data; i++)
        if (mtr_str_equal(known, given)) return MTR_EXIT_OK;
    fprintf(stderr,
            "meterd price: --%s: no override of %s is for the %s `%.*s%s`, so it changes nothing%s [%s]\n",
            option, bundle->path, option, MTR_STR_QUOTED(given),
            mtr_str_meant(given, party_at, &parties, meant),
            mtr_finding_kind(MTR_FINDING_QUOTE_NAME_UNKNOWN)->code);
    return MTR_EXIT_USAGE;
}

int price_check_tariff(const char *path, const struct mtr_node *tariff, struct mtr_arena *arena,
                       struct mtr_tariff_document *out)
{
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_tariff_read(tariff, arena, out, &findings);
    cli_print_findings(path, &findings);
    mtr_diagnostics_release(&findings);
    return rc ? MTR_EXIT_CONFIG : MTR_EXIT_OK;
}

int price_check_only(const char *path, const struct mtr_node *tariff)
{
    struct mtr_tariff_document checked = {0};
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1 << 16, ARENA_BYTES_MAX);
    int code = price_check_tariff(path, tariff, &arena, &checked);
    mtr_arena_release(&arena);
    return code;
}
