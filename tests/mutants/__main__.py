"""Faults put into the program on purpose, one after the other, and the tests that must notice each. Run from the root of the repository:

  python3 tests/mutants            all rows: for each the program is built with that fault alone, and the row's tests run until one fails (an hour)
  python3 tests/mutants NAME …     those rows only
  python3 tests/mutants --quick    a third of them, noticed by unit tests alone: what `scripts/test` runs (minutes)
  python3 tests/mutants --check    only that every row still has its place in the source: what runs as a test

A row of the tables beside this file is

  name: (file, what stands there once, what it becomes, tests that may notice: a ctest expression)

Works on a copy under build/mutants. Exit 1 when a mutant survives, or has no place any more.
"""
import importlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
TABLES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))
LEFT_OUT = "chaos"  # minutes each
SLOW = ("test_scenario", "test_intake_clock", "test_log_corruption")  # half a minute each: not for the quick ones
QUICK_TESTS_MAX = 3
SKIPPED = 77
SECONDS_MORE, TIMES_MORE = 10, 10  # than without a fault: what takes longer hangs


def table():
    rows = {}
    sys.path.insert(0, str(HERE))
    for name in TABLES:
        for row, what in importlib.import_module(name).MUTANTS.items():
            if row in rows:
                sys.exit(f"mutants: {row!r} stands twice")
            rows[row] = what
    return rows


MUTANTS = table()


def lacking():
    """Rows whose text is not in their file, once."""
    found = []
    for name, (path, text, _, _) in MUTANTS.items():
        count = pathlib.Path(path).read_text(encoding="utf-8").count(text) if pathlib.Path(path).exists() else 0
        if count != 1:
            found.append(f"{path}: {name}: its text is there {count} times, once is wanted")
    return found


class Tree:
    """A copy of what git knows of, as it is now, and its build."""

    def __init__(self, root):
        self.root = root
        names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            source, target = pathlib.Path(name), root / name
            if not source.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or source.read_bytes() != target.read_bytes():
                shutil.copy(source, target)  # as of now, or what a run that was killed has left would stay built
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)  # what reads the list of files has one
        subprocess.run(["cmake", "--preset", "dev"], cwd=root, check=True, capture_output=True)
        listed = self.run("cmake", "--build", "build/dev", "--target", "help").stdout
        self.targets = set(re.findall(r"^([\w-]+): phony$", listed, re.M))
        listed = self.run("ctest", "--test-dir", "build/dev", "-N", "-E", LEFT_OUT).stdout
        self.names = re.findall(r"Test +#\d+: (\S+)$", listed, re.M)
        self.seconds = {}  # that a program takes as it is

    def run(self, *command):
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True)

    def tests(self, expression, is_quick):
        """Their names; quick: those that are programs themselves."""
        found = [name for name in self.names if re.search(expression, name)]
        return [name for name in found if name in self.targets and name not in SLOW] if is_quick else found

    def build(self, tests):
        """What those tests need. What a compiler says of a fault; None: it is built."""
        needed = {name for name in tests if name in self.targets}
        if len(needed) < len(tests):
            needed |= {"meterd", *(name for name in self.targets if name == "loadgen" or name.endswith(("_shim", "_driver")))}
        done = self.run("cmake", "--build", "build/dev", "--target", *sorted(needed))
        return None if done.returncode == 0 else done.stdout[-2000:]

    def passes(self, name):
        if name not in self.targets or not name.startswith("test_"):
            return self.run("ctest", "--test-dir", "build/dev", "-R", f"^{name}$").returncode == 0
        since = time.monotonic()
        limit = SECONDS_MORE + TIMES_MORE * self.seconds[name] if name in self.seconds else None
        program = subprocess.Popen([f"build/dev/tests/{name}"], cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            code = program.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            return program.wait() == 0
        self.seconds.setdefault(name, time.monotonic() - since)
        return code in (0, SKIPPED)

    def first_failure(self, tests):
        """The name of a test that fails; None: all of them pass. And what a compiler says. Each program is built when its turn comes, and what needs the daemon behind them."""
        programs, others = [name for name in tests if name in self.targets], [name for name in tests if name not in self.targets]
        for batch in [[name] for name in programs] + [others] * bool(others):
            fault = self.build(batch)
            failing = None if fault else next((name for name in batch if not self.passes(name)), None)
            if fault or failing:
                return failing, fault
        return None, None


def quick_third(tree):
    """Spread over the tables; of those that few programs may notice, which costs least."""
    names = [name for name, row in MUTANTS.items() if 0 < len(tree.tests(row[3], True)) <= QUICK_TESTS_MAX]
    count = (len(MUTANTS) + 2) // 3
    return [names[i * len(names) // count] for i in range(count)]


def try_one(tree, name, tests):
    """What is to be said of it."""
    path, text, instead, _ = MUTANTS[name]
    source = tree.root / path
    original = source.read_text(encoding="utf-8")
    source.write_text(original.replace(text, instead), encoding="utf-8")
    try:
        killer, fault = tree.first_failure(tests)
    finally:
        source.write_text(original, encoding="utf-8")
    return f"NOT BUILT  {name}\n{fault}" if fault else f"killed     {name}: {killer}" if killer else f"SURVIVED   {name}"


def run(names, is_quick):
    tree = Tree(pathlib.Path("build/mutants"))
    names = quick_third(tree) if is_quick else names
    tests = {name: tree.tests(MUTANTS[name][3], is_quick) for name in names}
    together = sorted({test for of_one in tests.values() for test in of_one})
    fault = tree.build(together)
    if fault:
        sys.exit(f"mutants: the program does not build as it is:\n{fault}")
    failing, _ = tree.first_failure(together)  # it would kill whatever is put in
    if failing:
        sys.exit(f"mutants: {failing} fails as the program is: mend that first")
    killed = 0
    for name in names:
        since = time.monotonic()
        said = try_one(tree, name, tests[name])
        killed += said.startswith("killed")
        print(f"{time.monotonic() - since:5.1f} s  {said}", flush=True)
    print(f"{killed} of {len(names)} killed")
    return len(names) - killed


def main():
    asked = sys.argv[1:]
    found = lacking()
    for line in found:
        print(line)
    if found or asked == ["--check"]:
        print(f"mutants: {len(MUTANTS)} rows, {len(found)} without a place")
        return 1 if found else 0
    is_quick = asked == ["--quick"]
    unknown = [name for name in asked if name not in MUTANTS and not is_quick]
    if unknown:
        sys.exit(f"mutants: no row is called {unknown[0]!r}; these are:\n  " + "\n  ".join(MUTANTS))
    os.environ.pop("METERD_BUILD", None)
    return 1 if run(asked or list(MUTANTS), is_quick) else 0


if __name__ == "__main__":
    sys.exit(main())
