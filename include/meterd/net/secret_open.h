/*
 * Opening files that documents name. Who may apply a document is not who owns the machine: what is opened is
 * a regular file, known by where it is in truth before it is opened, links followed, and never one of
 * meterd's own. So no device, pipe or socket is touched, and nobody waits for one. Any thread that may wait
 * for a disk.
 *
 * Also a file that is opened and closed again has an effect: all locks of the process on it go. Those of the
 * stores keep other processes out.
 */
#ifndef METERD_NET_SECRET_OPEN_H
#define METERD_NET_SECRET_OPEN_H

enum mtr_secret_fault {
    MTR_SECRET_FINE,
    MTR_SECRET_ABSENT,
    MTR_SECRET_CLOSED,  /* it cannot be opened */
    MTR_SECRET_NO_FILE, /* but something else */
    MTR_SECRET_OUTSIDE, /* of where files may be */
    MTR_SECRET_OURS,    /* in the data directory */
};

/* Before there are threads: where nothing is opened. */
void mtr_secret_keep_out(const char *directory);

/* directories: where the file is below one of them, ending with NULL; NULL: anywhere. *out is the caller's to
 * close. */
enum mtr_secret_fault mtr_secret_open(const char *path, const char *const *directories, int *out);

#endif
