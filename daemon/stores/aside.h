/*
 * Where what is damaged is put by who makes it anew: NAME.damaged-SECOND beside it, a name that nothing has
 * yet, so that nothing which was put aside before is written over. By who holds the data directory. Errors
 * are those of meterd/store/durable.h. `out` gets the name.
 */
#ifndef METERD_DAEMON_STORES_ASIDE_H
#define METERD_DAEMON_STORES_ASIDE_H

#include <limits.h>

#include "meterd/core/error.h"

/* An empty directory for what stood under that path. */
int aside_make(const char *path, char out[PATH_MAX]) MTR_MUST_USE;
/* The directory itself gets that name, durably. */
int aside_move(const char *path, char out[PATH_MAX]) MTR_MUST_USE;
/* A file has it beside its own, which another file may take then. */
int aside_keep(const char *path, char out[PATH_MAX]) MTR_MUST_USE;

#endif
