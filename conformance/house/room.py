"""`sockeye chat serve`: people with nc, and a thousand clients at once."""

import asyncio
import contextlib
import os
import pathlib
import re
import socket
import subprocess

from kit import (
    Process, case, check, connect, equal, receive_all, receive_until, sockeye,
)

OPEN = ("--flood", "off", "--max-clients", "5000", "--max-per-ip", "5000")


@contextlib.contextmanager
def room(*flags, **options):
    """A room: its port and its process, which must live to the end."""
    with sockeye("chat", "serve", "-b", "127.0.0.1:0", *flags, **options) as server:
        yield server.ready("chat"), server
        ended_by_us = server.child.returncode is not None
        check(ended_by_us or server.child.poll() is None, "the server ended:", server.text())


def nc(port):
    return Process("nc", "127.0.0.1", port, stdin=subprocess.PIPE)


def say(client, text):
    client.child.stdin.write(text.encode() + b"\n")
    client.child.stdin.flush()


@case
def three_nc_talk():
    """Three nc clients take names and hear each other, in order, with joins and leaves."""
    with room() as (port, server), nc(port) as ann, nc(port) as bob, nc(port) as eve:
        for client, name in ((ann, "ann"), (bob, "bob"), (eve, "eve")):
            say(client, f"/nick {name}")
            client.wait_for(f"you are now {name}")
        people = {"ann": ann, "bob": bob, "eve": eve}
        for name, client in people.items():
            for number in range(3):
                say(client, f"line {number} of {name}")
            for other in people.values():
                if other is not client:
                    for number in range(3):
                        equal(other.wait_for("line"), f"<{name}> line {number} of {name}")
        say(ann, "/who")
        who = ann.wait_for("eve")
        check("ann" in who and "bob" in who, who)
        say(bob, "/quit")
        bob.wait_for("* bye")
        ann.wait_for("* bob left")
        bob.child.stdin.close()  # nc itself ends only with its input
        equal(bob.end(), 0)
        eve.stop()
        ann.wait_for("* eve left")
        equal(server.stop(), 0, "the exit code")


@case
def a_silent_nc_hears():
    """A client that never says a word hears what others say."""
    with room() as (port, _), nc(port) as silent:
        silent.wait_for("you are")
        with connect(port) as other:
            other.sendall("grüße\r\n".encode())
            equal(silent.wait_for(">").split("> ", 1)[1], "grüße")


@case
def a_stopped_reader_disturbs_nobody():
    """One stops reading: 8 MiB pass between two others, and the one is dropped or skipped."""
    with room(*OPEN) as (port, server):
        stopped = connect(port, small=True)
        stopped.sendall(b"/nick stopped\n")
        receive_until(stopped, b"now stopped\n")
        with connect(port) as ann, connect(port) as bob:
            ann.sendall(b"/nick ann\n")
            bob.sendall(b"/nick bob\n")
            receive_until(ann, b"now ann\n")
            receive_until(bob, b"now bob\n")
            line = b"x" * 990
            for turn in range(16):  # 16 turns of half a MiB, each heard whole before the next
                numbered = [b"%d %d %s\n" % (turn, number, line) for number in range(512)]
                ann.sendall(b"".join(numbered))
                heard = receive_until(bob, b"\n<ann> %d 511 %s\n" % (turn, line), wait=60)
                said = [part[6:] + b"\n" for part in heard.split(b"\n") if part[:6] == b"<ann> "]
                equal(len(said), 512, turn)
                equal(said, numbered, turn)
            bob.sendall(b"still here\n")
            heard = receive_until(ann, b"<bob> still here\n")
            check(b"* stopped left" in heard, "the stopped one was not dropped:", heard[-300:])
        left = receive_all(stopped)
        check(b"slow" in left[-200:], "the last words to the stopped one:", left[-200:])
        with connect(port) as late:
            late.sendall(b"/who\n")
            receive_until(late, b"* in ")
        equal(server.stop(), 0)
        return f"server's peak {server.peak_kib / 1024:.1f} MiB"


class Talker(asyncio.Protocol):
    """One of the thousand: counts the marks that come, and keeps everything."""

    def __init__(self, crowd, number):
        self.crowd, self.number = crowd, number
        self.data, self.marks = bytearray(), 0
        self.transport, self.lost = None, None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        before = self.marks
        self.marks += data.count(b"~")
        if before < self.crowd.need <= self.marks:
            self.crowd.satisfied()

    def connection_lost(self, error):
        self.lost = error or "ended"
        if self.marks < self.crowd.need:
            self.crowd.fail(f"client {self.number} was lost at {self.marks} marks: {self.lost}")


