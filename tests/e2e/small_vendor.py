"""An HTTP server of a few lines for a test that is the vendor itself: what it says to a request is one function. What a vendor's API has of its own
(paging, logins, faults by a seed) is in vendor/."""
import http.server
import json
import threading
import urllib.parse


class SmallVendor(http.server.ThreadingHTTPServer):
    """On loopback, from the beginning until shutdown(). A subclass has `answer`, and sets what that needs before this is begun, or in the answer."""

    HANG_UP = object()  # an answer that breaks off in its body

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path, query, headers):
        """A body with status 200, or status and body, or status, body and headers; a body is bytes, or what becomes JSON. Or HANG_UP."""
        raise NotImplementedError

    def handle_error(self, request, client_address):
        """A daemon that ends, was killed or gives up an answer is no error of the vendor's."""


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        said = self.server.answer(url.path, dict(urllib.parse.parse_qsl(url.query)), self.headers)
        if said is SmallVendor.HANG_UP:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            self.close_connection = True
            return
        status, body, headers = (*said, {})[:3] if isinstance(said, tuple) else (200, said, {})
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
