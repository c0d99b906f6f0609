"""`python3 -m vendor`: what it writes for each dialect can be applied as it is."""
import os
import signal
import subprocess
import sys
import tempfile

from harness import METERD, skip
try:
    import zstandard  # noqa: F401
except ImportError as missing:
    skip(f"{missing.name} is not installed")

DIALECTS = ("none", "each", "each-list", "auth-header")


def main():
    with tempfile.TemporaryDirectory() as directory:
        vendor = subprocess.Popen([sys.executable, "-m", "vendor", "--directory", directory, "--days", "1", "--rows", "20", "--dialect", *DIALECTS],
                                  cwd=os.path.dirname(os.path.abspath(__file__)), stdout=subprocess.PIPE, text=True)
        try:
            assert directory in vendor.stdout.readline()
            for name in DIALECTS:
                done = subprocess.run([METERD, "check", os.path.join(directory, f"{name}.yaml")], capture_output=True, text=True)
                assert done.returncode == 0, (name, done.stdout, done.stderr)
        finally:
            vendor.send_signal(signal.SIGINT)
            vendor.communicate()
    print(f"{len(DIALECTS)} documents")


main()
