/*
 * Content codings, read step by step: coded bytes in, plain bytes out, as many as there is room for. Private
 * to lib/net.
 *
 *   do rc = coding_read(reader, &in, out, sizeof(out), &size); while (!rc && (in.size || size == sizeof(out)));
 *
 * Several gzip members or zstd frames one after another are one body; anything else behind an end is refused.
 * What a sender can make it take is zstd's window, 8 MiB at most, whatever the body claims. One thread at a
 * time.
 */
#ifndef METERD_LIB_NET_CODING_READER_H
#define METERD_LIB_NET_CODING_READER_H

#include <stdbool.h>

#include "meterd/net/coding.h"

struct coding_reader;

/* Of gzip or zstd. Errors: MTR_ENOMEM. */
int coding_reader_open(enum mtr_coding coding, struct coding_reader **out) MTR_MUST_USE;
void coding_reader_close(struct coding_reader *reader); /* NULL is allowed */

/* Takes from the front of *in and writes *size bytes to out, which has room for at least one. When *in is
 * empty and there was room left, all that can be known of the bytes so far is out. Errors: MTR_ECORRUPT (*in
 * begins near the fault), MTR_ENOMEM. */
int coding_read(struct coding_reader *reader, struct mtr_str *in, char *out, size_t room,
                size_t *size) MTR_MUST_USE;
/* The body may end here. */
bool coding_reader_is_whole(const struct coding_reader *reader);
/* What is wrong after MTR_ECORRUPT, or what is missing: "the member ends too early". */
const char *coding_reader_fault(const struct coding_reader *reader);

#endif
