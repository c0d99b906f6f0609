/*
 * sd_notify: one datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET names. A leading '@' is an
 * abstract socket.
 */
#include "meterd/net/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "meterd/core/str.h"

enum { MESSAGE_BYTES_MAX = 1024 };

static int socket_address(const char *path, struct sockaddr_un *out, socklen_t *size)
{
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof(out->sun_path))
        return MTR_EINVALID;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, path, length);
    if (path[0] == '@') out->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return MTR_OK;
}

static int notify(const char *message, size_t size)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || !path[0]) return MTR_OK;
    struct sockaddr_un address;
    socklen_t address_size;
    int rc = socket_address(path, &address, &address_size);
    if (rc) return rc;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return mtr_error_from_errno(errno);
    ssize_t sent = sendto(fd, message, size, MSG_NOSIGNAL, (const struct sockaddr *)&address, address_size);
    if (sent != (ssize_t)size) rc = sent < 0 ? mtr_error_from_errno(errno) : MTR_EIO;
    close(fd);
    return rc;
}

static int notify_text(const char *message)
{
    return notify(message, strlen(message));
}

int mtr_systemd_ready(void)
{
    return notify_text("READY=1");
}

int mtr_systemd_reloading(int64_t monotonic_us)
{
    char message[64];
    int size = snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRId64, monotonic_us);
    return notify(message, (size_t)size);
}

int mtr_systemd_stopping(void)
{
    return notify_text("STOPPING=1");
}

int mtr_systemd_watchdog(void)
{
    return notify_text("WATCHDOG=1");
}

int64_t mtr_systemd_watchdog_us(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid_text = getenv("WATCHDOG_PID");
    uint64_t interval_us, pid;
    if (!text || !mtr_str_to_u64(mtr_str_from(text), &interval_us) || interval_us > INT64_MAX) return 0;
    if (pid_text && (!mtr_str_to_u64(mtr_str_from(pid_text), &pid) || pid != (uint64_t)getpid())) return 0;
    return (int64_t)interval_us;
}
