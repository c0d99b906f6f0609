/*
 * Read transactions of other processes: audits and backups beside a daemon. LMDB keeps every page that a
 * reader may still see. One whose process was killed inside its transaction sees for ever, and the store
 * grows with each commit, unless it is ended.
 */
#ifndef METERD_STORE_READERS_H
#define METERD_STORE_READERS_H

/* Ends those of processes that are gone, in all stores that this process writes to; how many there were. Any
 * thread; microseconds. To be called every few seconds: opening a store does it once. */
unsigned mtr_store_end_dead_readers(void);

#endif
