/*
 * What a damaged log has lost: each block is looked at for itself, whatever became of the others. A process
 * of its own reads a segment, since damaged pages may end it; what it finds stands in memory that both have,
 * so what it had read by then counts.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"

enum { RANGES_MAX = 256 };

struct losses {
    uint64_t next;  /* events before it were looked at */
    uint32_t count; /* of ranges; what comes behind the last one's place is joined to it */
    struct mtr_log_lost ranges[RANGES_MAX];
    bool has_ended;
};

static void lose(struct losses *losses, uint32_t segment, uint64_t first_seq, uint64_t last_seq)
{
    if (losses->count == RANGES_MAX) {
        losses->ranges[RANGES_MAX - 1].last_seq = last_seq;
        return;
    }
    losses->ranges[losses->count++] = (struct mtr_log_lost){segment, first_seq, last_seq};
}

/* The blocks of a segment, in their order. *was_whole: of the last one. */
static int walk_blocks(MDB_cursor *cursor, uint32_t segment, struct losses *losses, bool *was_whole)
{
    MDB_val key, value;
    int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    while (!rc && key.mv_size == MTR_SEGMENT_BLOCK_KEY_BYTES) {
        struct mtr_block_header header;
        const uint64_t seq = lmdb_get_u64(key.mv_data);
        *was_whole = !mtr_block_read_header(lmdb_str(value), &header) && header.first_seq == seq;
        if (*was_whole && seq >= losses->next) {
            if (seq > losses->next) lose(losses, segment, losses->next, seq - 1);
            losses->next = seq + header.count;
        }
        rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Of the open segment nobody knows the end: what is behind its last whole block is lost where there was
 * more. */
static void walk_segment(const char *directory, const struct mtr_segment_record *record,
                         struct losses *losses)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    bool was_whole = true;
    int rc = segment_open(directory, record->number, 0, &env, NULL);
    if (!rc) rc = lmdb_error(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    if (!rc) rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (!rc) rc = walk_blocks(cursor, record->number, losses, &was_whole);
    if (record->rolled && losses->next <= record->last_seq)
        lose(losses, record->number, losses->next, record->last_seq);
    else if (!record->rolled && (rc || !was_whole)) lose(losses, record->number, losses->next, 0);
    losses->has_ended = true;
}

static _Noreturn void run_child(const char *directory, const struct mtr_segment_record *record,
                                struct losses *losses, pid_t parent)
{
    const struct rlimit none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close_range(STDERR_FILENO + 1, UINT_MAX, 0); /* locks, above all */
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    walk_segment(directory, record, losses);
    _exit(0);
}

static int look(const char *directory, const struct mtr_segment_record *record, struct losses *losses)
{
    const pid_t parent = getpid();
    int status;
    *losses = (struct losses){.next = record->start_seq};
    const pid_t child = fork();
    if (child < 0) return mtr_error_from_errno(errno);
    if (!child) run_child(directory, record, losses, parent);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (!losses->has_ended)
        lose(losses, record->number, losses->next, record->rolled ? record->last_seq : 0);
    return MTR_OK;
}

int mtr_log_find_lost(const char *directory, void (*on_lost)(void *context, const struct mtr_log_lost *lost),
                      void *context, struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest manifest = {.count = 0};
    struct losses *losses =
        mmap(NULL, sizeof(*losses), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (losses == MAP_FAILED) return mtr_error_from_errno(errno);
    int rc = manifest_read(directory, &manifest, diagnostic);
    for (uint32_t i = 0; !rc && i < manifest.count; i++) {
        rc = look(directory, &manifest.records[i], losses);
        for (uint32_t k = 0; !rc && k < losses->count; k++) on_lost(context, &losses->ranges[k]);
    }
    manifest_release(&manifest);
    munmap(losses, sizeof(*losses));
    return rc;
}
