/*
 * How long to wait before the next try: full jitter over a span that doubles, without a random number, so
 * that a restart does not draw again and tests see what will be.
 *
 *   tries failed   waits for a part, by the hash of seed and tries, of
 *   1              first
 *   2              2 × first
 *   3              4 × first …, never more than `most`
 *
 * At least a sixteenth of the span: a wait of nothing is none. Many who fail at once come again spread over
 * the span, since each has a seed of its own. Pure; private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_BACKOFF_H
#define METERD_COLLECTOR_SOURCE_LIMITS_BACKOFF_H

#include <stdint.h>

/* 0 < first_us <= most_us; tries from 1. */
int64_t backoff_us(uint64_t seed, uint32_t tries, int64_t first_us, int64_t most_us);

#endif