class Crowd:
    """`size` clients of which each is to hear `need` marks."""

    def __init__(self, size, need):
        self.size, self.need, self.full = size, need, 0
        self.done = asyncio.get_running_loop().create_future()

    def satisfied(self):
        self.full += 1
        if self.full == self.size and not self.done.done():
            self.done.set_result(None)

    def fail(self, why):
        if not self.done.done():
            self.done.set_exception(AssertionError(why))


async def everyone_is_in(talkers):
    """The classic room greets nobody: the first and the last ask until they hear each other."""
    first, last = talkers[0], talkers[-1]
    deadline = asyncio.get_running_loop().time() + 60
    for asking, hearing in ((first, last), (last, first)):
        while b"?" not in hearing.data:
            check(asyncio.get_running_loop().time() < deadline, "not all were taken in")
            asking.transport.write(b"?")
            await asyncio.sleep(0.02)


async def thousand(port, size, lines, greet):
    loop = asyncio.get_running_loop()
    crowd = Crowd(size, (size - 1) * lines)
    talkers = []
    for number in range(size):
        make = lambda number=number: Talker(crowd, number)  # noqa: E731
        _, talker = await loop.create_connection(make, "127.0.0.1", port)
        talkers.append(talker)
        if greet:  # a first line, so that the server need not wait for silence
            talker.transport.write(b"/nick t%04d\n" % number)
    if greet:
        deadline = loop.time() + 60
        for talker in talkers:
            while b"you are now t" not in talker.data:
                check(loop.time() < deadline, f"client {talker.number} was not greeted")
                await asyncio.sleep(0.01)
    else:
        await everyone_is_in(talkers)
    for number in range(lines):
        for talker in talkers:
            talker.transport.write(b"t%04d says %d~\n" % (talker.number, number))
        await asyncio.sleep(0)
    try:
        await asyncio.wait_for(crowd.done, 180)
    except asyncio.TimeoutError:
        least = min(talkers, key=lambda talker: talker.marks)
        check(False, f"client {least.number} has {least.marks} of {crowd.need}")
    for talker in talkers:
        talker.transport.abort()
    return talkers


def each_heard_all(talkers, lines):
    """Each other's lines, all of them, once, in that one's order."""
    pattern = re.compile(rb"t(\d{4}) says (\d)~\n")
    for talker in talkers:
        heard = {}
        for sender, number in pattern.findall(talker.data):
            heard.setdefault(sender, bytearray()).extend(number)
        expected = bytes(b"0123456789"[:lines])
        equal(len(heard), len(talkers) - 1, f"senders that {talker.number} heard:")
        check(b"%04d" % talker.number not in heard, f"{talker.number} heard itself")
        for sender, numbers in heard.items():
            check(bytes(numbers) == expected, f"{talker.number} heard of {sender}: {numbers}")


@case
def a_thousand_talk_at_once():
    """1,000 clients say 10 numbered lines each: each hears all others', in each sender's order."""
    with room(*OPEN) as (port, server):
        talkers = asyncio.run(thousand(port, 1000, 10, greet=True))
        each_heard_all(talkers, 10)
        equal(server.stop(), 0)
        return f"9,990,000 lines, server's peak {server.peak_kib / 1024:.0f} MiB"


@case
def three_hundred_talk_in_the_classic_room():
    """300 clients in the tutorial's room: the same, and not a byte more."""
    with room("--classic", *OPEN) as (port, server):
        talkers = asyncio.run(thousand(port, 300, 10, greet=False))
        each_heard_all(talkers, 10)
        size = 299 * 10 * len(b"t0000 says 0~\n")
        for talker in talkers:
            equal(len(talker.data.replace(b"?", b"")), size, f"bytes of {talker.number}")
        equal(server.stop(), 0)


@case
def classic_is_byte_exact():
    """What is no line and no text reaches the others as it is, and not the sender."""
    data = bytes(range(256)) * 40 + b"no newline at the end"
    with room("--classic") as (port, _):
        with connect(port) as ann, connect(port) as bob, connect(port) as eve:
            eve.settimeout(0.05)
            for _ in range(100):  # the room greets nobody: until the last one hears the first
                ann.sendall(b"?")
                with contextlib.suppress(TimeoutError):
                    if eve.recv(1):
                        break
            eve.settimeout(10)
            for one, others in ((ann, (bob, eve)), (eve, (ann, bob))):
                one.sendall(data)
                for other in others:
                    heard = b""
                    while len(heard) < len(data):
                        piece = other.recv(65536)
                        check(piece, "the end after", len(heard))
                        heard = (heard + piece).lstrip(b"?")
                    check(heard == data, "bytes were changed")
            bob.close()
            for client in (ann, eve):
                client.settimeout(0.3)
                with contextlib.suppress(TimeoutError):
                    check(False, "said when bob left:", client.recv(100))


