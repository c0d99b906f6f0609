"""Fair shares: lanes, threads, memory. Rows as __main__.py says."""
SHARE = "lib/core/share/"

MUTANTS = {
    "who is served goes on being served": (
        SHARE + "lanes.c", "    if (is_over) pass_on(lanes);", "", "test_lanes"),
    "what is owed is forgotten": (
        SHARE + "lanes.c", "    lane->credit -= cost;", "    lane->credit -= cost > 0;", "test_lanes"),
    "one owner has all places": (
        SHARE + "lanes.c", "if (items >= lanes->items_max || own >= lanes->items_max - items) return false;",
        "if (items >= lanes->items_max || own >= lanes->items_max) return false;", "test_lanes|test_intake_turns"),
    "one owner has all memory": (
        SHARE + "shares.c", "own / MTR_SHARES_TIMES_FREE <= shares->bytes_max - used", "own <= shares->bytes_max", "test_shares"),
    "memory that is refused stays taken": (
        SHARE + "shares.c", "    mtr_shares_give(shares, owner, bytes);\n    return false;", "    return false;", "test_shares"),
    "one owner has all threads": (
        "lib/net/loop/workers.c", "mtr_lanes_take(&workers->lanes, workers->options.owner_threads_max)", "mtr_lanes_take(&workers->lanes, UINT32_MAX)",
        "test_workers"),
    "a group has all that one has brought": (
        "collector/intake/intake.c", "uint32_t turns = queue->lanes > 1 ? queue->lanes : UINT32_MAX;", "uint32_t turns = UINT32_MAX;", "test_intake_turns"),
    "what was stored before a part failed is told as not stored": (
        "collector/intake/intake.c", "for (uint32_t i = request->part_first; i < request->count; i++)", "for (uint32_t i = 0; i < request->count; i++)",
        "test_intake_turns"),
    "a request is answered with its first part": (
        "collector/intake/intake.c", "if (error || !has_next_part(request)) answer_request(intake, request);",
        "if (error || !has_next_part(request) || 1) answer_request(intake, request);", "test_intake_turns"),
}
