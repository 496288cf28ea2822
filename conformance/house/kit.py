"""What the cases share: processes that are waited for and ended by id, ready lines, counting."""

import contextlib
import ctypes
import fcntl
import functools
import os
import pathlib
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOCKEYE = os.environ.get("SOCKEYE", "")
WAIT = 30.0  # seconds that anything may take unless a case says otherwise

_cases = []


def case(function):
    """Registers a case: its name is the function's, its meaning the first line of its docstring."""
    _cases.append(function)
    return function


class Surprise(AssertionError):
    """What a case expected did not happen."""


def check(good, *what):
    if not good:
        raise Surprise(" ".join(str(word) for word in what))


def equal(found, expected, what=""):
    check(found == expected, what, "expected", repr(expected)[:400], "found", repr(found)[:1000])


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="house-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Process:
    """A program under way; its lines are read all the time. Used with `with`: killed at the end."""

    def __init__(self, *argv, env=None, wrap=(), **options):
        argv = [str(arg) for arg in (*wrap, *argv)]
        env = {**clean_env(), **(env or {})}
        options.setdefault("stdin", subprocess.DEVNULL)
        self.argv = argv
        self.child = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, **options
        )
        self.lines = queue.Queue()
        self.said = []  # all lines of both streams, in the order in which they came
        self.out, self.err = [], []
        self.peak_kib = 0
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.child.stdout, self.out), (self.child.stderr, self.err))
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, kept):
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            kept.append(text)
            self.lines.put(text)
        self.lines.put(None)

    @property
    def pid(self):
        return self.child.pid

    def wait_for(self, part, wait=WAIT):
        """The next line that has `part` in it."""
        deadline, ended = time.monotonic() + wait, 0
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Surprise(f"no {part!r} within {wait} s; it said {self.said}") from None
            if line is None:
                ended += 1
                check(ended < 2 or not self.lines.empty(), f"no {part!r}; it said {self.said}")
                continue
            self.said.append(line)
            if part in line:
                return line

    def ready(self, what):
        """The port of `listening WHAT ...`."""
        place = self.wait_for(f"listening {what} ").split(" ", 2)[2]
        return int(place.rstrip("/").rsplit(":", 1)[1])

    def send_signal(self, number):
        if self.child.poll() is None:
            self._look()
            self.child.send_signal(number)

    def end(self, wait=WAIT):
        """Waits for the end: the exit code, negative for a signal's."""
        deadline = time.monotonic() + wait
        while self.child.poll() is None and time.monotonic() < deadline:
            self._look()
            time.sleep(0.005)
        late = self.child.poll() is None
        if late:
            self.child.kill()
            self.child.wait()
        for reader in self.readers:
            reader.join(5)
        check(not late, f"{self.argv} did not end within {wait} s; {self.err}")
        return self.child.returncode

    def _look(self):
        """Notes the peak of memory. (What wait4 tells begins with our own, before the exec.)"""
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_kib = int(line.split()[1])

    def stop(self, number=signal.SIGTERM, wait=WAIT):
        self.send_signal(number)
        return self.end(wait)

    def text(self):
        """All that it said to the person."""
        return "\n".join(self.err + self.out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.returncode is None:
            self.child.kill()
            self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


def clean_env():
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {name: value for name, value in os.environ.items() if name in kept}


def sockeye(*args, **options):
    return Process(SOCKEYE, *args, **options)


def run(*argv, wait=WAIT, **options):
    """Runs another program to its end: (exit code, stdout as bytes)."""
    options.setdefault("stdin", subprocess.DEVNULL)
    argv = [str(arg) for arg in argv]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    done = subprocess.run(argv, env=clean_env(), timeout=wait, **options)
    return done.returncode, done.stdout


def connect(port, wait=WAIT, small=False):
    """A raw TCP client; `small` gives it the smallest receive buffer."""
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(wait)
    client.connect(("127.0.0.1", port))
    return client


def receive_until(client, mark, wait=WAIT):
    """All bytes up to `mark`."""
    data, deadline = bytearray(), time.monotonic() + wait
    while mark not in data[-len(mark) - 65536:]:
        client.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            piece = client.recv(65536)
        except (TimeoutError, ConnectionError) as error:
            raise Surprise(f"{error!r} before {mark!r}; came: {data[-500:]!r}") from None
        check(piece, f"the end before {mark!r}; came: {data[-500:]!r}")
        data += piece
    return bytes(data)


def receive_all(client, wait=WAIT):
    """All bytes up to the end; a reset counts as one."""
    client.settimeout(wait)
    data = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            data += piece
    return bytes(data)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    """A port that was free a moment ago; for what is not there, never for a server of ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _system(result, *what):
    check(result == 0, *what, os.strerror(ctypes.get_errno()))


def mount(source, target, kind=None, flags=0, data=None):
    texts = [None if t is None else str(t).encode() for t in (source, target, kind, data)]
    _system(_libc.mount(texts[0], texts[1], texts[2], flags, texts[3]), "mount", target)


def alone(network=False, mounts=False):
    """Runs a case in a child of its own, with its own network (loopback up) or its own mounts."""
    def wrap(function):
        @functools.wraps(function)
        def outer():
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reading)
                os._exit(_inner(function, network, mounts, writing))
            os.close(writing)
            with os.fdopen(reading) as answer:
                told = answer.read()
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            check(status == 0, told or f"the child ended with {status}")
            return told or None
        return outer
    return wrap


def _inner(function, network, mounts, writing):
    status, told = 0, ""
    try:
        spaces = (CLONE_NEWNET if network else 0) | (CLONE_NEWNS if mounts else 0)
        _system(_libc.unshare(spaces | (CLONE_NEWUSER if os.geteuid() else 0)), "unshare")
        if network:
            with socket.socket() as any_socket:
                name = struct.pack("16sH14x", b"lo", 0x41)  # IFF_UP, IFF_RUNNING
                fcntl.ioctl(any_socket, 0x8914, name)  # SIOCSIFFLAGS
        if mounts:
            mount(None, "/", flags=MS_REC | MS_PRIVATE)
        told = function() or ""
    except Exception as error:
        status = 1
        told = str(error) if isinstance(error, Surprise) else traceback.format_exc(limit=-3)
    with os.fdopen(writing, "w") as answer:
        answer.write(told)
    return status


def main(words, expected):
    check(SOCKEYE and os.access(SOCKEYE, os.X_OK), "SOCKEYE must be the path of the binary")
    chosen = [c for c in _cases if not words or any(word in c.__name__ for word in words)]
    passed, failed = 0, 0
    for function in chosen:
        start = time.monotonic()
        meaning = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        try:
            note = function()
        except Exception as error:  # a case may fail in any way, and the others go on
            failed += 1
            print(f"FAILED  {function.__name__}: {meaning}\n        {error}", flush=True)
            if not isinstance(error, Surprise):
                traceback.print_exc(limit=-3, file=sys.stdout)
        else:
            passed += 1
            note = f" [{note}]" if note else ""
            took = time.monotonic() - start
            print(f"ok      {function.__name__}: {meaning}{note} ({took:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    if not words and (passed, failed) != (expected, 0):
        print(f"expected {expected} passed, 0 failed")
        return 1
    return 1 if failed else 0
