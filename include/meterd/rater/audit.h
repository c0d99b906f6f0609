/*
 * The audit of the law: for every subscription and period, Σ emitted == price(usage now), of amount, cost and
 * quantity, and every sum is the sum of its charges.
 *
 * What breaks the law is a finding. Usage that no period charges breaks none: it lies outside the term, as
 * after an end that was moved back, or before the first version of the tariff. It is told as a note.
 *
 * Reads both stores, a short read transaction per subscription; safe beside a live daemon. What waits for its
 * next rating, or for its cells to be folded again, is counted as pending, not as wrong.
 */
#ifndef METERD_RATER_AUDIT_H
#define METERD_RATER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/finding_codes.h"
#include "meterd/rater/rater.h"

struct mtr_audit_finding {
    enum mtr_finding_code code;  /* audit.*; a warning is a note: of use that is not charged, no wrong sum */
    struct mtr_str subscription; /* key */
    int64_t period_start_us;      /* of a note: the first hour */
    struct mtr_str component;    /* or meter; may be empty */
    struct mtr_str dimensions;
    struct mtr_money expected; /* of a note: 0, as what was emitted */
    struct mtr_money emitted;
    struct mtr_str text; /* a sentence */
};

struct mtr_audit_counts {
    uint64_t subscriptions;
    uint64_t periods;
    uint64_t lines;
    uint64_t charges;
    uint64_t pending;  /* periods that wait for the next step */
    uint64_t findings; /* the law does not hold */
    uint64_t notes;    /* usage that is not charged */
};

/* What is audited: both stores, and the catalog that they were last rated by. */
struct mtr_audit_of {
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    const struct mtr_catalog *catalog;
};

bool mtr_audit_is_note(const struct mtr_audit_finding *finding);
/* Findings and notes are borrowed during the hook (NULL: counted only); its result other than 0 stops and is
 * returned. */
typedef int (*mtr_audit_on_finding)(void *context, const struct mtr_audit_finding *finding);
int mtr_rater_audit(const struct mtr_audit_of *of, const struct mtr_rater_options *options,
                    mtr_audit_on_finding on_finding, void *context,
                    struct mtr_audit_counts *counts) MTR_MUST_USE;

#endif
