"""CPython's own tests on our socket type and selector (`src/` makes Python types of them, `python/`
puts those in the place of C's), and random scripts on both types side by side (`differ.py`).

Each test file runs twice in a network namespace of its own, first with CPython's types, then with
ours, and each test must end the same way: run, skipped (for the same reason), never failed. One
line a file; the last line counts; the exit code is 0 only where all passed.

The tests are the installed Python's. Where no Python from 3.11 on has its `test` package, Debian's
`libpython3.N-testsuite` is installed; where that cannot be had the suite is skipped, and says so.

    conformance/pysocket/run [WORD...]     only files whose name has a WORD ("random scripts" too)
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = HERE.parent / "out" / "pysocket"
SECONDS_MAX = 400  # for one file under one type
SHOWN_MAX = 12  # differences of one file
SCRIPTS, CALLS = 4000, 24  # random scripts, and calls of each (`differ.py`)

# The first hangs, with CPython's types as well, where the machine has vsock. The second (Python 3.13)
# asks that the type is C's own: immutable.
LEFT_OUT = ["ThreadedVSOCKSocketStreamTest", "test_socket_type"]
# What the crate has no families for: their tests may run with C and be skipped with ours.
NO_FAMILY = {
    *("BasicCANTest", "CANTest", "ISOTPTest", "J1939Test", "BasicRDSTest", "RDSTest"),
    *("BasicQIPCRTRTest", "BasicBluetoothTest", "BasicHyperVTest", "LinuxKernelCryptoAPI"),
    *("TIPCTest", "TIPCThreadableTest"),
}
FILES = [
    "test_socket",
    "test_selectors",
    "test_socketserver",
    "_test_eintr.SocketEINTRTest",
    "test_asyncio.test_sock_lowlevel",
    "test_asyncio.test_selector_events",
    "test_epoll",
    "test_poll",
    "test_select",
    "test_wsgiref",
    "test_httpservers",
    "test_xmlrpc",
    "test_smtplib",
]
# With our selector as `select.epoll`. It has no edges and no two objects on one descriptor.
EPOLL_FILES = {
    "test_selectors": [],
    "test_epoll": ["test_control_and_wait", "test_fromfd"],
    "_test_eintr": [],
    "test_asyncio.test_sock_lowlevel": [],
    "test_asyncio.test_selector_events": [],
}


class CannotRun(Exception):
    """Something that the suite needs is missing, and cannot be had."""


def output_of(*argv):
    """What a command says, or None where it fails."""
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def python_with_tests():
    """The path of a Python that has its own tests, which is installed where there is none."""
    ask = "import sys, test.test_socket; print(sys.executable if sys.version_info > (3, 11) else 1)"
    names = [os.environ.get("PYTHON"), "python3", "/usr/bin/python3"]
    names = [shutil.which(name) for name in names if name]
    for installed in (False, True):
        if installed and shutil.which("apt-get"):
            install_debians()
        for name in filter(None, names):
            found = output_of(name, "-c", ask)
            if found and found != "1":
                return found
    raise CannotRun("no Python from 3.11 on has its test package")


def install_debians():
    """Debian's Python and its tests, which are a package for each version."""
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    quietly = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    subprocess.run(["apt-get", "-qq", "update"], **quietly)
    subprocess.run(["apt-get", "-qq", "install", "-y", "python3"], **quietly)
    ask = "import sys; print('%i.%i' % sys.version_info[:2])"
    tests = f"libpython{output_of('/usr/bin/python3', '-c', ask)}-testsuite"
    subprocess.run(["apt-get", "-qq", "install", "-y", tests], **quietly)


def own_network(python):
    """What gives a command a network namespace with loopback, and a host name to change."""
    for flags in (["-n", "-u"], ["-r", "-n", "-u"]):
        wrap = ["unshare", *flags, python, str(HERE / "up.py")]
        if shutil.which("unshare") and output_of(*wrap, "true") is not None:
            return wrap
    raise CannotRun("no network namespaces (unshare -n)")


def build():
    """The extension module, where Python finds it. Needs no Python: the stable interface."""
    argv = ["cargo", "build", "--quiet", "-p", "sockeye-pysocket", "--message-format=json"]
    done = subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "sockeye_pysocket":
            for name in message["filenames"]:
                shutil.copy(name, OUT / "lib" / "sockeye_pysocket.abi3.so")


def environment(which):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if which != "c":
        env["PYTHONPATH"] = f"{HERE / 'python'}:{OUT / 'lib'}"
    if which == "epoll":
        env["SOCKEYE_EPOLL"] = "1"
    return env


