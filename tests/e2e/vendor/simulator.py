"""The vendor as a whole: its dialects, its clock, what goes wrong, and what it has answered.

    with Simulator(seed=7) as vendor:
        life = Life(vendor.truth, 7, from_us, to_us); life.begin(200)
        vendor.add(Dialect("acme", paging="cursor", auth="oauth2"))
        ... vendor.url("acme") + "/usage" ...
        vendor.chaos.set({"too_many": 0.1, "empty": 0.05})

Whoever is in another process steers it by HTTP (admin.py).

Three addresses of loopback under one port: the API, its files (where links may lead), and a trap, to which nobody may
ever come (`trapped`).
"""
import errno
import threading

from .admin import Admin
from .chaos import Chaos
from .clock import Clock
from .listener import Server
from .message import Answer
from .service import Service
from .trace import Trace
from .truth import Truth
from .witness import Witness

API, FILES, TRAP = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class Simulator:
    def __init__(self, seed=0, clock=None, shares=None):
        self.clock = clock or Clock()
        self.chaos = Chaos(seed, shares)
        self.trace, self.witness = Trace(), Witness()
        self.truth = Truth(self.clock)
        self.services = {}
        self.trapped = []
        self.lock = threading.Lock()
        self.servers = []
        self.port = 0
        self.life = None  # of `truth`: for the control interface
        self.admin = Admin(self)

    def add(self, dialect, truth=None, kind=Service):
        """Serves it from now on; truth: its own, or the one of all. kind: what answers for it, as one of examples.py."""
        fault = dialect.fault()
        if fault:
            raise ValueError(f"{dialect.name}: {fault}")
        service = self.services[dialect.name] = kind(dialect, truth or self.truth, self)
        service.place(self.origin(API), self.origin(FILES), self.origin(TRAP))
        return service

    def origin(self, address=API):
        return f"http://{address}:{self.port}"

    def url(self, name):
        return f"{self.origin()}/{name}"

    def answer(self, request):
        """One at a time: what is slow of an answer is its sending."""
        if request.host == TRAP:
            self.trapped.append(request)
            return Answer(200, b"{}")
        with self.lock:
            if request.host == API and request.words[0] == "-":
                return self.admin.answer(request)
            service = self.services.get(request.words[0])
            is_files = request.host == FILES
            if not service or is_files and request.words[1:2] != ["files"]:
                return Answer.problem(404, "NotFound", request.path)
            service.in_flight += 1
            service.in_flight_max = max(service.in_flight_max, service.in_flight)
            answer = service.answer(request)
            answer.service = service
            return answer

    def sent(self, answer):
        """The client has it, or has left."""
        if answer.service:
            with self.lock:
                answer.service.in_flight -= 1

    def start(self):
        for _ in range(100):
            try:
                self.bind()
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        for server in self.servers:
            server.start()
        for service in self.services.values():
            service.place(self.origin(API), self.origin(FILES), self.origin(TRAP))
        return self

    def bind(self):
        """One port for all three."""
        servers, port = [], 0
        try:
            for address in (API, FILES, TRAP):
                servers.append(Server((address, port), self))
                port = servers[0].server_address[1]
        except OSError:
            for server in servers:
                server.server_close()
            raise
        self.servers, self.port = servers, port

    def stop(self):
        for server in self.servers:
            server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
