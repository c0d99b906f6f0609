"""Sockets: threads that take requests and send answers, also those that break off, drip, or never come."""
import http.server
import select
import socket
import struct
import threading

from .message import Request

BODY_MAX = 16 << 20
HUGE_BYTES = 256 << 20
HANG_S = 60


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, simulator):
        super().__init__(address, Handler)
        self.simulator = simulator
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request, client_address):
        """A client that leaves in the middle is none of ours."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *_):
        pass

    def take(self):
        length = min(int(self.headers.get("Content-Length") or 0), BODY_MAX)
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length), self.server.server_address[0])
        answer = self.server.simulator.answer(request)
        if not answer.way:  # before the client has it and can ask again: counts of requests under way are never too high
            self.server.simulator.sent(answer)
            self.send_whole(answer)
            return
        try:
            getattr(self, f"send_{answer.way}")(answer)
        finally:
            self.server.simulator.sent(answer)

    do_GET = do_POST = do_PUT = do_DELETE = take

    def head(self, answer, length=None):
        reason = self.responses.get(answer.status, ("",))[0]
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {text}" for name, text in answer.headers.items())]
        if length is None:
            self.close_connection = True
            lines.append("Connection: close")
        elif answer.status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send_whole(self, answer):
        self.wfile.write(self.head(answer, len(answer.body)) + answer.body)

    def send_cut(self, answer):
        self.close_connection = True
        self.wfile.write(self.head(answer, len(answer.body)) + answer.body[:len(answer.body) // 2])

    def send_reset(self, _):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile, self.wfile = open("/dev/null", "rb"), open("/dev/null", "wb")

    def send_hang(self, _):
        self.close_connection = True
        self.client_leaves(HANG_S)

    def send_drip(self, answer):
        self.close_connection = True
        self.wfile.write(self.head(answer, len(answer.body)))
        for at in range(len(answer.body)):
            self.wfile.write(answer.body[at:at + 1])
            if self.client_leaves(1):
                break

    def send_huge(self, answer):
        """White space, behind which JSON could go on; bounded here, too."""
        self.wfile.write(self.head(answer))
        for _ in range(HUGE_BYTES >> 16):
            if self.server.stopping.is_set():
                break
            self.wfile.write(b" " * (1 << 16))

    def client_leaves(self, seconds):
        """Waits so long for it, or for our own end."""
        for _ in range(int(seconds * 20)):
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable or self.server.stopping.is_set():
                return True
        return False