@case
def a_reset_is_a_leave():
    """50 resets are 50 leaves and no error, in the room and in the log."""
    with room("-v", *OPEN) as (port, server), connect(port) as ann:
        ann.sendall(b"/nick ann\n")
        receive_until(ann, b"now ann\n")
        for number in range(50):
            name = b"guest%d" % number
            client = connect(port)
            client.sendall(b"/nick %s\nhello\n" % name)
            receive_until(client, b"now " + name)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            receive_until(ann, b"* %s left\n" % name)
        ann.sendall(b"/who\n")
        receive_until(ann, b"(1):")
        equal(server.stop(), 0)
        for word in ("ERROR", "error:", "panicked"):
            check(word not in server.text(), word, "in", server.text()[:500])


@case
def only_whole_lines_are_said():
    """Half a line waits for its end, CR is taken off, escapes and forged lines do not pass."""
    with room(*OPEN) as (port, _), connect(port) as ann, connect(port) as bob:
        ann.sendall(b"/nick ann\n")
        bob.sendall(b"/nick bob\n")
        receive_until(ann, b"now ann\n")
        receive_until(bob, b"now bob\n")
        ann.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"one ", b"whole ", b"line", b"\r", b"\n"):
            ann.sendall(piece)
        equal(receive_until(bob, b"line\n").split(b"\n")[-2], b"<ann> one whole line")
        ann.sendall(b"evil \x1b[2J\x07\x08 \r<bob> forged \xff\xfe \x9b2J\n")
        heard = receive_until(bob, b"\n")
        check(heard.startswith(b"<ann> evil"), heard)
        for byte in (b"\x1b", b"\x07", b"\x08", b"\r", b"\xff", b"\xc2\x9b"):
            check(byte not in heard, byte, "in", heard)
        heard.decode()
        ann.sendall(b"y" * 100_000 + b"\nshort\n")
        heard = receive_until(bob, b"<ann> short\n")
        check(len(heard) < 50_000, "a line of 100,000 bytes passed")


@case
def nothing_stays_in_the_room():
    """After 300 guests have come and gone the server holds no more descriptors than before."""
    with room(*OPEN) as (port, server), connect(port) as ann:
        ann.sendall(b"/nick ann\n")
        receive_until(ann, b"now ann\n")
        fds = pathlib.Path(f"/proc/{server.pid}/fd")
        before = len(list(fds.iterdir()))
        for number in range(300):
            with connect(port) as client:
                name = b"guest%d" % number
                client.sendall(b"/nick %s\n" % name)
                receive_until(client, b"now " + name)
            receive_until(ann, b"* %s left\n" % name)
        check(len(list(fds.iterdir())) <= before + 1, os.listdir(fds))


@case
def join_works_for_scripts():
    """`chat join --plain` says what stdin says, shows what others say, and ends with stdin."""
    with room(*OPEN) as (port, _), connect(port) as ann:
        ann.sendall(b"/nick ann\n")
        receive_until(ann, b"now ann\n")
        joined = sockeye(
            "chat", "join", "--plain", "--nick", "bob", f"127.0.0.1:{port}", stdin=subprocess.PIPE
        )
        with joined:
            say(joined, "from a script")
            receive_until(ann, b"<bob> from a script\n")
            ann.sendall(b"to a script\n")
            joined.wait_for("<ann> to a script")
            joined.child.stdin.close()
            equal(joined.end(), 0)
        receive_until(ann, b"* bob left")


@case
def a_browser_cannot_be_made_to_talk():
    """A web page's POST to the room's port says nothing in it."""
    with room(*OPEN) as (port, _), connect(port) as ann:
        ann.sendall(b"/nick ann\n")
        receive_until(ann, b"now ann\n")
        with connect(port) as page:
            page.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nforged\n")
            answer = receive_all(page)
        check(answer.startswith(b"HTTP/1.1 4"), answer[:100])
        with connect(port) as bob:
            bob.sendall(b"/nick bob\nreal\n")
            heard = receive_until(ann, b"<bob> real\n")
        check(b"forged" not in heard and b"Content" not in heard, heard)


