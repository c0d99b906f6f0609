"""TLS of the listeners, asked by OpenSSL and curl: what is spoken, whom it lets in, certificates that change under load, and what is told."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import certificates
from harness import BUILD, Answer, Daemon, skip, wait_until

BODY_BYTES = (64 << 20) - 2


def context(authority, identity=None, version=None):
    made = ssl.create_default_context(cafile=authority.certificate)
    if version:
        made.minimum_version = made.maximum_version = version
    if identity:
        made.load_cert_chain(identity.certificate, identity.key)
    return made


class Secure(Daemon):
    """A daemon with TLS on one or both of its listeners."""

    def __init__(self, tls, admin=None, settings=None):
        super().__init__({"listen": {"tls": tls} if tls else {}, "admin": {"tls": admin} if admin else {}, **(settings or {})})
        self.of_admin = None

    def call(self, method, path, body=None, headers=None, key=None, port=None, timeout=180):
        if port == self.admin_port and not self.of_admin:
            return super().call(method, path, body, headers, key, port, timeout)
        connection = http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=timeout, context=self.of_admin if port else self.context)
        try:
            send = dict(headers or {})
            if key or self.key:
                send.setdefault("Authorization", f"Bearer {key or self.key}")
            connection.request(method, path, body=json.dumps(body) if isinstance(body, dict) else body, headers=send)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def metric(self, name):
        text = self.call("GET", "/metrics", port=self.admin_port).body.decode()
        return int(re.search(rf"^{re.escape(name)} (\d+)$", text, re.M).group(1))

    def told(self, text):
        with open(self.stderr_path, encoding="utf-8") as f:
            return f.read().count(text)

    def hup(self, text):
        """Reloads, and waits until the log says so once more."""
        before = self.told(text)
        self.write_config()
        self.process.send_signal(signal.SIGHUP)
        wait_until(f"`{text}` in the log", lambda: self.told(text) > before)


def files(identity, authority=None):
    return {"certificate": identity.certificate, "key": identity.key, **({"client_ca": authority.certificate} if authority else {})}


def serial(port, trusted, identity=None):
    """Of the certificate that is shown now."""
    with socket.create_connection(("127.0.0.1", port)) as raw, context(trusted, identity).wrap_socket(raw, server_hostname="127.0.0.1") as s:
        return s.getpeercert()["serialNumber"]


def make(folder):
    authority = certificates.Authority(folder)
    return authority, authority.sign("first", "IP:127.0.0.1"), authority.sign("second", "IP:127.0.0.1", "20401231235959Z")


def test_both_listeners(folder):
    authority, first, _ = make(folder)
    daemon = Secure(files(first), files(first))
    daemon.context = daemon.of_admin = context(authority)
    with daemon:
        assert "events and queries on https://127.0.0.1" in daemon.log_lines()
        assert daemon.status()["log"]["last_seq"] >= 0
        assert daemon.metric('meterd_tls_certificate_expiry_seconds{listener="listen"}') == 4102444799  # the end of 2099
        assert daemon.metric('meterd_tls_certificate_expiry_seconds{listener="admin"}') == 4102444799
        assert daemon.metric('meterd_tls_handshakes_total{result="done"}') > 2
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            with socket.create_connection(("127.0.0.1", daemon.port)) as raw:
                with context(authority, version=version).wrap_socket(raw, server_hostname="127.0.0.1") as s:
                    assert s.version() == version.name.replace("_", ".").replace("TLSv1.", "TLSv1.") and s.compression() is None
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                              input="", capture_output=True, text=True, check=False)
        assert done.returncode and "alert protocol version" in done.stderr, done
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port}", "-alpn", "h2,http/1.1", "-CAfile", authority.certificate],
                              input="", capture_output=True, text=True, check=False)
        assert "ALPN protocol: http/1.1" in done.stdout and "Verify return code: 0 (ok)" in done.stdout, done
        daemon.stop()


def curl(daemon, authority, *words):
    done = subprocess.run(["curl", "-sS", "--cacert", authority.certificate, "-H", f"Authorization: Bearer {daemon.key}", *words],
                          capture_output=True, check=False, timeout=180)
    return done


def test_by_curl(folder):
    """Bodies of many records in, a long answer out; HTTP in the clear is told so."""
    authority, first, _ = make(folder)
    daemon = Secure(files(first))
    daemon.context = context(authority)
    with daemon:
        url = f"https://127.0.0.1:{daemon.port}"
        daemon.apply("{vendors: [{key: acme}]}")
        key = daemon.vendor_key("acme")
        path = os.path.join(daemon.root, "body")
        with open(path, "w", encoding="ascii") as f:
            f.write("[" + " " * BODY_BYTES + "]")
        headers = ["-H", "Content-Type: application/cloudevents-batch+json", "-H", f"Authorization: Bearer {key}", "-H", "Expect:"]
        done = subprocess.run(["curl", "-sS", "--cacert", authority.certificate, *headers, "--data-binary", f"@{path}", "-w", "%{http_code}", f"{url}/v1/events"],
                              capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0 and done.stdout.endswith("200"), done
        slow = curl(daemon, authority, "--limit-rate", "400k", f"{url}/v1/openapi.json")
        assert slow.returncode == 0 and json.loads(slow.stdout)["openapi"], slow.stderr
        clear = subprocess.run(["curl", "-sS", "-w", "%{http_code}", f"http://127.0.0.1:{daemon.port}/v1/status"], capture_output=True, text=True, check=False)
        assert clear.stdout.endswith("400") and "this port speaks TLS" in clear.stdout, clear
        for _ in range(3):
            socket.create_connection(("127.0.0.1", daemon.port)).sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_until("all four to be counted", lambda: daemon.metric('meterd_tls_handshakes_total{result="failed"}') >= 4)
        assert daemon.told("TLS with 127.0.0.1 has failed: it speaks HTTP in the clear") == 1  # a minute's
        assert curl(daemon, authority, f"{url}/v1/status").returncode == 0
        daemon.stop()


def test_clients_show_a_certificate(folder):
    authority, first, _ = make(folder)
    known = authority.sign("client", "DNS:client.example")
    stranger = certificates.by_itself(folder, "stranger", "DNS:client.example")
    daemon = Secure(files(first, authority))
    daemon.context = context(authority, known)
    with daemon:
        url = f"https://127.0.0.1:{daemon.port}/v1/status"
        assert curl(daemon, authority, "--cert", known.certificate, "--key", known.key, "--fail", url).returncode == 0
        none = curl(daemon, authority, url)
        assert none.returncode and b"alert certificate required" in none.stderr, none
        other = curl(daemon, authority, "--cert", stranger.certificate, "--key", stranger.key, url)
        assert other.returncode and b"alert unknown ca" in other.stderr, other

        def told(kind, count):
            lines = [json.loads(line) for line in daemon.command("security", "--kind", kind, "--json").stdout.splitlines()]
            return lines if len(lines) >= count else None

        refused = wait_until("both in the security log", lambda: told("tls_refused", 2))
        assert [(line["address"], line["object"]) for line in refused] == [("127.0.0.1", "listen")] * 2, refused
        assert "certificate" in refused[0]["detail"] and refused[1]["detail"].startswith("the client's certificate: "), refused
        assert wait_until("the key's address", lambda: told("key_new_address", 1))[0]["detail"] == "certificate CN=test"
        daemon.stop()


def test_certificates_change_under_load(folder):
    """Files that are others are in force for connections to come, and no request fails meanwhile; what cannot be used leaves what was there."""
    authority, first, second = make(folder)
    shown = os.path.join(folder, "shown.pem"), os.path.join(folder, "shown.key")

    def show(identity):
        for source, target in zip((identity.certificate, identity.key), shown):
            shutil.copyfile(source, target + ".new")
            os.chmod(target + ".new", 0o600)
            os.replace(target + ".new", target)

    show(first)
    daemon = Secure({"certificate": shown[0], "key": shown[1]})
    daemon.context = context(authority)
    with daemon:
        ended, failed, done = threading.Event(), [], [0, 0]

        def keep_asking(which, renews):
            connection = None
            while not ended.is_set():
                try:
                    connection = connection or http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=60, context=daemon.context)
                    connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {daemon.key}"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        failed.append(answer.status)
                    done[which] += 1
                    if renews:
                        connection.close()
                        connection = None
                except (OSError, http.client.HTTPException) as error:
                    failed.append(repr(error))
                    return

        threads = [threading.Thread(target=keep_asking, args=(i, i)) for i in (0, 1)]
        for thread in threads:
            thread.start()
        for identity in (second, first, second):
            before = serial(daemon.port, authority)
            show(identity)
            daemon.hup("TLS is in force")
            assert serial(daemon.port, authority) != before
        was = list(done)
        wait_until("more requests", lambda: all(now > before + 5 for now, before in zip(done, was)))
        ended.set()
        for thread in threads:
            thread.join()
        assert not failed, failed
        assert daemon.metric('meterd_tls_certificate_expiry_seconds{listener="listen"}') == 2240611199  # the end of 2040

        before = serial(daemon.port, authority)
        shutil.copyfile(first.key, shown[1])  # in the middle of a renewal
        daemon.hup("the certificate was not reloaded")
        assert daemon.told("the key is not that of the certificate") == 1
        assert daemon.metric('meterd_tls_reload_failed{listener="listen"}') == 1
        os.chmod(shown[1], 0o644)
        daemon.hup("the certificate was not reloaded")
        assert daemon.told("can be read by others: chmod 600") == 1
        assert serial(daemon.port, authority) == before
        daemon.settings["listen"]["tls"] = files(first)  # other names
        daemon.hup("reloaded the configuration: listen.tls.certificate, listen.tls.key")
        wait_until("the one of that name", lambda: serial(daemon.port, authority) != before)
        assert daemon.metric('meterd_tls_reload_failed{listener="listen"}') == 0
        before = serial(daemon.port, authority)
        daemon.settings["listen"]["tls"] = {}  # a port is not opened in the clear by a line that is gone
        daemon.hup("at the next start only: listen.tls.certificate, listen.tls.key")
        assert serial(daemon.port, authority) == before
        daemon.settings["listen"]["tls"] = files(second)
        daemon.hup("TLS is in force")
        assert daemon.told("the certificate was not reloaded") == 2  # and not of names that are gone
        assert "not valid yet" not in daemon.log_lines()
        daemon.stop()


def test_commands(folder):
    """The daemon of the configuration is known by its certificate's key; any other by who signed it."""
    authority, first, second = make(folder)
    known = authority.sign("client", "DNS:client.example")
    daemon = Secure(files(authority.sign("named", "DNS:meter.example.com"), authority))  # no name of this machine
    daemon.context = context(authority, known)
    daemon.context.check_hostname = False
    shows = ["--cert", known.certificate, "--cert-key", known.key]
    with daemon:
        done = daemon.command("get", "vendor", check=False)
        assert done.returncode == 1 and "it wants a client certificate" in done.stderr, done
        assert daemon.command("get", "vendor", *shows).returncode == 0
        assert daemon.command("get", "vendor", env={"METERD_CERT": known.certificate, "METERD_CERT_KEY": known.key}).returncode == 0
        done = daemon.command("get", "vendor", *shows, "--set", f"listen.tls.certificate={second.certificate}", check=False)  # somebody else is there
        assert done.returncode == 1 and "its key is not the one that is expected there" in done.stderr, done
        done = daemon.command("get", "vendor", *shows, "--cacert", authority.certificate, check=False)
        assert done.returncode == 1 and "127.0.0.1" in done.stderr and "name" in done.stderr, done
        daemon.settings["listen"]["tls"] = files(first, authority)
        daemon.hup("TLS is in force")
        url = f"https://127.0.0.1:{daemon.port}"
        assert daemon.command("get", "vendor", *shows, "--url", url, "--cacert", authority.certificate).returncode == 0
        assert daemon.command("get", "vendor", *shows, env={"METERD_URL": url, "METERD_CACERT": authority.certificate}).returncode == 0
        done = daemon.command("get", "vendor", *shows, "--url", url, check=False)
        assert done.returncode == 1 and "no authority that is trusted here has signed" in done.stderr, done
        daemon.stop()


