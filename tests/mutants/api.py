"""Who may ask, what is taken from strangers, and how much of it: keys, scopes, vendors, bodies, heads. Rows as __main__.py says.

Not here, since it changes nothing that a test could see:
  * that keys are compared in constant time, and all of their 256 bits, behind an index by 64 of them.
  * that what was unpacked is not larger than allowed, once more at the end (net/coding.c): whoever asks for room for more was refused before.
  * that TLS is not negotiated again (net/tls/): OpenSSL 3 refuses it to clients by itself, too.
  * that a line of a head ends with CR LF (net/http_parser.c): llhttp, which is strict, refuses what does not, in other words.
"""

MUTANTS = {
    "a key that is disabled is good": (
        "lib/catalog/lookups.c", "return key->disabled || now_us >= key->retired_us ? NULL : key;", "return now_us >= key->retired_us ? NULL : key;", "test_catalog_life"),
    "a key is good at the moment of its end": (
        "lib/catalog/lookups.c", "return key->disabled || now_us >= key->retired_us ? NULL : key;", "return key->disabled || now_us > key->retired_us ? NULL : key;", "test_catalog_life"),
    "a key may do what its scopes do not say": (
        "daemon/api/server.c", "if (!(call->credential->scopes & call->route->scope)) {", "if (!call->credential->scopes) {", "test_api$"),
    "a vendor's key shows what the others sold": (
        "daemon/api/server.c", "if (call->credential->vendor && (call->route->scope", "if (call->credential->disabled && (call->route->scope", "test_api$"),
    "a vendor's key sees the usage of the others": (
        "daemon/api/route/usage.c", "    query->vendor = own->key;\n", "", "test_api$"),
    "what use costs is told to who may query usage": (
        "lib/catalog/names.c", "return found && &found->fields.tariff == tariff;", "return found && !found->key.size && &found->fields.tariff == tariff;", "test_two_sides"),
    "a stored cost tariff stands beside any price": (
        "daemon/query/quote/quote_phases.c", "*out, side == QUOTE_COST);", "*out, side == QUOTE_SIDES);", "test_two_sides"),
    "a customer's prices are told to who may query usage": (
        "daemon/query/quote/quote_phases.c", "if (request->party.customer.size)\n", "if (request->party.customer.size > 1000)\n", "test_two_sides"),
    "a formula behind a semicolon is run": (
        "lib/core/csv.c", "static const char apart[] = \";\\t\\r\\n\";", "static const char apart[] = \"\\t\\r\\n\";", "test_csv$"),
    "a formula of full width is run": (
        "lib/core/csv.c", "return is_wide || memchr(", "return (is_wide && at > text.size) || memchr(", "test_csv$"),
    "two texts are one cell of CSV": (
        "lib/core/csv.c", "    while (sign < text.size && text.data[sign] == '\\'') sign++;\n    return is_sign(text, sign);", "    return is_sign(text, sign);", "test_csv$"),
    "a direction of text that turns is shown": (
        "lib/core/line.c", "(code >= 0x2028 && code <= 0x202e)", "(code >= 0x2028 && code <= 0x202d)", "test_str$"),
    "a server's words are orders": (
        "daemon/cli/client.c", "    mtr_line_make(text);\n", "", "test_cli$"),
    "a dimension's name is taken for a value": (
        "lib/catalog/check/dimension_checks.c", "if (record && !is_known) check_names", "if (record && is_known) check_names", "test_catalog_findings"),
    "a problem is kept by a cache": (
        "lib/net/http_answer.c", "MTR_STR(\"no-store\")}};\n    uint32_t count = 2;", "MTR_STR(\"no-store\")}};\n    uint32_t count = 1;", "test_api$"),
    "a vendor sees how much all others send": (
        "daemon/api/route/status.c", "row.rater.has_counts = !call->credential->vendor;", "row.rater.has_counts = true;", "test_api$"),
    "an acknowledgement is answered and not stored": (
        "daemon/api/route/charges.c", "    if (!rc) rc = mtr_charges_commit(txn);\n    else mtr_charges_abort(txn);\n", "    mtr_charges_abort(txn);\n", "test_api$"),
    "a parameter that is not known is passed over": (
        "daemon/api/parameters.c", "        if (!row) {\n", "        if (!row) continue;\n        if (!row->name) {\n", "test_api$"),
    "usage for another vendor's subscription waits": (
        "collector/intake/judge.c", "if (!mtr_catalog_is_foreign_subject(catalog, event->vendor, event->subject))", "if (!mtr_catalog_is_foreign_subject(catalog, event->vendor, event->vendor))",
        "test_intake$"),
    "two vendors' ids are one": (
        "lib/core/event.c", "    p = put_text(p, event->vendor, MTR_KEY_BYTES_MAX);\n", "", "test_event$"),
    "two sources' ids are one": (
        "lib/core/event.c", "    p = put_text(p, event->source, MTR_EVENT_SOURCE_BYTES_MAX);\n", "", "test_event$"),
    "anybody sends as meterd's own sources": (
        "collector/intake/judge.c", "if (mtr_str_starts_with(event->source, MTR_STR(MTR_EVENT_SOURCE_OWN)))", "if (mtr_str_equal(event->source, MTR_STR(MTR_EVENT_SOURCE_OWN)))",
        "test_intake_readings"),
    "a text of one byte too many is stored": (
        "collector/intake/judge.c", "if (text.size > bytes_max) *out =", "if (text.size > bytes_max + 1) *out =", "test_intake$"),
    "the last property that is allowed is too many": (
        "collector/intake/judge.c", "if (event->property_count > MTR_EVENT_PROPERTIES_MAX)", "if (event->property_count >= MTR_EVENT_PROPERTIES_MAX)", "test_intake$"),
    "a request has one event too many": (
        "collector/decode/draft.c", "if (request->count == draft->events_max) return MTR_ELIMIT;", "if (request->count > draft->events_max) return MTR_ELIMIT;", "test_decode$"),
    "a body that is packed grows by one byte too many": (
        "lib/net/coding.c", "    if (output->size > output->bytes_max)\n", "    if (output->size > output->bytes_max + 1)\n", "test_coding"),
    "a body is as large as it comes": (
        "lib/net/coding.c", "if (body.size > bytes_max) return too_large(", "if (body.size > bytes_max && !body.data) return too_large(", "test_coding"),
    "a packed body may ask for any window": (
        "lib/net/coding_reader.c", "ZSTD_WINDOW_LOG_MAX)", "ZSTD_WINDOW_LOG_MAX + 4)", "test_coding"),
    "a packed body that ends too early is whole": (
        "lib/net/coding.c", "if (rc || !coding_reader_is_whole(reader))", "if (rc)", "test_decode_coded"),
    "one of two headers that must be single counts": (
        "lib/net/http_parser.c", "            if (values[s]) return false;\n", "", "test_http_bytes|test_http_pieces"),
    "blanks of the request line are passed over": (
        "lib/net/http_parser.c", "    return blanks == 2;\n", "    return blanks >= 2;\n", "test_http_bytes"),
    "a header without a name is taken": (
        "lib/net/http_parser.c", "if (head->headers[i].name.size == 0)", "if (!head->headers[i].name.data)", "test_http_bytes"),
    "a redirect is followed": (
        "lib/net/http_exchange.c", "CURLOPT_FOLLOWLOCATION, 0L)", "CURLOPT_FOLLOWLOCATION, 1L)", "test_http_client"),
    "a connection to the metadata of a cloud is allowed": (
        "lib/net/address_guard.c", "{{169, 254}, 16, PRIVATE}", "{{169, 255}, 16, PRIVATE}", "test_http_client"),
    "an address of the old kind in one of the new is not looked at": (
        "lib/net/address_guard.c", "if (class == CARRIES_IPV4) return ipv4_class(address + 12);", "if (class == CARRIES_IPV4) return PUBLIC;", "test_http_client"),
    "the last key that administers may go": (
        "lib/catalog/check/admin_checks.c", "    if (is >= was) return;\n", "    if (is >= was || is == NONE) return;\n", "test_catalog_admin"),
    "the last key that administers may be given an end": (
        "lib/catalog/check/admin_checks.c", "    return key->retired_us == INT64_MAX ? FOR_EVER : UNTIL_SOME_TIME;", "    return FOR_EVER;", "test_catalog_admin"),
    "a vendor's key counts as one that administers": (
        "lib/catalog/check/admin_checks.c", "if (!key->number || key->disabled || key->vendor ||", "if (!key->number || key->disabled ||", "test_catalog_admin"),
    "a renewal that broke off leaves the secret that the catalog does not know": (
        "daemon/admin_key.c", "if (is_known(store, fresh, now_us))", "if (!is_known(store, fresh, now_us))", "test_admin_key"),
    "an old TLS is spoken": (
        "lib/net/tls/tls_context.c", "SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)", "SSL_CTX_set_min_proto_version(context, TLS1_VERSION)", "test_http_tls_server"),
    "a cipher without forward secrecy is taken": (
        "lib/net/tls/tls_context.c", '"ECDHE+AESGCM:ECDHE+CHACHA20"', '"DEFAULT"', "test_http_tls_server"),
    "a client without a certificate is let in": (
        "lib/net/tls/tls_context.c", "SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT", "SSL_VERIFY_PEER", "test_http_tls_server"),
    "whose certificate nobody has signed is let in": (
        "lib/net/tls/tls_context.c", "SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);", "SSL_VERIFY_NONE, NULL);", "test_http_tls_server"),
    "a ticket is good for a day": (
        "lib/net/tls/tls_context.c", "TICKET_LIFE_S = 3600", "TICKET_LIFE_S = 86400", "test_http_tls_server"),
    "a handshake has all the time of an idle connection": (
        "lib/net/http_connection.c", "if (!connection->first && !http_tls_is_shaking(connection))", "if (!connection->first)", "test_http_tls_bytes"),
    "a handshake does not end": (
        "lib/net/http_connection.c", "        if (now >= connection->read_deadline_ms) http_tls_time_out(connection);\n", "", "test_http_tls_bytes"),
    "ciphertext that waits is lost": (
        "lib/net/http_connection.c", "        if (connection->tls && !http_tls_resume(connection)) return;\n", "", "test_http_tls_bytes"),
    "an end is not said": (
        "lib/net/http_connection.c", "    if (connection->tls && !connection->reset_after && !http_tls_end(connection)) return;\n", "", "test_http_tls_bytes"),
    "an answer that broke off ends as a whole one does": (
        "lib/net/http_connection.c", "if (connection->tls && !connection->reset_after && !http_tls_end(connection)) return;", "if (connection->tls && !http_tls_end(connection)) return;",
        "test_http_tls_bytes"),
    "a crowd of handshakes has all of a turn": (
        "lib/net/http_tls.c", "    if (!server->shakes_left) {\n", "    if (false) {\n", "test_http_tls_bytes"),
    "everybody may read the key of the listener": (
        "daemon/listen/tls_files.c", "return wanted->is_secret && (status->st_mode & of_others);", "return wanted->is_secret && (status->st_mode & of_others & 0);", "test_tls$"),
    "a line that is gone opens a port in the clear": (
        "daemon/listen/listener_tls.c", "if (!tls->identity || !config->certificate.size) return;", "if (!tls->identity) return;", "test_tls$"),
    "a key is sent to whoever is there": (
        "lib/net/http_exchange.c", "return !curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, key) &&", "return key &&", "test_http_tls$|test_tls$"),
    "what begins like an address of this machine is this machine": (
        "daemon/cli/client.c", 'if (strcasecmp(host, "localhost") == 0', 'if (strncasecmp(host, "localhost", 9) == 0', "test_tls$"),
    "a client that goes is not told": (
        "lib/net/http_connection.c", "        http_request_leave(request);\n        http_connection_dequeue", "        http_connection_dequeue", "test_queries_end"),
    "a time that is over is not told": (
        "lib/net/http_answer.c", "    http_connection_mark(connection);\n    http_request_leave(request);\n", "    http_connection_mark(connection);\n", "test_queries_end"),
    "a client that closes its side is waited for": (
        "lib/net/http_connection.c", "else if (has_left(connection, now)) http_request_leave(request);", "else if (has_left(connection, now) && !request) http_request_leave(request);", "test_queries_end"),
    "a query whose client has gone goes on": (
        "daemon/api/stream.c", "        mtr_work_limit_call_off(&call->limit);", "        if (stream->is_begun) mtr_work_limit_call_off(&call->limit);", "test_queries_end"),
    "what changes something is cut": (
        "daemon/api/call.c", "return call->route->handle && call->route->act == API_SECURITY_NONE;", "return call->route->handle != NULL;", "test_queries_end"),
    "a query that was cut is answered by what it made": (
        "daemon/api/stream.c", "    if (!stream->is_begun) api_cut(call);\n", "    if (!stream->is_begun && !call->status) api_cut(call);\n", "test_queries_end"),
}
