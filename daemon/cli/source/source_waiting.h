/*
 * Something that is given to the daemon for a source, a file or a replay, is answered when it has been read.
 * Until then a thread waits for the answer, and this one says what for: that a reading is under way. Ctrl-C
 * calls it off, as long as its own reading has not begun. Main's thread. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_WAITING_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_WAITING_H

#include <stdbool.h>

struct mtr_client;

enum { SOURCE_INTERRUPTED = 130 }; /* the exit code */

struct source_waiting {
    const char *source;         /* its key */
    const char *who, *what;     /* "meterd import", "the file" */
    struct mtr_client *client;  /* asks meanwhile, and nobody else does */
    void (*give)(void *context); /* in a thread: returns when the daemon has answered, or cannot */
    void *context;
    bool is_unwanted;   /* Ctrl-C was pressed: nothing more is to be given */
    bool is_called_off; /* and it was not read */
};

/* Returns when give has. Again for the next one, where several are given. */
void source_wait(struct source_waiting *waiting);

#endif
