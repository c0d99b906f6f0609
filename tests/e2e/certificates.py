"""Certificates that a test makes, and vendors behind them; and a daemon that trusts an authority of the test's, in a mount namespace of its own.

    authority = Authority(directory)
    good = authority.sign("good", "IP:127.0.0.1")        # good.pem, good.key
    server = serve(Handler, good, "127.0.0.1", authority if clients_must_show_one_too)
"""
import http.server
import os
import shutil
import ssl
import subprocess
import threading

TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
CONFIG = """
[ca]
default_ca=it
[it]
dir={directory}
database=$dir/index
new_certs_dir=$dir
serial=$dir/serial
default_md=sha256
policy=any
copy_extensions=copy
unique_subject=no
[any]
commonName=supplied
"""


def missing():
    """Why there are none here; None: there are."""
    return None if shutil.which("openssl") else "openssl is not installed"


def can_trust():
    """May this user give one process a list of authorities of its own?"""
    tried = shutil.which("unshare") and subprocess.run(["unshare", "-m", "mount", "--bind", "/dev/null", TRUSTED], capture_output=True, check=False)
    return bool(tried) and tried.returncode == 0


def trusting(path):
    """Words before a command that sees that file as the machine's authorities."""
    return ["unshare", "-m", "sh", "-c", f'mount --bind "{path}" {TRUSTED} && exec "$@"', "sh"]


def run(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Identity:
    def __init__(self, directory, name):
        self.certificate, self.key = (os.path.join(directory, f"{name}.{end}") for end in ("pem", "key"))

    def request(self, names):
        out = f"{self.certificate}.csr"
        run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", out, "-subj", "/CN=test",
            "-addext", f"subjectAltName={names}")
        os.chmod(self.key, 0o600)
        return out


class Authority(Identity):
    def __init__(self, directory):
        self.directory = os.path.join(directory, "authority")
        os.mkdir(self.directory)
        super().__init__(self.directory, "authority")
        self.config = os.path.join(self.directory, "config")
        for path, text in ((self.config, CONFIG.format(directory=self.directory)), (os.path.join(self.directory, "index"), ""),
                           (os.path.join(self.directory, "serial"), "01\n")):
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "30",
            "-subj", "/CN=authority of the test")

    def sign(self, name, names, ends="20991231235959Z"):
        made = Identity(self.directory, name)
        run("ca", "-batch", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-in", made.request(names), "-out", made.certificate,
            "-notext", "-startdate", "20200101000000Z", "-enddate", ends)
        return made


def by_itself(directory, name, names):
    made = Identity(directory, name)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key, "-out", made.certificate, "-days", "30",
        "-subj", "/CN=test", "-addext", f"subjectAltName={names}")
    return made


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that does not trust us leaves."""


def serve(handler, identity, address, of_clients=None):
    """https on a port of its own; of_clients: who must have signed what they show."""
    server = Server((address, 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if of_clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # who is refused hears of it before anything is sent
        context.load_verify_locations(of_clients.certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
