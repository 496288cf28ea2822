"""The same random scripts on C's socket type and on ours: every call has to give the same result,
or the same error. Both types live in this process, which runs with `python/` on its path.

    differ.py SCRIPTS [FIRST_SEED]

A script is a list of calls on a few sockets: TCP, UDP, unix streams, datagrams and sequenced
packets, good calls and bad ones. It runs with C's type, then with ours, each in its own folder.
Ports, descriptors and names that the system chose count as equal where they come in the same order.
Sockets wait for ever, 2 ms or not at all; where one waits for ever, a signal ends the call, whose
handler raises.

These differences are meant, and counted (`allowed`). C waits until a socket counts as ready before
it makes a call with a timeout, ours makes the call first. So where nothing is ready C times out,
and ours says at once what is wrong with the call, or, with MSG_DONTWAIT, that it would block; or
sends, where there is room, but not as much as makes a socket ready (then the rest of the script is
not compared). And with MSG_TRUNC ours tells the length of a datagram also to who asks for none of
its bytes; a socket that was closed refuses even that.

Where a script differs it is run again: the one that C itself does not repeat is no evidence.
"""

import array
import contextlib
import errno
import os
import random
import select
import shutil
import signal
import sys
import tempfile

import sitecustomize

theirs = sitecustomize.theirs
import _socket as mixed  # noqa: E402  (its functions are ours)
from _socket import *  # noqa: E402,F403

CALLS = 24  # in a script
SLOTS = 6  # sockets of a script
TIMEOUT = 0.002  # of sockets that have one
BLOCKED = 0.015  # after which a signal ends a call that waits for ever
AGAIN = 6  # runs of a script that differs
UNSTEADY_MAX = 0.01  # of all scripts
SHOWN = 120  # characters of a result
DATA = bytes(range(256)) * 16
FLAGS = [0, 0, 0, 0, MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_NOSIGNAL]
SEND_FLAGS = [0, 0, 0, 0, MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_NOSIGNAL, MSG_EOR, MSG_DONTROUTE]
KINDS = [
    *((AF_INET, SOCK_STREAM), (AF_INET6, SOCK_STREAM), (AF_UNIX, SOCK_STREAM)),
    *((AF_INET, SOCK_DGRAM), (AF_INET6, SOCK_DGRAM), (AF_UNIX, SOCK_DGRAM)),
    (AF_UNIX, SOCK_SEQPACKET),
]
# No such sockets, mostly.
ODD = [
    *((0, 1, 0), (99, 1, 0), (-5, 2, 0), (-5, 77, 0), (AF_INET, 77, 0), (AF_INET, -3, 0)),
    *((AF_INET, 4, 0), (AF_UNIX, 9, 0), (AF_UNIX, 12, 0), (AF_INET6, SOCK_SEQPACKET, 0)),
    *((AF_INET, SOCK_STREAM, 17), (AF_INET, SOCK_DGRAM, 6), (AF_INET6, SOCK_DGRAM, 132)),
    *((AF_INET, SOCK_STREAM, 250), (AF_UNIX, SOCK_STREAM, 6), (AF_UNIX, SOCK_DGRAM, 250)),
    *((AF_INET, SOCK_STREAM, 6), (AF_INET6, SOCK_DGRAM, 17), (AF_UNIX, SOCK_STREAM, 1)),
]
OPTIONS = [
    *((SOL_SOCKET, name) for name in (SO_TYPE, SO_ERROR, SO_REUSEADDR, SO_KEEPALIVE, SO_RCVBUF)),
    *((SOL_SOCKET, name) for name in (SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_LINGER, 9999)),
    *((SOL_SOCKET, name) for name in (SO_BROADCAST, SO_SNDBUF, SO_PASSCRED, SO_PRIORITY)),
    *((IPPROTO_TCP, name) for name in (TCP_NODELAY, TCP_KEEPIDLE, TCP_MAXSEG, TCP_CORK, 9999)),
    *((IPPROTO_IP, name) for name in (IP_TTL, IP_TOS, IP_MULTICAST_TTL, IP_MULTICAST_LOOP)),
    *((IPPROTO_IPV6, name) for name in (IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_RECVPKTINFO)),
    (9999, 1),
]


