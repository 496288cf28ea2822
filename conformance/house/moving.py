"""`sockeye receive` and `sockeye send` with --plain-md5, against nc, md5sum and a Python script."""

import contextlib
import hashlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

from kit import (
    Process, case, check, connect, equal, folder, run, sockeye,
)

# What a reader of the tutorial would write: 32 digits, then the bytes to the end.
RECEIVER = """
import hashlib, socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1)
print("listening tutorial", server.getsockname()[1], flush=True)
client, _ = server.accept()
digest = b""
while len(digest) < 32:
    digest += client.recv(32 - len(digest))
md5 = hashlib.md5()
with open(sys.argv[1], "wb") as file:
    while True:
        data = client.recv(65536)
        if not data:
            break
        md5.update(data)
        file.write(data)
print("OK" if md5.hexdigest().encode() == digest else "corrupted", flush=True)
"""


@contextlib.contextmanager
def receiver(inbox, *flags, **options):
    flags = ("--plain-md5", "-b", "127.0.0.1:0", *flags)
    with sockeye("receive", *flags, inbox, **options) as process:
        yield process, process.ready("receive")


def send_by_nc(file, port, digest_of=None, wait=120):
    """The shell line of the acceptance list."""
    script = '(md5sum <"$1" | cut -c1-32 | tr -d "\\n"; cat "$2") | nc -N 127.0.0.1 "$3"'
    return run("bash", "-c", script, "bash", digest_of or file, file, port, wait=wait)


def sample(path, size):
    with open(path, "wb") as file:
        left = size
        while left:
            piece = os.urandom(min(left, 1 << 20))
            file.write(piece)
            left -= len(piece)
    return path


def names(path):
    return sorted(entry.name for entry in path.iterdir())


@case
def nc_and_md5sum_into_receive():
    """`(md5sum | cut | tr; cat) | nc -N` of 20 MiB arrives byte-identical, under its name."""
    with folder() as base:
        inbox = base / "inbox"
        inbox.mkdir()
        file = sample(base / "file", 20 << 20)
        with receiver(inbox, "--name", "copy.bin") as (process, port):
            equal(send_by_nc(file, port)[0], 0)
            equal(process.end(), 0)
        equal(names(inbox), ["copy.bin"])
        equal(run("cmp", file, inbox / "copy.bin")[0], 0)


@case
def the_tutorials_name_and_an_empty_file():
    """Without --name it is `received_file`; an empty file arrives empty."""
    with folder() as base:
        file = sample(base / "file", 0)
        inbox = base / "inbox"
        inbox.mkdir()
        with receiver(inbox) as (process, port):
            send_by_nc(file, port)
            equal(process.end(), 0)
        equal(names(inbox), ["received_file"])
        equal((inbox / "received_file").read_bytes(), b"")


@case
def send_into_a_python_receiver():
    """A 20-line Python receiver takes 20 MiB from `send`, byte-identical."""
    with folder() as base:
        file = sample(base / "file", (20 << 20) + 1)
        with Process(sys.executable, "-c", RECEIVER, base / "copy") as python:
            port = int(python.wait_for("listening tutorial").split()[-1])
            with sockeye("send", "--plain-md5", "--to", f"127.0.0.1:{port}", file) as send:
                equal(send.end(), 0)
            python.wait_for("OK")
        equal(run("cmp", file, base / "copy")[0], 0)


@case
def send_into_receive_under_40_mib():
    """1 GiB from `send` to `receive` is identical, and neither takes 40 MiB of memory."""
    with folder() as base:
        inbox = base / "inbox"
        inbox.mkdir()
        file = sample(base / "file", 1 << 30)
        with receiver(inbox, "--name", "big") as (receive, port):
            with sockeye("send", "--plain-md5", "--to", f"127.0.0.1:{port}", file) as send:
                with ThreadPoolExecutor() as pool:  # both at once: each wait measures its own
                    ends = [pool.submit(process.end, 120) for process in (send, receive)]
                    equal([end.result() for end in ends], [0, 0])
                peaks = send.peak_kib, receive.peak_kib
        equal(run("cmp", file, inbox / "big", wait=60)[0], 0)
        check(1024 < min(peaks) and max(peaks) < 40 * 1024, f"peaks {peaks} KiB")
        return "peaks {:.1f} and {:.1f} MiB".format(*(kib / 1024 for kib in peaks))


@case
def a_flipped_byte_is_refused():
    """One byte that differs, first, middle or last: exit 6, and nothing is left."""
    with folder() as base:
        file = sample(base / "file", 3_000_000)
        for position in (0, 1_500_000, 2_999_999):
            data = bytearray(file.read_bytes())
            data[position] ^= 1
            (base / "flipped").write_bytes(data)
            inbox = base / f"inbox{position}"
            inbox.mkdir()
            with receiver(inbox, "--name", "copy") as (process, port):
                send_by_nc(base / "flipped", port, digest_of=file)
                equal(process.end(), 6, process.text())
                check("corrupt" in process.text().lower(), process.text())
            equal(names(inbox), [])


@case
def what_is_cut_short_gets_no_name():
    """An end inside of the digest or of the file, a reset, junk: not 0, a word, nothing left."""
    data = os.urandom(500_000)
    digest = hashlib.md5(data).hexdigest().encode()
    for what, raw, reset, codes in (
        ("half a digest", digest[:16], False, (3, 6, 7)),
        ("no digest", b"z" * 32 + data, False, (3, 6)),
        ("half a file", digest + data[:250_000], False, (6, 7)),
        ("a reset", digest + data[:250_000], True, (7,)),
        ("a digest alone", digest, False, (6,)),
    ):
        with folder() as inbox, receiver(inbox, "--name", "copy") as (process, port):
            client = connect(port)
            with contextlib.suppress(ConnectionError):
                client.sendall(raw)
            if reset:
                client.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
            client.close()
            check(process.end() in codes, what, process.child.returncode, process.text())
            equal(names(inbox), [], what)
            check(process.text().strip(), what, "nothing was said")


