/*
 * A catalog that cannot be opened any more, made anew of its own revisions
 * (meterd/store/documents_salvage.h). Meters and tariffs get the keys that they are stored by today,
 * SERVICE/KEY, where nothing is left of them that says an older one.
 */
#ifndef METERD_CATALOG_SALVAGE_H
#define METERD_CATALOG_SALVAGE_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_catalog_loss {
    const char *kind;
    struct mtr_str key;        /* empty: not known */
    uint32_t number, revision; /* revision 0: all that the number had */
};

struct mtr_catalog_salvage {
    const char *from, *to;  /* directories; to: NULL: it is only looked */
    uint64_t version_known; /* that others remember */
    void (*lost)(void *context, const struct mtr_catalog_loss *loss);
    void *context;
};

/* What is in `to` then can be opened, and is in force as it was. MTR_ECORRUPT: it cannot be made, and the
 * diagnostic or calls of `lost` say why. */
int mtr_catalog_salvage(const struct mtr_catalog_salvage *task,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
