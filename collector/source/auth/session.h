/*
 * What drivers see of a session, and what they share. Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_SESSION_H
#define METERD_COLLECTOR_SOURCE_AUTH_SESSION_H

#include "collector/source/auth/auth.h"
#include "collector/source/auth/secret_file.h"
#include "meterd/core/document.h"

enum { AUTH_FILES_MAX = 5, AUTH_TOKEN_BYTES_MAX = 16 << 10 };

struct auth_driver;
struct file_access;

/* What came of a file last, and the access that is under way. */
struct auth_file {
    struct file_access *access; /* NULL: none is */
    int64_t asked_us;           /* when it was begun */
    int64_t came_us;            /* 0: nothing has come, or it is not to be used again */
    int rc;
    struct mtr_buffer text; /* wiped */
    char fault[AUTH_FAULT_BYTES];
};

/* A file that secrets came from, and what they were: a 401 is worth another try when they have changed. */
struct auth_seen {
    struct mtr_str name; /* in the session's arena */
    bool is_certificate;
    bool is_read; /* it could be */
    uint8_t digest[AUTH_KEY_BYTES];
    struct auth_file file;
};

struct auth_session {
    struct auth_session *next; /* of the keeper's */
    struct auth_keeper *keeper;
    const struct auth_hooks *hooks;
    uint8_t key[AUTH_KEY_BYTES]; /* hash of all that makes auth equal */
    uint32_t opened;
    const struct auth_driver *driver;
    const struct mtr_source *source; /* borrowed: the last one */
    struct mtr_arena arena;          /* the driver's templates and state */
    void *state;
    struct auth_seen seen[AUTH_FILES_MAX];
    uint32_t seen_count;
    struct auth_file kept;      /* what load gives */
    struct file_access *keep;   /* on its way; NULL: none is */
    int64_t keep_asked_us;
    int keep_rc;
    uint64_t rotations, kept_rotations; /* of refresh tokens: so many, of them durable */
    int64_t now_us;
    bool is_waiting;  /* MTR_EAGAIN is a file's that is on its way: nothing is said of it */
    uint64_t refused; /* number of what got a 401, while it is read whether it has changed; 0: none */
    /* The token; without one the number still counts changes of secrets. */
    struct mtr_buffer token;
    uint64_t number;
    int64_t renew_us, ends_us;
    int64_t asking_until_us; /* an ASK is on its way; 0: none is */
    bool was_refused;  /* the next token answers a 401 */
    uint64_t unproven; /* number of a token that did, and was not accepted yet */
    /* The last failure */
    uint32_t failures;
    int64_t again_us;
    enum auth_alarm alarm;
    char fault[AUTH_FAULT_BYTES];
};

/* Says what is wrong, for whoever asks next; returns MTR_EDENIED. */
int auth_fail(struct auth_session *session, enum auth_alarm alarm, const char *format, ...) MTR_PRINTF(3, 4);

/* It is asked for later, and later each time; at wait_us from now at the soonest. */
void auth_wait_longer(struct auth_session *session, int64_t wait_us, int64_t now_us);

/* Appends a secret to out, which secret_wipe ends. MTR_EDENIED after auth_fail; MTR_EAGAIN: it comes
 * (is_waiting). */
int auth_read_secret(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out) MTR_MUST_USE;
int auth_read_certificate(struct auth_session *session, struct mtr_str file,
                          struct mtr_buffer *out) MTR_MUST_USE;
/* The same of what came last, however old; nothing where nothing has. */
int auth_known_secret(const struct auth_session *session, struct mtr_str file,
                      struct mtr_buffer *out) MTR_MUST_USE;
/* Is one of those that were read another by now? COMING: it is being read (is_waiting). */
enum auth_change { AUTH_SAME, AUTH_CHANGED, AUTH_COMING };
enum auth_change auth_secrets_changed(struct auth_session *session);
void auth_forget_secrets(struct auth_session *session); /* the next look at them reads them anew */

/* What hooks->load gives, appended to out; MTR_EAGAIN: it comes (is_waiting), or does not (auth_fail). */
int auth_load_kept(struct auth_session *session, struct mtr_buffer *out) MTR_MUST_USE;
/* Keeps the text of this rotation. MTR_EAGAIN: it is on its way (is_waiting), or cannot be (auth_fail). */
int auth_keep(struct auth_session *session, struct mtr_str text) MTR_MUST_USE;

void auth_release_files(struct auth_session *session); /* what is under way is nobody's */

/* What a vendor gave, which lives for ttl_us from now. MTR_EDENIED: it is none that a header can carry. */
int auth_take_token(struct auth_session *session, struct mtr_str token, int64_t ttl_us,
                    int64_t now_us) MTR_MUST_USE;

/* Text in the turn's arena of a buffer with a secret in it, as a header of the call. */
int auth_add_header(struct auth_turn *turn, struct source_call *call, struct mtr_str name,
                    struct mtr_str value) MTR_MUST_USE;

/* The scalar at a path (row_path.h) of a JSON document; no data: there is none. */
struct mtr_str auth_value_at(const struct mtr_node *root, struct mtr_str path, struct mtr_arena *arena);

#endif
