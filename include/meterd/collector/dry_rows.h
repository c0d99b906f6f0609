/*
 * What readings of a dry run would put into the log: the events of their parts, as the intake judged them. A
 * window's reading is kept when it would be taken; readings of several windows are joined, as one after the
 * other they would be in the log.
 *
 * Whoever asks for them holds them, so that they may be looked at by another thread while the poller forgets
 * them. They change only as long as one alone holds them; from then on what was made of them may be kept with
 * them.
 */
#ifndef METERD_COLLECTOR_DRY_ROWS_H
#define METERD_COLLECTOR_DRY_ROWS_H

#include "meterd/collector/request.h"

struct mtr_dry_rows;

int mtr_dry_rows_open(struct mtr_dry_rows **out) MTR_MUST_USE;
struct mtr_dry_rows *mtr_dry_rows_hold(struct mtr_dry_rows *rows); /* NULL is allowed */
void mtr_dry_rows_release(struct mtr_dry_rows *rows);              /* NULL is allowed */

/* Takes the request over, which was judged. More than *room bytes are not kept, and then it is known that
 * something is missing; *room becomes less by what is. */
void mtr_dry_rows_add(struct mtr_dry_rows *rows, struct mtr_request *request, size_t *room);
/* Those of `more`, a window's, come behind the others; it is empty from then on. */
void mtr_dry_rows_join(struct mtr_dry_rows *rows, struct mtr_dry_rows *more);
size_t mtr_dry_rows_bytes(const struct mtr_dry_rows *rows);
bool mtr_dry_rows_is_whole(const struct mtr_dry_rows *rows);
bool mtr_dry_rows_are_shared(const struct mtr_dry_rows *rows); /* more than one holds them */
uint32_t mtr_dry_rows_windows(const struct mtr_dry_rows *rows); /* that were joined */

/* Something that was made of them, and goes with them: one at a time. Any thread. `look` is called, while
 * nobody replaces it, with what is kept; false: there is nothing, or look says that it is of no use. */
bool mtr_dry_rows_look(struct mtr_dry_rows *rows, bool (*look)(void *context, const void *kept),
                       void *context);
/* In the place of what was kept before, which is freed. */
void mtr_dry_rows_keep(struct mtr_dry_rows *rows, void *made, void (*free_made)(void *made));

/* The usage and the voids among them that would be in the log, in its order. Of a row that two windows have
 * the later one stands: the reading of its window takes it over. The list is in the arena, the events are
 * borrowed from the rows. MTR_ENOMEM. */
int mtr_dry_rows_list(const struct mtr_dry_rows *rows, struct mtr_arena *arena,
                      const struct mtr_event *const **events, uint32_t *count) MTR_MUST_USE;

#endif
