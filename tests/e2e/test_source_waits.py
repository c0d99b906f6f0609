"""meterd source run while the vendor is away, or who gives his tokens: it says why, and when it is tried again. Ctrl-C ends the waiting, and the daemon
goes on; what is read then is there, also behind a restart, in LAST READ. `--cancel` calls off what is not read yet. So does Ctrl-C a file or a replay
that waits for a reading that is under way, which it says."""
import json
import os
import re
import signal
import subprocess
import threading

from daily import DAYS, TODAY, catalog, row, source
from daily import Vendor as Daily
from harness import METERD, WAIT_S, Daemon, free_port, wait_until


class Vendor(Daily):
    is_away = True
    answers = threading.Event()  # unless it hangs
    answers.set()

    def answer(self, path, query, headers):
        self.answers.wait()
        return (503, b"{\"error\":\"back at noon\"}") if self.is_away else super().answer(path, query, headers)


def read_at(daemon):
    return next(one for one in json.loads(daemon.command("source", "list", "--json").stdout)["sources"] if one["source"] == "usage").get("read_at")


def check_wait(daemon, key, why):
    """Until it has said so, and Ctrl-C."""
    path = os.path.join(daemon.root, "run.stderr")
    with open(path, "wb") as stderr:
        watching = subprocess.Popen([METERD, "-c", daemon.config, "source", "run", key, "--from", DAYS[0], "--to", TODAY.isoformat()], stderr=stderr,
                                    stdout=subprocess.PIPE)

    def said():
        with open(path, encoding="utf-8") as text:
            return text.read()

    wait_until("why it waits", lambda: re.search(rf"^waits, and tries again at 20\S+Z: {why}", said(), re.M))
    watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate(timeout=WAIT_S)
    assert watching.returncode == 130 and not out, (watching.returncode, out)
    assert f"the daemon goes on reading: `meterd source windows {key}` shows what came" in said(), said()


def check_cancel(daemon, key):
    assert daemon.get(f"/v1/sources/{key}/reads")["left"]
    assert daemon.command("source", "run", key, "--cancel", "--from", DAYS[0], check=False).returncode == 64
    assert daemon.command("source", "run", key, "--cancel").stdout == f"{key}: called off; what is being read is read to its end\n"
    reads = daemon.get(f"/v1/sources/{key}/reads")
    assert not reads["left"] and reads["called_off"] == 1, reads
    assert json.loads(daemon.command("source", "run", key, "--cancel", "--json").stdout) == {"source": key, "requests": 0, "file": False}
    waiting = subprocess.Popen([METERD, "-c", daemon.config, "source", "run", key, "--from", DAYS[0]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until("it is ordered", lambda: daemon.get(f"/v1/sources/{key}/reads")["left"])
    daemon.command("source", "run", key, "--cancel")
    out, told = waiting.communicate(timeout=WAIT_S)
    assert waiting.returncode == 1 and out == "0 windows taken\n" and "the rest was called off" in told, (waiting.returncode, out, told)


def check_file(daemon, vendor):
    """It waits for a reading that is under way, and says so; Ctrl-C calls it off; and once more, it is taken when that one has ended. So does a replay."""
    path, said = os.path.join(daemon.root, "usage.json"), os.path.join(daemon.root, "import.stderr")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"data": [row("by-hand", DAYS[0])]}, f)
    wait_until("all to be read", lambda: [now for now in [daemon.get("/v1/sources/usage/progress")] if now["read"] == now["windows"]])
    vendor.answers.clear()
    asked = vendor.asked
    daemon.call("POST", "/v1/sources/usage/reads", {"from": DAYS[1]})
    wait_until("it to be read", lambda: next(s for s in daemon.get("/v1/sources")["sources"] if s["source"] == "usage")["reading"])
    last = daemon.status()["log"]["last_seq"]
    for is_unwanted, command in ((True, ("source", "replay", "usage", "--from", DAYS[0])), (True, ("import", "--source", "usage", "--accept", path)),
                                 (False, ("import", "--source", "usage", "--accept", path))):
        with open(said, "wb") as stderr:
            giving = subprocess.Popen([METERD, "-c", daemon.config, *command], stderr=stderr, stdout=subprocess.PIPE, text=True)

        def text():
            with open(said, encoding="utf-8") as f:
                return f.read()

        wait_until("what it waits for", lambda: "waits until the reading of usage that is under way has ended" in text())
        if is_unwanted:
            giving.send_signal(signal.SIGINT)
            out, _ = giving.communicate(timeout=WAIT_S)
            assert giving.returncode == 130 and not out and "called off before it was read: nothing is stored" in text(), (giving.returncode, text())
            assert daemon.status()["log"]["last_seq"] == last and not daemon.get("/v1/sources/usage/reads")["file_waits"]
    vendor.answers.set()
    out, _ = giving.communicate(timeout=WAIT_S)
    assert giving.returncode == 0 and " 1 new, " in out, (giving.returncode, out, text())
    assert vendor.asked == asked + 1, "nobody was asked for the file"


def main():
    vendor = Vendor()
    for day in DAYS:
        vendor.rows[day, None] = [row(f"{day}-{i}", day) for i in range(3)]
    with Daemon({"poller": {"allow_loopback": True}}) as daemon:
        secret = os.path.join(daemon.root, "secret")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write("s3cret")
        oauth2 = {"oauth2": {"token_url": f"http://127.0.0.1:{free_port()}/token", "client_id": "c", "secret_file": secret}}
        daemon.apply(catalog())
        daemon.apply({"sources": [source("usage", vendor.server_address[1], schedule={"every": "30d"}),
                                  {**source("locked", vendor.server_address[1], schedule={"every": "30d"}), "auth": oauth2}]})
        check_wait(daemon, "usage", "the vendor answers 503 Service Unavailable")
        assert daemon.get("/v1/sources/usage/reads")["left"]
        check_wait(daemon, "locked", "cannot get a token: cannot connect to 127.0.0.1:")
        check_cancel(daemon, "locked")
        vendor.is_away = False
        done = wait_until("the daemon to be done", lambda: [now for now in [daemon.get("/v1/sources/usage/reads")] if not now["left"]])[0]
        assert done["taken"] and not done["failed"] and "problem" not in done, done
        listed = daemon.command("source", "list")
        assert "FOR EACH" in listed.stdout and "since the daemon started" in listed.stderr, listed
        check_file(daemon, vendor)
        before = read_at(daemon)
        daemon.kill()
        daemon.start()
        wait_until("what was read before the start", lambda: read_at(daemon))
        assert read_at(daemon) <= before, (read_at(daemon), before)
        daemon.stop()
    vendor.shutdown()
    print("a vendor that is away")


main()
