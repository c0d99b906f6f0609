"""What takes usage from the vendors' APIs: readings, pages, accounts, columns, files, dry runs. Rows as __main__.py says.

Not here, since other guards notice the same, and no test tells which one did:
  * that a column of the map is gone (rows/columns/drift.c): its values are empty then, which is doubted, too.
  * that a draft that is doubted has fewer rows than before (verdict/verdict.c): its sum is less, too, so the row takes away both.
"""
READING = "collector/source/reading/"
VERDICT = "collector/source/verdict/"
PAGING = "collector/source/paging/"
AUTH = "collector/source/auth/"
MASK = "collector/source/mask/"

MUTANTS = {
    "a cursor that is not committed with its rows": (
        READING + "ledger_fold.c", "if (receipt->is_last && receipt->cursor.data) feed.cursor = receipt->cursor;", ";", "test_intake_readings|test_reading|test_poller"),
    "a feed goes on before its reading is in": (
        READING + "ledger_fold.c", "if (receipt->is_last) feed.read_us = receipt->began_us;", "feed.read_us = receipt->began_us;",
        "test_intake_readings|test_reading|test_poller"),
    "pushes before the first receipt are a beginning that is lost": (
        READING + "ledger_fold.c", "!applied->seq && header.first_seq > seq", "!applied->seq && header.first_seq > 1", "test_poller_first"),
    "rows of a feed's reading that broke off are known for ever": (
        READING + "ledger_fold.c", "if (!receipt->is_last && !feed.begun_us) feed.begun_us = receipt->began_us;", ";", "test_reading|test_poller_known"),
    "a part is sent behind the time for which its rows are known": (
        "collector/source/poll/poll.c", "return until_us && now_us >= until_us && poll->request->count > 1;", "return until_us && now_us < 0 && poll->request->count > 1;", "test_poller_known"),
    "rows that may be forgotten count again": (
        "collector/source/limits/known.c", "if (!window_us || !is_asked || begins) return 0;", "if (window_us || is_asked || begins) return 0;", "test_poller_known"),
    "a late row is refused though it would be known": (
        "collector/source/limits/known.c", "return mtr_time_sooner(from_us, now_us - known_asked_us(window_us));", "return now_us ? from_us : 0;", "test_poller_known"),
    "what one window has in quarantine is over with another one's": (
        "collector/source/poll/poller_rows.c", "        if (!window->generation || window->generation == generation) continue;", "        if (window->generation == generation) continue;",
        "test_poller_refused"),
    "rows of a feed are out of quarantine with the next reading": (
        "collector/source/poll/poller_rows.c", "    if (is_feed(strand)) {\n        note_refused_of_feed", "    if (is_feed(strand) && now_us < 0) {\n        note_refused_of_feed", "test_poller_refused"),
    "a short page ends the pages": (
        PAGING + "counted.c", "count->short_page_ends && page->rows < count->limit_value", "page->rows < count->limit_value", "test_paging|test_poller"),
    "an empty page ends them whatever the total says": (
        PAGING + "counted.c", "else if (page->rows == 0 && paging->rows < paging->total)", "else if (page->rows == 0 && paging->total == UINT64_MAX)", "test_paging|test_poller"),
    "a token that came before is followed": (
        PAGING + "seen.c", "*was = (seen->slot_count && *slot_of(seen->slots, seen->slot_count, hash)) || hash == seen->mark;", "*was = false;",
        "test_paging|test_poller"),
    "the border is of both windows": (
        READING + "reading.c", "time_us >= window->to_us", "time_us > window->to_us", "test_reading|test_poller"),
    "there is none, said once, is zero": (
        VERDICT + "verdict.c", "return facts->is_absent && !facts->is_draft && !facts->is_feed &&",
        "return false && facts->is_absent && !facts->is_draft && !facts->is_feed &&", "test_reading|test_poller"),
    "what is said of a piece behind whose rows there is none proves nothing": (
        READING + "reading_pieces.c", ".is_none = is_absent && !counts.rows,", ".is_none = is_absent,", "test_poller_absent"),
    "of a piece that is none what another one said is taken": (
        READING + "reading_pieces.c", "    if (!is_proved && pieces->is_proved) return;", "    if (is_absent && pieces->is_proved) return;", "test_poller_absent|test_poller_pages"),
    "there is none, whatever was counted": (
        VERDICT + "verdict.c", "return path.size && (!facts->is_none || is_said(found));", "return path.size && (!facts->is_none || (is_said(found) && false));", "test_poller_absent"),
    "a warning beside the word that there is none is not heard": (
        "collector/source/poll/poll_page.c", "    if (is_good_page(poll) && !poll->is_again) take_warnings(poll);\n", "", "test_poller_absent"),
    "there is none, though the total was not reached": (
        PAGING + "paging.c", "    if (came < paging->total) return PAGING_TRUNCATED;\n", "", "test_paging"),
    "there is none, though there was more": (
        PAGING + "paging.c", "    if (paging->tells_more && !rows && !is_feed) return PAGING_TRUNCATED;\n", "    (void)is_feed;\n", "test_paging"),
    "there is none, though parts were named": (
        PAGING + "paging.c", "return paging->pages || paging->part_count ? PAGING_INCOMPLETE : PAGING_FINE;", "return PAGING_FINE;", "test_paging_parts"),
    "there is none behind as many rows as are given at most": (
        PAGING + "paging.c", "return limit && !paging->total && (came == limit || rows == limit) ? PAGING_TRUNCATED : PAGING_FINE;", "return limit == UINT64_MAX ? PAGING_TRUNCATED : PAGING_FINE;",
        "test_paging"),
    "what paging knows is not asked where there is none": (
        "collector/source/poll/poll_page.c", "    if (alarm) {\n        end_piece(poll, alarm_of(alarm), fault, now_us);\n        return;\n    }\n    poll->end.is_absent",
        "    (void)alarm;\n    poll->end.is_absent", "test_poller_absent"),
    "a page that is gone at the second look is the last": (
        "collector/source/poll/poll_page.c", "    if (poll->is_again)\n        restart(", "    if (poll->is_again && !poll->task.source)\n        restart(", "test_poller_absent"),
    "a total that an empty page does not repeat is forgotten": (
        PAGING + "counted.c", "else if (page->rows == 0 && paging->rows < paging->total)", "else if (page->rows == 0 && has_total)", "test_paging"),
    "a token is renewed when it has ended": (
        AUTH + "session.c", "session->renew_us = mtr_time_later(session->renew_us, now_us + ttl_us / 2);", "session->renew_us = now_us + ttl_us;",
        "test_source_auth|test_source_login|test_source_refresh|test_refresh_tokens"),
    "a rotated refresh token is used before it is kept": (
        AUTH + "refresh.c", "    session->rotations++; ", "    session->kept_rotations = ++session->rotations; ",
        "test_source_refresh|test_refresh_tokens"),
    "a key that a vendor has escaped as a URL is shown": (
        MASK + "unescape.c", "case '%': return read_percent(reader, out);", "case '%': return read_percent(reader, out) && out->size > 1;", "test_source_mask"),
    "a key that a vendor has escaped as JSON is shown": (
        MASK + "unescape.c", "if (letter != 'u' || !read_hex(reader, 4, &code)) return false;", "if (letter) return false;\n    code = 0;", "test_source_mask"),
    "a key that was escaped twice is shown": (
        MASK + "unescape.h", "UNESCAPE_TIMES_MAX = 2,", "UNESCAPE_TIMES_MAX = 1,", "test_source_mask"),
    "a key that looks escaped itself is shown": (
        MASK + "pattern.c", "if (!rc && may_differ) rc = add(patterns, secret, 0);", ";", "test_source_mask"),
    "a key with escapes is shown where it is half escaped": (
        MASK + "pattern.c", "times <= UNESCAPE_TIMES_MAX && may_differ && !rc; times++", "times <= UNESCAPE_TIMES_MAX && may_differ && rc; times++", "test_source_mask"),
    "of secrets that overlap the end of the second is shown": (
        MASK + "search.c", "const uint32_t left = begun > found ? begun : found;", "const uint32_t left = begun ? begun : found;", "test_source_mask"),
    "a secret at the edge of a block is shown": (
        MASK + "search.c", "search->to + (rest < search->reach ? rest : search->reach)", "search->to + (rest < search->reach ? 0 : 0)", "test_source_mask"),
    "what cannot be read any more has the limits of before, whatever it says itself": (
        "lib/catalog/source_history.c", "if (!source->has_limits && before->has_limits) {", "if (source->unreadable.size && before->has_limits) {", "test_catalog_sources"),
    "what cannot be read any more changes no limits": (
        "lib/catalog/source_history.c", "const bool is_other = source->has_limits && before->has_limits &&", "const bool is_other = !source->unreadable.size && before->has_limits &&",
        "test_catalog_sources"),
    "a zone that is lost is taken for UTC where another fault hides it": (
        "lib/source/document/timing_fields.c", "(window->zone || is_utc) &&", "(window->zone || is_utc || fields) &&", "test_catalog_sources"),
    "what a vendor says of a report is told with the key in it": (
        "collector/source/job/vendor_job.c", "= poll_words(poll, mtr_buffer_str(&poll->vendor_job.said));", "= mtr_buffer_str(&poll->vendor_job.said);", "test_source_said"),
    "a warning is told with the key in it": (
        "collector/source/poll/poll_page.c", "    text = poll_words(poll, text);\n", "", "test_source_said"),
    "what fails is told with the key in it": (
        "collector/source/poll/poll_page.c", "= poll_words(poll, found.text);", "= found.text;", "test_source_said"),
    "files are read and written on the loop": (
        "collector/source/poll/poller_hooks.c", "hooks.run = poller->hooks.apart ? run_apart : NULL;", "hooks.run = poller->hooks.apart ? NULL : run_apart;", "test_hung_files"),
    "a secret that hangs is waited for without a word": (
        AUTH + "session_files.c", "if (session->now_us - file->asked_us >= AUTH_FILE_US_MAX) return MTR_ETIMEDOUT;", "", "test_source_files"),
    "what one rotation has kept holds for the next": (
        AUTH + "session_files.c", "if (!access->rc && access->number == session->rotations)", "if (access->number)", "test_source_files|test_source_refresh"),
    "a draft that shrinks is taken": (
        VERDICT + "guard.c", "if (facts->is_accepted || facts->is_same || is_list_as_taken(facts)) return false;",
        "if (verdict_is_filling(facts) || facts->is_accepted || facts->is_same || is_list_as_taken(facts)) return false;", "test_reading_guard"),
    "rows that another window has leave it unasked": (
        READING + "merge.c", "if (left.rows) rc = weigh(", "if (left.rows && 0) rc = weigh(", "test_reading_moves"),
    "rows leave their window when that is said again": (
        VERDICT + "guard.c", "out->is_acceptable = out->agreed < VERDICT_ACCEPTED;", "out->is_acceptable = out->agreed < facts->source->guard.agree;", "test_reading_moves"),
    "a small day is made of rows of large ones": (
        VERDICT + "guard.c", "!(is_of_one || is_of_own)", "!(is_of_one || (is_of_own && false))", "test_reading_moves"),
    "what another request asks for counts in this one, too": (
        VERDICT + "guard.c", "|| !facts->other.size) return false;", "|| facts->own) return false;", "test_reading_counting"),
    "what another request asks for is not seen behind others": (
        READING + "reading_others.c", "if (*count == (other->is_asked ? READING_ASKED_MAX : READING_UNASKED_MAX)) return MTR_OK;",
        "if (others->asked + others->unasked == 16) return MTR_OK;", "test_reading_counting"),
    "who has no rows of its own takes those of whoever comes behind it": (
        READING + "reading_others.c", "if (other->piece && other->is_asked && is_first)",
        "if (other->piece && other->is_asked && is_first && mtr_str_compare(other->subject, reading->ask.strand.each) < 0)", "test_reading_counting|test_poller_requests"),
    "a piece that is read again leaves what it had of others": (
        READING + "reading_pieces.c", "    reading_forget_others(reading);\n", "", "test_reading_counting"),
    "of the items of a list it is not asked who else is asked for": (
        "collector/source/poll/poll_page.c", "        poll->task.hooks->tell_asked(poll->task.hooks->context, poll, poll->reading);", "        (void)poll;", "test_poller_items|test_poller_requests"),
    "a line that each answer has moves from window to window": (
        READING + "merge.c", "if (!row->is_new || row->is_refused) continue;", "if (!row->is_new) continue;", "test_reading_moves"),
    "a row of two answers is one that left": (
        READING + "merge.c", "return !gone->row.is_refused && row->digest != gone->row.digest;", "return !gone->row.is_refused && row;", "test_reading_moves"),
    "accounts that nobody knows are taken when they are said again": (
        VERDICT + "guard.c", "if (out->agreed < VERDICT_ACCEPTED) return object_mute(", "if (out->agreed < facts->source->guard.agree) return object_mute(",
        "test_reading_guard"),
    "a new window's accounts are held against nothing": (
        VERDICT + "guard.c", "|| !facts->counting.rows || facts->mute);", "|| !facts->taken);", "test_reading_guard"),
    "rows that cannot be read take away what counted": (
        READING + "reading.c", "added.is_mute = added.is_unknown || outlook == JUDGE_WOULD_REFUSE;", "added.is_mute = added.is_unknown;", "test_reading_guard"),
    "what the intake refuses takes away what counted": (
        READING + "reading.c", "added.is_refused ? JUDGE_WOULD_REFUSE : outlook_of(reading, &row);", "added.is_refused ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_COUNT;", "test_reading_guard"),
    "of a row it is asked what the one before was of": (
        "collector/intake/judge_outlook.c", "mtr_str_equal(event->type, type) &&", "(mtr_str_equal(event->type, type) || type.size) &&",
        "test_judge_outlook"),
    "a row that lacks what all meters need would count": (
        "collector/intake/judge_outlook.c", "lacks ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_PASS;", "lacks ? JUDGE_WOULD_COUNT : JUDGE_WOULD_PASS;", "test_judge_outlook"),
    "few rows that cannot be read take away most of the quantity": (
        VERDICT + "guard.c", "    return quantity_shrinks(facts);", "    return quantity_shrinks(facts) && false;", "test_reading_guard"),
    "what would not count lends a window its quantity": (
        READING + "reading.c", "if (row->is_mute || row->is_passed || row->is_beyond) return;", "if (row->is_beyond) return;", "test_reading_counting"),
    "rows of another date take away what counted": (
        READING + "reading.c", "    if (!added.is_mute) added.is_mute = is_misdated(", "    if (!added.is_mute && !reading->ask.catalog) added.is_mute = is_misdated(",
        "test_reading_counting"),
    "what filters leave out lends a window its quantity": (
        "collector/intake/judge_outlook.c", "lacks ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_PASS;", "lacks ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_COUNT;", "test_reading_counting"),
    "rows of other windows lend one their size": (
        READING + "reading_check.c", "        if (row->is_elsewhere) continue;\n", "", "test_reading_counting"),
    "rows that go are few among those that are held": (
        VERDICT + "guard.c", "else if (!facts->is_append && counting_rows_shrink(facts, &had))", "else if (!facts->is_append && counting_rows_shrink(facts, &had) && false)",
        "test_reading_counting"),
    "a window of which nothing can be read is whole": (
        "lib/store/ledger/ledger_totals.c", " && !mtr_window_says_nothing(window);", ";", "test_reading_counting"),
    "a feed begins with what nobody can read": (
        VERDICT + "guard.c", "return facts->is_first && facts->taken &&", "return false && facts->taken &&", "test_reading_counting"),
    "a line at the end of each export is usage": (
        VERDICT + "guard.c", "!facts->counting.rows && *around &&", "!facts->taken && *around &&", "test_reading_counting"),
    "a draft of nothing that counts confirms another doubt": (
        VERDICT + "guard.c", "facts->sum, percent) && !counting_shrinks(facts) &&", "facts->sum, percent) && (counting_shrinks(facts) || true) &&", "test_reading_counting"),
    "a column of the map that is empty is taken": (
        "collector/rows/columns/drift.c", "if (gone < 0) return;", "if (gone < 1000) return;", "test_poller_alarms"),
    "what is said instead of rows is a bad row": (
        "collector/rows/json_document.c", "if (is_said_instead(document, &value))", "if (0 && is_said_instead(document, &value))", "test_record_reader"),
    "what is suspect is taken": (
        VERDICT + "guard.c", "if (out->agreed >= agree) {", "if (out->agreed) {", "test_reading|test_poller"),
    "of the dates of a reading the last one is told of": (
        "collector/source/poll/poll_answer.c", "if (known_us == INT64_MIN || llabs(skew_us) > llabs(known_us)) poll->report.skew_us = skew_us;",
        "(void)known_us;\n    poll->report.skew_us = skew_us;", "test_poller_alarms"),
    "an outage confirms what was doubted of a draft": (
        VERDICT + "guard.c",
        "!shrinks((mtr_int128)before->said_rows, (mtr_int128)facts->rows, percent) &&\n           !sum_shrinks(before->said_sum, facts->sum, percent) && !counting_shrinks(facts) &&",
        "percent < UINT32_MAX &&", "test_reading_guard"),
    "a sum of more digits than usage has guards nothing": (
        VERDICT + "guard.c", "if (mtr_quantity_from_decimal(mtr_decimal_round(number, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN), &quantity))",
        "if (mtr_quantity_from_decimal(number, &quantity))", "test_reading_guard"),
    "a sum that turns its sign is as much as before": (
        VERDICT + "guard.c", "return is_turned ? -whole(sum) : whole(sum);", "return whole(sum) + 0 * is_turned;", "test_reading_guard"),
    "a backfilled window without rows is not held against newer ones": (
        READING + "reading_check.c", "if (!rc && later.windows) *counting = later.own / later.windows;", "if (!rc && later.windows) *counting = 0;",
        "test_reading|test_poller_zero"),
    "rows that are gone stay in the run": (
        READING + "row_changes.c", "        return read_void_key(event, &out->row.key);", "        return false;", "test_reading|test_poller"),
    "rows that are gone are not taken back": (
        READING + "merge.c", "    merge->gone_refused += old->is_refused;\n    return take_back(merge, old, start_us);",
        "    merge->gone_refused += old->is_refused;\n    return start_us ? MTR_OK : MTR_OK;",
        "test_reading|test_poller"),
    "a changed row is added without taking the old one back": (
        READING + "merge.c", "    merge->changed++;\n    return take_back(merge, old, start_us);", "    merge->changed++;\n    return start_us ? MTR_OK : MTR_OK;",
        "test_reading|test_poller"),
    "a row that moved stays where it was, too": (
        READING + "merge.c", "    merge->moved++;\n    return take_back(merge, old, start_us);", "    merge->moved++;\n    return old && start_us ? MTR_OK : MTR_OK;",
        "test_reading|test_poller"),
    "a link to another host is followed": (
        "collector/source/link.c", "        if (is_host_of(call, source->hosts[i])) return true;\n    return false;",
        "        if (is_host_of(call, source->hosts[i])) return true;\n    return true;", "test_link|test_paging|test_poller"),
    "a link from https to http is followed": (
        "collector/source/link.c", "if (base->is_https && !call->is_https) return false;", ";", "test_link|test_paging|test_poller"),
    "a warning is no reason to wait": (
        VERDICT + "verdict.c", "return facts->warnings.size && verdict_object(", "return false && verdict_object(", "test_reading|test_poller"),
    "the vendor's count is not looked at": (
        VERDICT + "verdict.c", "return count != facts->proof_rows && verdict_object(", "return false && verdict_object(", "test_reading|test_poller"),
    "two rows of one id count as the last": (
        VERDICT + "verdict.c", "return facts->clash && verdict_object(", "return false && verdict_object(", "test_reading|test_poller"),
    "a part is the whole reading": (
        READING + "ledger_fold.c", "    if (receipt->is_last) take_reading(window, receipt);\n    else window->state = MTR_WINDOW_PARTIAL;",
        "    take_reading(window, receipt);", "test_reading|test_intake_readings|test_poller"),
    "the version of a manifest is not looked at": (
        PAGING + "parts.c", "else if (!paging->renewals && is_same) end->step = PAGING_UNCHANGED;", "else if (false) end->step = PAGING_UNCHANGED;",
        "test_paging_parts|test_poller_parts"),
    "a manifest of another version goes on with the parts of the one before": (
        PAGING + "parts.c", "else if (paging->renewals && (version.size && !is_same)) end->step = PAGING_RESTART;", "else if (false) end->step = PAGING_RESTART;",
        "test_paging_parts|test_poller_parts"),
    "the list of a piece says that the window stands as it is": (
        "collector/source/poll/poll_reading.c", "is_whole ? poll->task.resume : MTR_STR(\"\")", "is_whole || piece.to_us ? poll->task.resume : MTR_STR(\"\")", "test_poller_lists"),
    "a version of the manifest holds for another document": (
        PAGING + "list_mark.c", "const bool is_same = mtr_str_equal(end, tail_of(source, text));", "const bool is_same = end.size == tail_of(source, text).size;",
        "test_poller_parts$"),
    "sizes of a list are not looked at": (
        PAGING + "parts.c", "sum += hash_text(part->etag,", "sum += 0 * hash_text(part->etag,", "test_paging_parts"),
    "an object that was written anew is read as the one that was listed": (
        PAGING + "parts.c", "if (paging_is_another(part, page))", "if (false && paging_is_another(part, page))", "test_paging_parts|test_poller_parts"),
    "the number of parts is not looked at": (
        PAGING + "parts.c", "else if (is_counted && (!paging_count_of(count, &wanted)", "else if (false && is_counted && (!paging_count_of(count, &wanted)",
        "test_paging_parts|test_poller_parts"),
    "two looks within seconds prove each other": (
        VERDICT + "said.c", "*is_news = facts->began_us >= (from_us > again_us ? from_us : again_us);", "*is_news = from_us <= again_us || true;",
        "test_reading|test_poller"),
    "a reading outlives the document that it asks by": (
        "collector/source/poll/poller_sources.c", "if (is_asking && (is_elsewhere || (is_changed && strand->is_parked)))",
        "if (false && is_asking && (is_elsewhere || (is_changed && strand->is_parked)))", "test_source_moves"),
    "a file waits for a vendor who is away": (
        "collector/source/poll/poller_given.c", "if (waits && (strand->is_parked || poll_backs_off(strand->poll)))", "if (waits && strand->is_parked)", "test_poller_given"),
    "what the vendor has forgotten is taken back": (
        VERDICT + "verdict.c", "return facts->is_forgotten && facts->gone &&", "return false && facts->is_forgotten && facts->gone &&", "test_source_run"),
    "another window ends the alarm about rows": (
        "collector/source/poll/poller_rows.c", "if (said->rows && said->is_of_last) of->count = 0;", "of->count = 0;", "test_poller_status|test_source_alarms"),
    "who waits for a token says nothing": (
        "collector/source/poll/poll_request.c", "if (!turn->fault[0] || poll->tries < WAITS_MAX) {", "if (turn || poll->tries < WAITS_MAX) {", "test_source_alarms"),
    "a vendor who gives other times than he is asked for is believed": (
        "collector/source/poll/poller_rows.c", "is_asked && 2 * far > rows ? far : 0,", "is_asked && far > rows ? far : 0,", "test_poller_range"),
    "a row of two windows of a dry run is billed twice": (
        "collector/source/trial/dry_rows.c", "if (!i || !rows[i].own_id.size || mtr_str_compare(rows[i].own_id, rows[i - 1].own_id) != 0)", "if (i < count)",
        "test_dry_rows|test_dry_run_bills"),
    "what a dry run takes back stays in its bill": (
        "daemon/query/would_bill/assumed_events.c", "        if (!rc) out->rows[out->count++] = row;", "        rc = row.event ? rc : rc;", "test_would_bill"),
}
