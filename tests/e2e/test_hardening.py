"""What keeps others out: modes of all that meterd writes, what it does not follow, its limits, the unit's sandbox, and the flags that it is built with."""
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile

from harness import METERD, Daemon

UNIT = "config/meterd.service.in"


def open_to_others(root):
    """Paths under it that others may read or write, with their modes."""
    found = []
    for folder, _, files in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            mode = os.lstat(path).st_mode
            if mode & 0o077 and not stat.S_ISLNK(mode):
                found.append((path, oct(mode)))
    return found


def refused(daemon, *sentences):
    """It ends at its start, and says why."""
    daemon.start(wait=False)
    code = daemon.process.wait(60)
    daemon.stderr.close()
    text = daemon.log_lines()
    assert code == 1, (code, text)
    for sentence in sentences:
        assert sentence in text, (sentence, text)
    os.remove(daemon.stderr_path)


def test_files_are_the_owners_alone():
    """Whatever the umask was where it was started; and no core is written."""
    before = os.umask(0)
    try:
        with Daemon() as daemon:
            daemon.apply("{vendors: [{key: acme}]}")
            daemon.vendor_key("acme")
            target = os.path.join(daemon.root, "copy")
            daemon.command("backup", target)
            assert open_to_others(daemon.data) == [], open_to_others(daemon.data)
            assert open_to_others(target) == [], open_to_others(target)
            assert open_to_others(os.path.join(daemon.root, "acme.key")) == []
            with open(f"/proc/{daemon.process.pid}/limits", encoding="ascii") as f:
                core = re.search(r"^Max core file size +(\d+)", f.read(), re.M)
            assert core and core.group(1) == "0", core
            with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as f:
                assert re.search(r"^Umask:\s*0077$", f.read(), re.M)
            daemon.stop()
    finally:
        os.umask(before)


def test_a_directory_of_everybody_holds_no_data():
    daemon = Daemon()
    os.mkdir(daemon.data, 0o700)
    for mode in (0o777, 0o1777, 0o702):
        os.chmod(daemon.data, mode)
        refused(daemon, "others may write there", f"chmod 700 {daemon.data}")
        assert os.listdir(daemon.data) == []
    if os.getuid() == 0:  # a group that is not ours
        os.chmod(daemon.data, 0o770)
        os.chown(daemon.data, -1, 65534)
        refused(daemon, "others may write there")
        os.chown(daemon.data, -1, os.getegid())
    os.chmod(daemon.data, 0o770)
    with daemon:
        daemon.stop()


def test_keys_are_not_followed():
    daemon = Daemon()
    with daemon:
        daemon.stop()
        for name in ("event.key", "admin.key"):
            os.rename(os.path.join(daemon.data, name), os.path.join(daemon.root, name))
            os.symlink(os.path.join(daemon.root, name), os.path.join(daemon.data, name))
        refused(daemon, "event.key: it is a link, which is not followed")
        os.remove(os.path.join(daemon.data, "event.key"))
        os.mkfifo(os.path.join(daemon.data, "event.key"))
        refused(daemon, "event.key is damaged")
        os.remove(os.path.join(daemon.data, "event.key"))
        os.rename(os.path.join(daemon.root, "event.key"), os.path.join(daemon.data, "event.key"))
        daemon.start()
        done = daemon.command("usage", check=False)
        assert done.returncode == 1 and "it is a link, which is not followed" in done.stderr, done
        link = os.path.join(daemon.data, "admin.key")  # one that somebody names may be a link: credentials often are
        assert daemon.command("get", "vendor", "--key-file", link).returncode == 0
        daemon.stop()


def test_the_unit_is_closed():
    with open(UNIT, encoding="utf-8") as f:
        unit = re.sub(r"^#.*\n", "", f.read(), flags=re.M)
    said = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    wanted = {"LimitCORE": "0", "UMask": "0077", "OOMPolicy": "kill", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "StateDirectoryMode": "0700"}
    assert {key: said.get(key) for key in wanted} == wanted, said
    high, most = (int(said[key].rstrip("%")) for key in ("MemoryHigh", "MemoryMax"))
    assert high < most < 100, (high, most)
    if not shutil.which("systemd-analyze"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "meterd.service")
        with open(path, "w", encoding="utf-8") as f:
            f.write(unit.replace("@CMAKE_INSTALL_FULL_BINDIR@/meterd", METERD))
        checked = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False)
        assert "meterd.service:" not in checked.stderr, checked.stderr  # a key that it does not know, a value that it cannot read
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=13", "--no-pager", path],
                                capture_output=True, text=True, check=False)
        assert judged.returncode == 0, judged.stdout[-400:]


def test_what_is_installed_is_built_hard():
    """Every source of the release build, those of llhttp included."""
    if not shutil.which("cmake"):
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cmake", "--preset", "release", "-B", folder, "-DMETERD_TESTS=OFF"], check=True, capture_output=True)
        with open(os.path.join(folder, "compile_commands.json"), encoding="utf-8") as f:
            commands = json.load(f)
    assert any(row["file"].endswith("llhttp.c") for row in commands)
    for row in commands:
        for flag in ("-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fPI"):
            assert flag in row["command"], (flag, row)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}")