def test_a_key_in_the_clear_is_warned_of(folder):
    """Where it would leave this machine; what only begins like an address of it is another."""
    del folder
    daemon = Secure(None)
    daemon.write_config()
    warning = "the API key goes to {} in the clear"
    for url, is_warned in (("http://meter.example.invalid:1", True), ("http://127.0.0.1.example.invalid:1", True), ("http://localhost.example.invalid:1", True),
                           ("http://127.0.0.1@example.invalid:1", True), ("http://[::1].example.invalid:1", True), ("http://0127.0.0.1:1", True),
                           ("https://meter.example.invalid:1", False), ("http://127.0.0.1:1", False), ("http://127.9.8.7:1", False),
                           ("http://localhost:1/", False), ("http://[::1]:1", False)):
        done = daemon.command("usage", "--url", url, check=False, env={"METERD_KEY": "mtr_x"})
        assert done.returncode and (warning.format(url) in done.stderr) == is_warned, (url, done.stderr)
        assert "mtr_x" not in done.stderr
    shutil.rmtree(daemon.root)


def test_files_that_hang(folder):
    """As on a mount that does not answer: nobody waits for them, it is seen, and what was in force is."""
    shim = os.path.abspath(os.path.join(BUILD, "tests", "hang_shim.so"))
    if not os.path.exists(shim) or "tsan" in BUILD:
        return
    authority, first, second = make(folder)
    fifo, hangs = os.path.join(folder, "fifo"), os.path.join(folder, "hangs")
    os.mkfifo(fifo)
    os.mkdir(hangs)
    hung = {"certificate": shutil.copy(second.certificate, hangs), "key": shutil.copy(second.key, hangs)}
    daemon = Secure(files(first))
    daemon.context = context(authority)
    daemon.preload(shim, METERD_HANG_FIFO=fifo)
    with daemon:
        before = serial(daemon.port, authority)
        daemon.settings["listen"]["tls"] = hung
        for _ in range(3):
            daemon.hup("reloaded the configuration")
            assert daemon.status() and serial(daemon.port, authority) == before
            assert daemon.metric('meterd_tls_reload_failed{listener="listen"}') == 1
        ended = threading.Event()

        def answer():  # each open waits for one who opens the other end
            while not ended.is_set():
                try:
                    os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    pass
                ended.wait(0.01)

        mount = threading.Thread(target=answer)
        mount.start()
        wait_until("the new one", lambda: serial(daemon.port, authority) != before)
        wait_until("the second reading to end", lambda: daemon.metric('meterd_tls_reload_failed{listener="listen"}') == 0)
        ended.set()
        mount.join()
        assert daemon.told("TLS is in force") == 3  # the start, the first SIGHUP, and one for both that came meanwhile
        daemon.hup("reloaded the configuration")
        daemon.stop()  # while they hang


