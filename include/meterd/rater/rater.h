/*
 * The rater: rollups and tariffs in, charges out. step() does a bounded piece of work in one transaction of
 * the charges store.
 *
 *   feed of changed days ─┐
 *   catalog changed ──────┼─▶ period marked dirty ─▶ (draft_every) ─▶ price now − sum emitted ─▶ charges
 *   watermark: open/close ┘
 *
 * A charge is a difference: for every line Σ emitted == its price now, of amount, cost and quantity, so that
 * the bill's quantity is the usage also where it costs nothing. Drafts while the period runs; at
 * watermark ≥ end + grace the period is final, once, and every line of it gets one final charge (its
 * difference may be 0: the message is "this line is final"); whatever comes later is a correction of its own
 * period.
 *
 * A period that a source feeds whose document says `holds_close` closes later: when the source's windows
 * that overlap it are complete, or at_most behind its end. Until then it has drafts, and waits
 * (MTR_WAITING_SOURCE).
 *
 * Tariff versions split a period at their instants. Each part is priced under its own version and goes on
 * from the parts before it: positions in tiers, free units and roundings count the use since the period
 * began, or since a version that says `reset` or has the component anew; with scope term since the
 * contract term began. Fees prorate by part (a fee that is not prorated is due once: in advance on the first
 * part, in arrears on the last), caps and minimums count what the component cost in the parts before,
 * minimums are due on the last part, and what rounding leaves over is carried into the next part. A trial
 * has a tariff of its own, or nothing is charged until it ends, or it frees units and money of the tariff.
 * Usage before the first version is not priced; the audit shows it.
 *
 * A period once final stays final: when its end moves away later, what is still to come of it are
 * corrections. Until it has reached the new end it runs again, and what is due when a period closes
 * (minimums, fees in arrears, commitments) is taken back until then: so the bill is that of a period whose
 * end was known from the start.
 *
 * A grace that was configured anew holds for all periods that still run: after mtr_rater_open the steps
 * look at every period once.
 *
 * A change of subscription or tariff re-rates every period whose inputs changed, closed ones included: after
 * each catalog version the step looks at all periods, a bounded number per step. A period that no longer
 * exists (the start moved) is taken back.
 *
 * A period of more lines than one transaction takes is rated in several, line range by line range
 * (docs/decisions/0270-lines-that-are-apart.md); until the last one it stays due.
 *
 * No thread, no clock, no random. A period whose rating fails (a number out of range, too much to hold) keeps
 * its reason (struct mtr_charge_period.problem), is tried again each hour and when the catalog changes, and
 * holds up no other. So does one that is over and for which a rate of exchange is missing (MTR_EMISSING): the
 * rate comes with the catalog. Before its end a rate of any age makes drafts. Where the system has no memory
 * for one, though memory_bytes_max allows it, the step is MTR_ENOMEM and may be tried again; after twenty in
 * a row the others go on without that one.
 */
#ifndef METERD_RATER_RATER_H
#define METERD_RATER_RATER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/charges.h"
#include "meterd/store/ledger.h"
#include "meterd/store/rollups.h"

struct mtr_rater;

struct mtr_rater_options {
    int64_t draft_every_us;    /* at most one rating of a period in this time, its closing apart */
    int64_t grace_us;          /* from a period's end to its close, by the watermark */
    uint32_t step_rows_max;    /* feed rows consumed, and periods scanned, in one step */
    uint32_t step_ratings_max; /* periods opened, rated or closed in one step */
    uint64_t memory_bytes_max; /* for what is priced at once, and once more for its trace: a period, or a
                                  range of its lines */
    struct mtr_ledger *ledger; /* of sources' windows; borrowed. NULL: no source holds a period open */
};
/* An hour, an hour, 4,096, 256, 256 MiB, no ledger. */
struct mtr_rater_options mtr_rater_options_default(void);

/* Has the period come to its end? One that is final was over when it closed, whatever the watermark says
 * since (a rebuild sets it back), unless its end has moved behind that. */
bool mtr_rater_is_over(const struct mtr_charge_period *period, int64_t grace_us, int64_t watermark_us);

struct mtr_rater_result {
    uint64_t charges;     /* appended in this step */
    uint32_t rated;       /* periods priced */
    uint32_t closed;
    uint32_t failed;            /* periods whose rating failed; the diagnostic tells the last */
    uint32_t losses;            /* lines that came to cost the seller more than the customer pays */
    struct mtr_diagnostic loss; /* the last of them */
    uint32_t released;             /* periods that closed though a source that holds them is not complete */
    struct mtr_diagnostic release; /* the last of them */
    bool idle;                  /* nothing left to do at this moment */
    int64_t next_due_us;        /* when the next rating is due by the clock; INT64_MAX: none waits */
};

/* rollups and charges are borrowed and must outlive the rater. */
int mtr_rater_open(struct mtr_rollups *rollups, struct mtr_charges *charges,
                   const struct mtr_rater_options *options, struct mtr_rater **out) MTR_MUST_USE;
void mtr_rater_close(struct mtr_rater *rater);

/* One transaction. `catalog` must be at least as new as the one the rollups were last folded with: a feed
 * row of a subscription that it does not know waits. Errors: MTR_EIO, MTR_ECORRUPT, MTR_EFULL, MTR_ENOMEM:
 * nothing was committed. */
int mtr_rater_step(struct mtr_rater *rater, const struct mtr_catalog *catalog, int64_t now_us,
                   struct mtr_rater_result *result, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* After the rollups were rebuilt (their feed is numbered anew): the next steps look at every day again,
 * and emit nothing where nothing differs. */
int mtr_rater_forget_feed(struct mtr_charges *charges) MTR_MUST_USE;

#endif