@case
def a_knock_is_no_transfer():
    """Who connects and goes without a byte, as a scanner does, changes nothing."""
    with folder() as base:
        file = sample(base / "file", 1000)
        inbox = base / "inbox"
        inbox.mkdir()
        with receiver(inbox, "--name", "copy") as (process, port):
            for _ in range(20):
                connect(port).close()
            equal(send_by_nc(file, port)[0], 0)
            equal(process.end(), 0, process.text())
        equal((inbox / "copy").read_bytes(), file.read_bytes())


@case
def nothing_is_overwritten():
    """A file of that name stays as it is, whenever it came; no name is a path."""
    with folder() as base:
        file = sample(base / "file", 1000)
        inbox = base / "inbox"
        inbox.mkdir()
        with receiver(inbox, "--name", "copy") as (process, port):
            (inbox / "copy").write_text("mine")
            send_by_nc(file, port)
            check(process.end() in (4, 10), process.child.returncode, process.text())
            check("copy" in process.text() and "exists" in process.text(), process.text())
        args = ("receive", "--plain-md5", "-b", "127.0.0.1:0", "--name", "copy", inbox)
        with sockeye(*args) as late:
            check(late.end() in (4, 10), late.child.returncode, late.text())
        equal((inbox / "copy").read_text(), "mine", "what was there")
        equal(names(inbox), ["copy"])
        for name in ("../escaped", "/tmp/escaped", "a/../../escaped", "..", "."):
            process = sockeye("receive", "--plain-md5", "-b", "127.0.0.1:0", "--name", name, inbox)
            with process:
                check(process.end(10) in (2, 4), name, process.text())
        equal(names(base), ["file", "inbox"])


@case
def receive_dies_half_way():
    """kill -9 in the middle of a file: no final name, and the same port and name work at once."""
    with folder() as base:
        inbox = base / "inbox"
        inbox.mkdir()
        file = sample(base / "file", 4_000_000)
        data = file.read_bytes()
        digest = hashlib.md5(data).hexdigest().encode()
        with receiver(inbox, "--name", "copy") as (process, port):
            client = connect(port)
            client.sendall(digest + data[:2_000_000])
            for _ in range(3000):  # until some of it is on its way to the disk
                sizes = [entry.stat().st_size for entry in inbox.iterdir()]
                if sum(sizes) > 0 or process.child.poll() is not None:
                    break
            process.stop(signal.SIGKILL)
            check("copy" not in names(inbox), names(inbox))
        place = f"127.0.0.1:{port}"
        with sockeye("receive", "--plain-md5", "-b", place, "--name", "copy", inbox) as again:
            again.ready("receive")
            send_by_nc(file, port)
            equal(again.end(), 0, again.text())
        equal((inbox / "copy").read_bytes() == data, True)
        client.close()
        left = [name for name in names(inbox) if name != "copy"]
        check(all(name.startswith(".") for name in left), left)


@case
def send_says_who_is_to_blame():
    """No such file is 4, nobody listens 9 or 3, a receiver that goes away is not success."""
    with folder() as base:
        file = sample(base / "file", 5_000_000)
        with sockeye("send", "--plain-md5", "--to", "127.0.0.1:1", base / "none") as send:
            equal(send.end(), 4, send.text())
            check("none" in send.text(), send.text())
        with sockeye("send", "--plain-md5", "--to", "127.0.0.1:1", file) as send:
            check(send.end() in (3, 9, 10), send.child.returncode, send.text())
            check("127.0.0.1:1" in send.text() and "refused" in send.text(), send.text())
        script = "import socket,sys\ns=socket.socket();s.bind(('127.0.0.1',0));s.listen()\n" \
            "print('listening once',s.getsockname()[1],flush=True)\nc,_=s.accept();c.recv(9)\n" \
            "c.setsockopt(1,13,b'\\1\\0\\0\\0\\0\\0\\0\\0');c.close()\n"
        with Process(sys.executable, "-c", script) as python:
            port = int(python.wait_for("listening once").split()[-1])
            with sockeye("send", "--plain-md5", "--to", f"127.0.0.1:{port}", file) as send:
                equal(send.end(), 7, send.text())


@case
def keep_receives_again_and_again():
    """`receive --keep` takes three files one after another and ends with a signal."""
    with folder() as base:
        inbox = base / "inbox"
        inbox.mkdir()
        files = [sample(base / f"f{number}", 100_000 + number) for number in range(3)]
        flags = ("--keep", "--overwrite", "rename", "--name", "copy")
        with receiver(inbox, *flags) as (process, port):
            for file in files:
                with sockeye("send", "--plain-md5", "--to", f"127.0.0.1:{port}", file) as send:
                    equal(send.end(), 0, send.text())
            for _ in range(2000):
                if len(names(inbox)) == 3:
                    break
                run("true")
            code = process.stop()
            check(code in (0, 143), code, process.text())
        found = sorted(hashlib.md5(f.read_bytes()).digest() for f in inbox.iterdir())
        equal(found, sorted(hashlib.md5(f.read_bytes()).digest() for f in files))