class Interrupted(Exception):
    """A signal came while a call waited for ever."""


@contextlib.contextmanager
def ended_by_a_signal(waits_for_ever):
    """Where the call inside waits for ever, signals come until its handler has raised."""
    under_way = waits_for_ever

    def interrupt(*_):
        if under_way:
            raise Interrupted

    signal.signal(signal.SIGALRM, interrupt)
    if waits_for_ever:
        signal.setitimer(signal.ITIMER_REAL, BLOCKED, BLOCKED)
    try:
        yield
    finally:
        under_way = False
        signal.setitimer(signal.ITIMER_REAL, 0)


class Script:
    """Calls of one seed, as words for `World`; sockets are given by their slot."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.calls = []
        self.made = set()
        for slot in range(SLOTS // 2):
            self.make(slot)
        while len(self.calls) < CALLS:
            self.step()
        del self.calls[CALLS:]

    def say(self, name, slot, *arguments):
        self.calls.append((name, slot, arguments))

    def slot(self):
        """A slot that has a socket, mostly."""
        return self.rng.choice([*sorted(self.made) * 8, self.rng.randrange(SLOTS)])

    def size(self):
        return self.rng.choice([0, 1, 2, 5, 17, 100, 1000, 4000])

    def mode(self, slot):
        self.say("settimeout", slot, self.rng.choice([None, 0, 0.0, TIMEOUT, TIMEOUT, TIMEOUT]))

    def make(self, slot):
        """A socket, or two that talk to each other."""
        rng = self.rng
        family, kind = rng.choice(KINDS)
        way = rng.randrange(10)
        other = (slot + 1) % SLOTS
        self.made.add(slot)
        if way < 4 and family != AF_UNIX:
            host = "127.0.0.1" if family == AF_INET else "::1"
            self.say("make", slot, family, kind, 0)
            self.say("bind", slot, (host, 0))
            self.say("make", other, family, kind, 0)
            self.made.add(other)
            if kind == SOCK_STREAM:
                self.say("listen", slot, rng.choice([0, 1, 5]))
            self.say("connect", other, ("name of", slot))
            if kind == SOCK_STREAM and rng.randrange(3):
                self.say("accept", slot, (slot + 2) % SLOTS)
                self.made.add((slot + 2) % SLOTS)
            self.mode(other)
        elif way < 8:
            self.say("socketpair", slot, other, AF_UNIX, rng.choice([1, 2, 5]), 0)
            self.made.add(other)
            self.mode(other)
        elif way == 8:
            self.say("make", slot, family, kind | rng.choice([0, SOCK_NONBLOCK, SOCK_CLOEXEC]), 0)
        else:
            self.say("make", slot, *rng.choice(ODD))
        self.mode(slot)

    def address(self):
        """A good address, mostly; or one that is not."""
        return self.rng.choice(
            [
                *(("name of", self.slot()) for _ in range(8)),
                *(("127.0.0.1", 0), ("", 0), ("localhost", 0), ("::1", 0), ("::1", 0, 0, 0)),
                *(("folder", "a"), ("folder", "b"), ("folder", "none/x"), b"\0differ", ""),
                *(("nobody",), ("127.0.0.1", 70000), ("127.0.0.1", -1), ("127.0.0.1", 1 << 40)),
                *(("name.invalid", 1), ("192.0.2.1", 5), ("127.0.0.1",), 7, None, ("x", "y")),
                *(("::1", 1, 1 << 20, 0), ("127.0.0.1", 1.5), (b"127.0.0.1", 0), ("a\0b", 1)),
                *("x" * 200, b"\0" + b"y" * 107, b"\0" + b"y" * 108, ("<broadcast>", 9)),
            ]
        )

    def step(self):
        rng, slot = self.rng, self.slot()
        name = rng.choice(list(WEIGHTS))
        flags = rng.choice(SEND_FLAGS if name.startswith("send") else FLAGS)
        size, room = self.size(), rng.choice([0, 0, 1, 5, 16, 100])
        match name:
            case "make":
                self.make(rng.randrange(SLOTS))
            case "mode":
                self.mode(slot)
            case "bind" | "connect" | "connect_ex":
                self.say(name, slot, self.address())
            case "listen":
                self.say(name, slot, rng.choice([-1, 0, 1, 100]))
            case "accept":
                new = rng.randrange(SLOTS)
                self.say(name, slot, new)
                self.made.add(new)
            case "send" | "sendall":
                self.say(name, slot, size, flags)
            case "sendto":
                self.say(name, slot, size, flags, self.address())
            case "sendmsg":
                control = rng.choice([None, "rights", "rights", "odd", "long"])
                to = rng.choice([None, None, self.address()])
                self.say(name, slot, size, rng.choice([1, 2, 3]), control, flags, to)
            case "recv" | "recvfrom":
                self.say(name, slot, rng.choice([size, size, size, -1]), flags)
            case "recv_into" | "recvfrom_into":
                self.say(name, slot, size, rng.choice([0, 0, 1, size, size + 1, -1]), flags)
            case "recvmsg":
                self.say(name, slot, size, rng.choice([0, 16, 20, 24, 40, 100, -1]), flags)
            case "recvmsg_into":
                self.say(name, slot, [room, size], rng.choice([0, 24, 100]), flags)
            case "shutdown":
                self.say(name, slot, rng.choice([0, 1, 1, 2, 7, -1]))
            case "getsockopt":
                self.say(name, slot, *rng.choice(OPTIONS), rng.choice([0, 0, 0, 1, 4, 8, 1025, -1]))
            case "setsockopt":
                value = rng.choice([0, 1, 1, 2, -1, 5000, b"", b"\1", b"\1\0\0\0", "x"])
                value = rng.choice([value, b"\1\0\0\0\0\0\0\0"])
                self.say(name, slot, *rng.choice(OPTIONS), value)
            case "fill" | "closed peer":
                self.say(name, slot)
            case _:
                self.say(name, slot)


# How often each call is made.
WEIGHTS = [
    *["make"] * 4,
    *["mode"] * 3,
    *["bind"] * 3,
    *["connect"] * 4,
    *["connect_ex"] * 2,
    *["listen"] * 2,
    *["accept"] * 4,
    *["send"] * 6,
    *["sendall"] * 4,
    *["sendto"] * 4,
    *["sendmsg"] * 6,
    *["recv"] * 7,
    *["recvfrom"] * 4,
    *["recv_into"] * 4,
    *["recvfrom_into"] * 3,
    *["recvmsg"] * 6,
    *["recvmsg_into"] * 4,
    *["shutdown"] * 3,
    *["close"] * 2,
    *["getsockname"] * 2,
    *["getpeername"] * 2,
    *["gettimeout", "getblocking", "fileno", "numbers", "detach", "fill", "setblocking"],
    *["getsockopt"] * 3,
    *["setsockopt"] * 3,
]


class World:
    """Runs a script with one socket type."""

    def __init__(self, type, pair):
        self.type, self.pair = type, pair

    def run(self, script):
        """What each call gave, in words that say the same where the same happened."""
        self.slots, self.seen = {}, {}
        self.folder = tempfile.mkdtemp(prefix="differ-")
        self.null = os.open(os.devnull, os.O_RDONLY)
        try:
            return [self.result(*call) for call in script.calls]
        finally:
            for socket in self.slots.values():
                with contextlib.suppress(OSError):
                    socket.close()
            os.close(self.null)
            shutil.rmtree(self.folder)

    def result(self, name, slot, arguments):
        may_wait = name.startswith(("send", "recv", "accept", "connect")) and slot in self.slots
        waits_for_ever = may_wait and self.slots[slot].gettimeout() is None
        try:
            with ended_by_a_signal(waits_for_ever):
                done = self.call(name, slot, arguments)
            return self.said(done)
        except Interrupted:
            return "interrupted"
        except OSError as error:
            return f"{type(error).__name__}({error.errno})"
        except (TypeError, ValueError, OverflowError, BufferError, MemoryError, KeyError) as error:
            return type(error).__name__

    def said(self, value):
        """A value without what the system chose by itself."""
        if isinstance(value, tuple) and len(value) >= 2 and isinstance(value[1], int):
            if isinstance(value[0], str):
                return f"({value[0]}, {self.alias('port', value[1])}, {value[2:]})"
        if isinstance(value, bytes) and len(value) == 6 and value[:1] == b"\0":
            return self.alias("name", value)
        if isinstance(value, (tuple, list)):
            return f"[{', '.join(self.said(item) for item in value)}]"
        return repr(value).replace(self.folder, "FOLDER")

    def alias(self, what, value):
        return f"{what} {self.seen.setdefault((what, value), len(self.seen))}"

    def address(self, address):
        match address:
            case ("name of", slot):
                return self.slots[slot].getsockname()
            case ("folder", name):
                return os.path.join(self.folder, name)
            case ("nobody",):
                gone = self.type(AF_INET, SOCK_STREAM)
                gone.bind(("127.0.0.1", 0))
                address = gone.getsockname()
                gone.close()
                return address
        return address

    def put(self, slot, socket):
        if slot in self.slots:
            self.slots[slot].close()
        self.slots[slot] = socket

    def call(self, name, slot, arguments):
        if name == "make":
            return self.put(slot, self.type(*arguments))
        if name == "socketpair":
            other, family, kind, proto = arguments
            a, b = self.pair(family, kind, proto)
            self.put(slot, a)
            return self.put(other, b)
        socket = self.slots[slot]
        special = getattr(self, "do_" + name, None)
        if special:
            return special(socket, slot, *arguments)
        return getattr(socket, name)(*arguments)

    def do_bind(self, socket, _, address):
        return socket.bind(self.address(address))

    def do_connect(self, socket, _, address):
        return socket.connect(self.address(address))

    def do_connect_ex(self, socket, _, address):
        return socket.connect_ex(self.address(address))

    def do_accept(self, socket, _, new):
        number, peer = socket._accept()
        self.put(new, self.type(socket.family, socket.type, socket.proto, number))
        return os.get_inheritable(number), peer

    def do_send(self, socket, _, size, flags):
        return socket.send(DATA[:size], flags)

    def do_sendall(self, socket, _, size, flags):
        return socket.sendall(DATA[:size], flags)

    def do_sendto(self, socket, _, size, flags, address):
        return socket.sendto(DATA[:size], flags, self.address(address))

    def do_sendmsg(self, socket, _, size, parts, control, flags, to):
        step = size // parts + 1
        data = [DATA[at : min(at + step, size)] for at in range(0, size, step)]
        control = {
            None: [],
            "rights": [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [self.null] * parts))],
            "odd": [(SOL_SOCKET, 9999, b"abc"), (IPPROTO_IP, IP_TTL, array.array("i", [7]))],
            "long": [(SOL_SOCKET, SCM_RIGHTS, array.array("i", [self.null] * 300))],
        }[control]
        to = [] if to is None else [self.address(to)]
        return socket.sendmsg(data, control, flags, *to)

    def defined(self, socket, data, size, flags):
        """The bytes that the system gave. With MSG_TRUNC C gives more than there was room for, the
        last ones not initialised; and of a TCP stream, which then gives none, only their number."""
        if flags & MSG_TRUNC and socket.type == SOCK_STREAM:
            return len(data)
        return data[: max(size, 0)]

    def do_recv(self, socket, _, size, flags):
        return self.defined(socket, socket.recv(size, flags), size, flags)

    def do_recvfrom(self, socket, _, size, flags):
        data, address = socket.recvfrom(size, flags)
        return [self.defined(socket, data, size, flags), address]

    def do_recv_into(self, socket, _, size, *rest):
        buffer = bytearray(size)
        return socket.recv_into(buffer, *rest), bytes(buffer)

    def do_recvfrom_into(self, socket, _, size, *rest):
        buffer = bytearray(size)
        return [socket.recvfrom_into(buffer, *rest), bytes(buffer)]

    def control(self, messages):
        """Ancillary data, whose descriptors are closed."""
        said = []
        for level, kind, data in messages:
            if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
                numbers = array.array("i", data[: len(data) // 4 * 4])
                for number in numbers:
                    os.close(number)
                data = len(numbers)
            said.append([level, kind, data])
        return said

    def do_recvmsg(self, socket, _, *arguments):
        data, control, flags, address = socket.recvmsg(*arguments)
        data = self.defined(socket, data, arguments[0], arguments[2])
        return [data, self.control(control), flags, address]

    def do_recvmsg_into(self, socket, _, sizes, *arguments):
        buffers = [bytearray(size) for size in sizes]
        n, control, flags, address = socket.recvmsg_into(buffers, *arguments)
        return [n, *map(bytes, buffers), self.control(control), flags, address]

    def do_fileno(self, socket, _):
        return socket.fileno() >= 0

    def do_numbers(self, socket, _):
        return [socket.family, socket.type, socket.proto]

    def do_setblocking(self, socket, _):
        return socket.setblocking(False)

    def do_detach(self, socket, slot):
        number = socket.detach()
        if number < 0:
            return "nothing"
        timeout = socket.gettimeout()
        again = self.type(socket.family, socket.type, socket.proto, number)
        again.settimeout(timeout)
        self.slots[slot] = again
        return timeout

    def do_fill(self, socket, _):
        """Sends until there is no room: how it ends counts, not how much went."""
        timeout = socket.gettimeout()
        socket.settimeout(0)
        try:
            for _ in range(10_000):
                socket.send(DATA * 8)
            return "endless"
        finally:
            socket.settimeout(timeout)


def is_allowed(call, theirs, ours):
    """Whether it is one of the differences that are meant."""
    name, _, arguments = call
    if name in ("recv", "recv_into") and arguments[0] == 0:
        return MSG_TRUNC in arguments or ours == f"OSError({errno.EBADF})"
    if theirs != "TimeoutError(None)":
        return False
    if name.startswith("send") and "Error" not in ours:
        return True
    number = ours.rpartition("(")[2][:-1]
    if not number.isdigit():
        return False
    if int(number) == errno.EAGAIN:
        return MSG_DONTWAIT in arguments
    return int(number) in (errno.ENOTCONN, errno.EOPNOTSUPP, errno.EINVAL, errno.EPIPE)


def difference(script, theirs, ours):
    """Where the two differ, and how often they may."""
    allowed = 0
    for at, (call, c, own) in enumerate(zip(script.calls, theirs, ours)):
        if c != own:
            if not is_allowed(call, c, own):
                return at, allowed
            allowed += 1
            if "Error" not in own:
                break
    return None, allowed


def without_limits():
    """Lets the kernel answer every datagram to nobody at once."""
    for name in ("ipv4/icmp_ratemask", "ipv6/icmp/ratelimit"):
        with contextlib.suppress(OSError), open(f"/proc/sys/net/{name}", "w") as file:
            file.write("0")


def main(scripts, first=1):
    without_limits()
    c = World(theirs.socket, theirs.socketpair)
    own = World(mixed.socket, mixed.socketpair)
    results, errors, allowed, unsteady, bad = 0, 0, 0, 0, 0
    for seed in range(int(first), int(first) + int(scripts)):
        script = Script(seed)
        said = c.run(script), own.run(script)
        results += len(said[0])
        errors += sum("Error" in word for word in said[0])
        at, may = difference(script, *said)
        allowed += may
        if at is None:
            continue
        again = [c.run(script) for _ in range(AGAIN)], [own.run(script) for _ in range(AGAIN)]
        if any(difference(script, a, b)[0] is None for a in again[0] for b in again[1]):
            unsteady += 1
            once = f"C {said[0][at][:SHOWN]}, ours {said[1][at][:SHOWN]}"
            print(f"unsteady: seed {seed}, call {at} {script.calls[at]}: {once}")
            continue
        bad += 1
        print(f"seed {seed} differs at call {at}:")
        for number, call in enumerate(script.calls[: at + 1]):
            c_said, own_said = (words[number][:SHOWN] for words in said)
            print(f"  {number} {call}: C {c_said}, ours {own_said}")
    counts = f"{errors} errors, {allowed} allowed, {unsteady} unsteady"
    print(f"{scripts} scripts, {results} calls, {counts}")
    return 1 if bad or unsteady > UNSTEADY_MAX * int(scripts) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