def test_what_cannot_be_used_starts_nothing(folder):
    authority, first, second = make(folder)
    old = authority.sign("old", "IP:127.0.0.1", "20210101000000Z")
    locked, empty, pipe = (os.path.join(folder, name) for name in ("locked.key", "empty", "pipe"))
    subprocess.run(["openssl", "pkey", "-in", first.key, "-aes256", "-passout", "pass:x", "-out", locked], check=True, capture_output=True)
    os.chmod(locked, 0o600)
    with open(empty, "w", encoding="ascii"):
        os.chmod(empty, 0o600)
    os.mkfifo(pipe, 0o600)
    cases = [
        ({**files(first), "key": second.key}, f"listen.tls.key: `{second.key}`: the key is not that of the certificate"),
        ({**files(first), "key": locked}, "the key has a passphrase: nobody is there to type it"),
        ({**files(first), "key": "/nowhere/key"}, "listen.tls.key: the file `/nowhere/key` does not exist"),
        ({**files(first), "key": pipe}, "is no file"),
        ({**files(first), "key": empty}, "is empty"),
        ({**files(first), "key": "relative/key"}, "is neither an absolute path nor the name of a systemd credential"),
        ({**files(first), "key": "credential"}, "is the name of a systemd credential, and there are none"),
        ({**files(first), "certificate": first.key}, f"listen.tls.certificate: `{first.key}`: there is no certificate in it: PEM is wanted"),
        ({**files(first), "client_ca": first.key}, "listen.tls.client_ca"),
    ]
    daemon = Secure(None)
    os.chmod(second.key, 0o600)
    for tls, sentence in cases:
        daemon.settings["listen"]["tls"] = tls
        daemon.start(wait=False)
        assert daemon.process.wait(60) == 1, daemon.log_lines()
        daemon.stderr.close()
        assert sentence in daemon.log_lines(), (sentence, daemon.log_lines())
        os.remove(daemon.stderr_path)
    daemon.settings["listen"]["tls"] = files(old)  # who asks sees that himself
    daemon.context = context(authority)
    with daemon:
        assert daemon.told("TLS is in force; its certificate has expired at 2021-01-01T00:00:00Z") == 1
        daemon.stop()


if __name__ == "__main__":
    reason = certificates.missing()
    if reason:
        skip(reason)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            with tempfile.TemporaryDirectory() as place:
                began = time.monotonic()
                test(place)
            print(f"ok {name} {time.monotonic() - began:.1f} s", flush=True)
