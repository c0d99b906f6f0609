/*
 * Log lines. Level and format are atomics; a line is built on the stack and leaves in one write(2).
 */
#include "meterd/core/logline.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meterd/core/time.h"

static atomic_int lowest_level = MTR_LEVEL_INFO;
static atomic_int line_format = MTR_LOGLINE_AUTO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priorities[] = {3, 4, 6, 7}; /* sd-daemon(3) */

void mtr_logline_set_level(enum mtr_logline_level level)
{
    atomic_store(&lowest_level, level);
}

void mtr_logline_set_format(enum mtr_logline_format format)
{
    atomic_store(&line_format, format);
}

/* Control characters as \n or \xNN; for JSON also quotes and backslashes. Returns the size. */
static size_t escape(char *out, size_t room, const char *text, bool json)
{
    size_t used = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        char piece[8];
        int size;
        if (*p == '\n') size = snprintf(piece, sizeof(piece), "\\n");
        else if (*p < 0x20 || *p == 0x7F) size = snprintf(piece, sizeof(piece), json ? "\\u%04x" : "\\x%02x", *p);
        else if (json && (*p == '"' || *p == '\\')) size = snprintf(piece, sizeof(piece), "\\%c", *p);
        else size = snprintf(piece, sizeof(piece), "%c", *p);
        if (used + (size_t)size > room) break;
        memcpy(out + used, piece, (size_t)size);
        used += (size_t)size;
    }
    return used;
}

static void write_line(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, line, size);
        if (written <= 0) return; /* nobody to tell */
        line += written;
        size -= (size_t)written;
    }
}

void mtr_logline(enum mtr_logline_level level, const char *subsystem, const char *format, ...)
{
    if ((int)level > atomic_load_explicit(&lowest_level, memory_order_relaxed)) return;
    enum { TAIL_BYTES = 8 }; /* closing quote and brace, newline */
    char text[MTR_LOGLINE_BYTES_MAX], line[MTR_LOGLINE_BYTES_MAX + 256], when[MTR_TIME_TEXT_BYTES];
    struct timespec now;
    va_list args;
    va_start(args, format);
    int full = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (full >= (int)sizeof(text)) memcpy(text + sizeof(text) - 4, "\xE2\x80\xA6", 4);
    clock_gettime(CLOCK_REALTIME, &now);
    mtr_time_format((int64_t)now.tv_sec * MTR_US_PER_SECOND + now.tv_nsec / 1000, when);

    int chosen = atomic_load_explicit(&line_format, memory_order_relaxed);
    bool json = chosen == MTR_LOGLINE_JSON;
    int head;
    if (json)
        head = snprintf(line, sizeof(line), "{\"time\":\"%s\",\"level\":\"%s\",\"subsystem\":\"%s\",\"text\":\"", when, level_names[level], subsystem);
    else if (chosen == MTR_LOGLINE_AUTO && getenv("JOURNAL_STREAM"))
        head = snprintf(line, sizeof(line), "<%d>%s: ", syslog_priorities[level], subsystem);
    else
        head = snprintf(line, sizeof(line), "%s %s %s: ", when, level_names[level], subsystem);
    size_t size = (size_t)head;
    size += escape(line + size, sizeof(line) - size - TAIL_BYTES, text, json);
    if (json) {
        memcpy(line + size, "\"}", 2);
        size += 2;
    }
    line[size++] = '\n';
    write_line(line, size);
}
