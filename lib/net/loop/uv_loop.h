/*
 * The libuv loop inside a mtr_loop, for the other modules of lib/net. Private.
 */
#ifndef METERD_LIB_NET_LOOP_UV_LOOP_H
#define METERD_LIB_NET_LOOP_UV_LOOP_H

#include <uv.h>

#include "meterd/net/loop.h"

uv_loop_t *loop_uv(struct mtr_loop *loop);

/* The meterd error of a negative libuv code, translated here and nowhere else. */
int uv_error(int uv_code);

#endif
