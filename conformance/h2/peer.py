"""A client of HTTP/2 that sends what it is told, right or wrong: frames by hyperframe, fields by
hpack, both Python's second implementations."""

import pathlib
import re
import socket
import struct

import hpack
from hyperframe.frame import Frame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 20
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED, WITH_PRIORITY = 4, 8, 32
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM = range(12)
PROBE = b"are you?"


def frame(kind, flags, stream, payload=b""):
    """Any frame, also one that hyperframe would refuse to make."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def number(value):
    return struct.pack(">I", value)


def setting(identifier, value):
    return struct.pack(">HI", identifier, value)


def get(path="/hello.txt", *more, method="GET"):
    """The fields of a usual request."""
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a"), *more]


class Ended(Exception):
    """The server has ended the connection."""


class Peer:
    """One connection."""

    def __init__(self, port, settings=b"", begins=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.received, self.goaway, self.resets = b"", None, {}
        self.status, self.bodies, self.done = {}, {}, set()
        self.settings, self.acks, self.pongs = {}, 0, []
        # Whether PROTOCOL_ERROR was said where the RFC has a code of its own for it.
        self.is_general = False
        if begins:
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        """Sends bytes; a server that has ended already is seen when it is read from."""
        try:
            self.socket.sendall(b"".join(frames))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def block(self, fields):
        """Fields as this connection codes them."""
        return self.encoder.encode(fields)

    def ask(self, stream=1, fields=None, flags=END_STREAM | END_HEADERS, before=b"", after=b""):
        """Sends a request's head, with something in front of its block or behind it."""
        block = self.block(get() if fields is None else fields)
        self.send(frame(HEADERS, flags, stream, before + block + after))

    def take(self):
        """The next frame: kind, flags, stream, payload; raises where there is no more."""
        while len(self.received) < 9 or len(self.received) < 9 + self.length():
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Ended
            self.received += more
        whole = 9 + self.length()
        raw, self.received = self.received[:whole], self.received[whole:]
        # What we are sent has to be in order for hyperframe, too.
        parsed, _ = Frame.parse_frame_header(memoryview(raw[:9]))
        parsed.parse_body(memoryview(raw[9:]))
        return raw[3], raw[4], struct.unpack(">I", raw[5:9])[0], raw[9:]

    def length(self):
        return int.from_bytes(self.received[:3], "big")

    def step(self):
        """Takes one frame and keeps what it says."""
        kind, flags, stream, payload = self.take()
        if kind == HEADERS:
            fields = dict(self.decoder.decode(payload))
            self.status[stream] = int(fields[":status"])
        elif kind == DATA:
            self.bodies[stream] = self.bodies.get(stream, b"") + payload
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == PING and flags & ACK:
            self.pongs.append(payload)
        elif kind == SETTINGS and flags & ACK:
            self.acks += 1
        elif kind == SETTINGS:
            self.settings.update(struct.unpack(">HI", payload[at:at + 6])
                                 for at in range(0, len(payload), 6))
            self.send(frame(SETTINGS, ACK, 0))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.done.add(stream)

    def until(self, true):
        """Takes frames until something is so, or the connection has ended."""
        try:
            while not true():
                self.step()
        except Ended:
            return False
        return True

    # What a case says of the server: each gives None where it is so, else what came instead.

    def ends(self, *codes):
        """The connection ends, with GOAWAY and one of these codes."""
        self.until(lambda: False)
        return self.judge(codes, self.goaway)

    def closes(self):
        """The connection ends, with or without a word."""
        return self.until(lambda: False) or None

    def resets_stream(self, stream, *codes):
        """The stream is reset; the connection may end for it as well (RFC 9113, 5.4.1)."""
        self.until(lambda: stream in self.resets or stream in self.done)
        return self.judge(codes, self.resets.get(stream), self.goaway)

    def judge(self, codes, *said):
        """Whether one of the codes was said, or the general one in its place."""
        if any(code in said for code in codes):
            return None
        self.is_general = PROTOCOL_ERROR in said
        return None if self.is_general else self.seen()

    def asked(self, *frames):
        """Sends frames, and takes what comes until a question behind them is answered."""
        self.send(*frames, frame(PING, 0, 0, PROBE))
        self.until(lambda: PROBE in self.pongs)

    def answers(self, stream, *statuses):
        """The request is answered to its end."""
        self.until(lambda: stream in self.done or stream in self.resets)
        good = stream in self.done and self.status.get(stream) in statuses
        return None if good else f"status {self.status.get(stream)}, {self.seen()}"

    def lives(self):
        """A question is answered, and so is a request after it."""
        self.send(frame(WINDOW_UPDATE, 0, 0, number(1 << 20)), frame(PING, 0, 0, PROBE))
        if not self.until(lambda: PROBE in self.pongs):
            return f"it ended: {self.seen()}"
        self.ask(9001)
        return self.answers(9001, 200)

    def seen(self):
        return f"GOAWAY {self.goaway}, resets {self.resets}, statuses {self.status}"


def memory_kib(process):
    """What a process has had in memory at most."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])