class Suite:
    """Runs files, and keeps what became of them with CPython's types."""

    def __init__(self, python):
        self.python = python
        self.wrap = own_network(python)
        self.with_c = {}

    def outcomes(self, which, name, ignored):
        """How many tests ran, what became of each, and how long it took."""
        result = OUT / f"{which}-{name}.json"
        result.unlink(missing_ok=True)
        argv = [self.python, HERE / "drive.py", result, which, name, *LEFT_OUT, *ignored]
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, open(result.with_suffix(".log"), "w") as log:
            try:
                subprocess.run(
                    [*self.wrap, *argv],
                    cwd=folder,
                    env=environment(which),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=SECONDS_MAX,
                )
            except subprocess.TimeoutExpired:
                pass
        took = time.monotonic() - start
        if not result.exists():
            return 0, [("the file itself", "error", f"see {log.name}")], took
        done = json.loads(result.read_text())
        return done["run"], sorted(map(tuple, done["outcomes"])), took

    def file(self, which, name, ignored):
        """Runs a file with both types; gives the line to say, and whether all is well."""
        key = (name, *ignored)
        if key not in self.with_c:
            self.with_c[key] = self.outcomes("c", name, ignored)
        run, expected, c_took = self.with_c[key]
        own_run, found, took = self.outcomes(which, name, ignored)
        left_out, wrong = differences(expected, found)
        skipped = sum(word == "skip" for _, word, _ in found)
        if own_run != run:
            wrong.append(f"{run} tests ran with C, {own_run} with ours")
        if run == 0 or run == skipped:
            wrong.append("no test ran")
        words = f"{own_run} run, {skipped} skipped"
        if left_out:
            words += f" ({left_out} of them run with C: families that the crate does not have)"
        if ignored:
            words += f"; left out: {', '.join(ignored)}"
        words += f" (C {c_took:.1f} s, ours {took:.1f} s)"
        print_line(not wrong, f"{name} ({which}): {words}", wrong)
        return not wrong

    def scripts(self):
        """Runs random scripts on both types; gives whether all is well."""
        argv = [*self.wrap, self.python, HERE / "differ.py", str(SCRIPTS)]
        with open(OUT / "differ.log", "w") as log:
            try:
                options = {"env": environment("socket"), "stdout": log, "stderr": subprocess.STDOUT}
                code = subprocess.run(argv, timeout=2 * SECONDS_MAX, **options).returncode
            except subprocess.TimeoutExpired:
                code = "none: it took too long"
        said = pathlib.Path(log.name).read_text().splitlines() or [""]
        good = code == 0 and said[-1].startswith(f"{SCRIPTS} scripts, {SCRIPTS * CALLS} calls, ")
        wrong = [] if good else [f"exit code {code}", *said]
        print_line(good, f"random scripts: {said[-1]}", wrong)
        return good


def differences(expected, found):
    """How many tests only C has a family for, and what is wrong."""
    bad = ("fail", "error", "unexpected success")
    wrong = [f"C: {id}: {word}: {why}" for id, word, why in expected if word in bad]
    wrong += [f"ours: {id}: {word}: {why}" for id, word, why in found if word in bad]
    c_only, ours_only = set(expected) - set(found), set(found) - set(expected)
    skipped = [id for id, word, _ in ours_only if word == "skip"]
    left_out = {id for id in skipped if NO_FAMILY & set(id.split("."))}
    for whose, only in (("C", c_only), ("ours", ours_only)):
        only = [entry for entry in sorted(only) if entry[0] not in left_out and entry[1] not in bad]
        wrong += [f"{whose} only: {id}: {word} {why}" for id, word, why in only]
    return len(left_out), wrong


def print_line(good, line, wrong=()):
    print(f"{'ok' if good else 'FAILED':8}{line}", flush=True)
    for what in list(wrong)[:SHOWN_MAX]:
        print(f"        {what}", flush=True)


def main(words):
    (OUT / "lib").mkdir(parents=True, exist_ok=True)
    try:
        python = python_with_tests()
        suite = Suite(python)
    except CannotRun as why:
        print(f"SKIPPED pysocket: {why}\n0 passed, 0 failed, 1 skipped")
        return 1 if os.environ.get("SOCKEYE_TEST_REQUIRE") else 0
    build()
    print(f"CPython {output_of(python, '-c', 'import platform; print(platform.python_version())')}")
    chosen = [("socket", name, []) for name in FILES]
    chosen += [("epoll", name, ignored) for name, ignored in EPOLL_FILES.items()]
    chosen = [row for row in chosen if not words or any(word in row[1] for word in words)]
    good = [suite.file(*row) for row in chosen]
    if not words or any(word in "random scripts" for word in words):
        good.append(suite.scripts())
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
