"""What is written down of who was refused and who changed what, and who notices that somebody changed it. Rows as __main__.py says."""
TRAIL = "lib/store/trail/"

MUTANTS = {
    "a line of a trail that was changed is not noticed": (
        TRAIL + "trail_read.c", "else if (memcmp(parts->previous, reading->out->last.hash, sizeof(parts->previous)) != 0)", "else if (parts->line.sequence == 0)", "test_trail"),
    "lines at the end of a trail may go": (
        TRAIL + "trail_read.c", "if (reading->stored.sequence > out->last.sequence)", "if (reading->stored.sequence > out->last.sequence + 100)", "test_trail"),
    "the last line of a trail may be another": (
        TRAIL + "trail_read.c", "    check_kept(reading, &reading->stored, own_head);\n", "    (void)own_head;\n", "test_trail"),
    "a head that was kept says nothing": (
        TRAIL + "trail_read.c", "    check_kept(reading, reading->walk->kept, kept_head);\n", "    (void)kept_head;\n", "test_trail"),
    "the oldest lines of a trail may go": (
        TRAIL + "trail_read.c", "if (out->removed && !reading->is_removal_told)", "if (out->removed && out->lines == 0)", "test_trail"),
    "any line that says so lets the oldest go": (
        TRAIL + "trail_read.c", "if (up_to.sequence == reading->before.sequence &&", "if (up_to.sequence <= reading->before.sequence ||", "test_trail"),
    "lines that were taken while nobody wrote are not told": (
        TRAIL + "trail.c", "trail->last_known = claimed->sequence;", "trail->head.sequence = claimed->sequence;", "test_trail"),
    "a torn line stays": (
        TRAIL + "trail.c", "    trail->is_cut = !trail->found.torn_bytes;\n", "    trail->is_cut = true;\n", "test_trail"),
    "what did not fit stays in part": (
        TRAIL + "trail.c", "        const int again = cut(trail);\n        (void)again; /* else before the next line */\n        return rc;", "        *last_size(trail) += 10;\n        return rc;", "test_trail"),
    "a trail grows": (
        TRAIL + "trail.c", "trail->total - *last_size(trail) + trail->file_bytes > trail->bytes_max)", "trail->total > 4 * trail->bytes_max)", "test_trail"),
    "a trail goes on in a file that is gone": (
        TRAIL + "trail.c", "        if (status.st_nlink) return MTR_OK;\n", "        if (!trail->is_cut || status.st_size >= 0) return MTR_OK;\n", "test_trail"),
    "what a crash left behind the head stays": (
        TRAIL + "trail.c", "if (!is_synced && !trail_follows(&trail->head, line)) break;", "if (!is_synced && !line.size) break;", "test_trail"),
    "what a crash left is a fault": (
        TRAIL + "trail_read.c", "if (!end || is_torn(reading, (struct mtr_str){text.data, size})) {", "if (!end || (size == 0 && is_torn(reading, text))) {", "test_trail"),
    "a flood of refusals is a flood of lines": (
        "daemon/security/limits.c", "if (way->told < api_security_lines_max(event->kind)) {", "if (way->told < 100 * api_security_lines_max(event->kind)) {", "test_security_limits"),
    "what was not told is not counted": (
        "daemon/security/limits.c", "    way->counted++;\n", "    way->counted = 1;\n", "test_security_limits"),
    "a flood from everywhere has no bound": (
        "daemon/security/limits.c", "    if (!free_one) return &limits->rest[kind];\n", "    if (!free_one) free_one = &set[0];\n", "test_security_limits"),
    "addresses of one IPv6 network are many": (
        "daemon/api/security.c", "memset(whole.s6_addr + 8, 0, 8);", "memset(whole.s6_addr + 15, 0, 1);", "test_security_limits"),
    "what the queue has no room for is not told": (
        "daemon/security/security_log.c", "    log->dropped += lines;\n", "    log->dropped += 0 * lines;\n", "test_security_limits"),
    "a line that found no room is gone": (
        "daemon/security/security_log.c", "        if (rc) return rc;\n        take_front(log, dropped);", "        take_front(log, dropped);\n        if (rc) return rc;", "test_security_log"),
    "any peer says where it comes from": (
        "daemon/api/security.c", 'if (strncmp(call->address, "127.", 4) != 0 && strcmp(call->address, "::1") != 0) return;', "if (!call->address[0]) return;", "test_security_log"),
    "who is refused is not told": (
        "daemon/api/server.c", "    api_security_unauthenticated(call,\n", "    if (call->address[0] == 'x') api_security_unauthenticated(call,\n", "test_security_log"),
    "what changed something is not told": (
        "daemon/api/stream.c", "    api_security_answered(call);\n", "    if (stream->is_coded) api_security_answered(call);\n", "test_security_log"),
    "a dry run is told as an act": (
        "daemon/api/security.c", "if (!call->route->act || is_dry_run(call)) return;", "if (!call->route->act || (is_dry_run(call) && call->status >= 400)) return;", "test_security_log"),
}
