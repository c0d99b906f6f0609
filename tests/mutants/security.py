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
}
