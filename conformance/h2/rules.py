"""Rules of RFC 9113 by section: what a client does wrong, or unusually, and what has to come of it.
Each case gets a connection of its own that has begun, and gives None where the server is right."""

from peer import *

CASES = []
# What the library below does not do, by our choice: these have to fail until it does.
KNOWN = {
    # It answers what comes before SETTINGS, and goes on.
    "no SETTINGS after the preface",
    # It gives them to nobody, as all of the trailers here: nothing reads them.
    "pseudo-fields in trailers",
}
# Cases that need a connection which they begin themselves.
RAW = set()


def case(section, text):
    def keep(function):
        CASES.append((section, text, function))
        return function
    return keep


def raw(function):
    RAW.add(function)
    return function


def wrong_frame(section, text, codes, *frames):
    """Frames that end the connection."""
    def run(peer):
        peer.send(*frames)
        return peer.ends(*codes)
    case(section, text)(run)


def harmless(section, text, *frames):
    """Frames that change nothing."""
    def run(peer):
        peer.send(*frames)
        return peer.lives()
    case(section, text)(run)


def malformed(section, text, fields, *statuses):
    """A request that is malformed: a stream error, or an answer that says so."""
    def run(peer):
        peer.ask(1, fields)
        peer.until(lambda: 1 in peer.resets or 1 in peer.done)
        if peer.status.get(1) in (statuses or (400,)) or peer.resets.get(1) == PROTOCOL_ERROR:
            return peer.lives()
        if peer.goaway == PROTOCOL_ERROR:
            return None
        return f"it was taken: {peer.seen()}"
    case(section, text)(run)


# 3.4, 4: the beginning, and frames.

@case("3.4", "the server's preface is SETTINGS")
def _(peer):
    return None if peer.take()[:3] == (SETTINGS, 0, 0) else "something else came first"


@case("3.4", "a preface byte by byte")
@raw
def _(peer):
    for byte in PREFACE + frame(SETTINGS, 0, 0):
        peer.send(bytes([byte]))
    return peer.lives()


@case("3.4", "a preface that is wrong at its end")
@raw
def _(peer):
    peer.send(PREFACE[:-6] + b"XX\r\n\r\n" + frame(SETTINGS, 0, 0))
    return peer.closes()


@case("3.4", "no SETTINGS after the preface")
@raw
def _(peer):
    peer.send(PREFACE + frame(PING, 0, 0, PROBE))
    return peer.ends(PROTOCOL_ERROR)


harmless("4.1", "a frame of an unknown kind", frame(0xbb, 0, 0, b"what?"))
harmless("4.1", "a frame of an unknown kind on a stream", frame(0xbb, 255, 5, b"what?"))
harmless("4.1", "unknown flags", frame(PING, 0xfe, 0, b"01234567"))
harmless("4.1", "the reserved bit of a stream", frame(PING, 0, 1 << 31, b"01234567"))
harmless("4.1", "the reserved bit of a window", frame(WINDOW_UPDATE, 0, 0, number(1 << 31 | 1)))


@case("4.2", "a frame of the largest size")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, END_STREAM, 1, bytes(16384)))
    return peer.answers(1, 201, 204) or peer.lives()


@case("4.2", "DATA of more than the largest size")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, END_STREAM, 1, bytes(16385)))
    return peer.resets_stream(1, FRAME_SIZE_ERROR)


wrong_frame("4.2", "HEADERS of more than the largest size", [FRAME_SIZE_ERROR],
            frame(HEADERS, 5, 1, bytes(16385)))
wrong_frame("4.2", "an unknown frame of more than the largest size", [FRAME_SIZE_ERROR],
            frame(0xbb, 0, 0, bytes(16385)))

for text, block in [
    ("an index beyond the tables", b"\xff\x80\x01"),
    ("the index 0", b"\x80"),
    ("a number without an end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    ("a larger table than agreed", b"\x3f\xe2\x1f\x82\x86\x84\x01\x01a"),
    ("a table's size after fields", b"\x82\x86\x84\x01\x01a\x20"),
    ("Huffman padding of 8 bits", b"\x82\x86\x84\x01\x82\x1f\xff"),
    ("Huffman padding that is not ones", b"\x82\x86\x84\x01\x81\x00"),
    ("Huffman with EOS in it", b"\x82\x86\x84\x01\x84\xff\xff\xff\xff"),
    ("a literal that is cut", b"\x82\x86\x84\x01\x0aabc"),
    ("an index that is cut", b"\x82\x86\x84\x01\x01a\xff"),
]:
    wrong_frame("4.3", text, [COMPRESSION_ERROR], frame(HEADERS, 5, 1, block))

for text, other in [
    ("PRIORITY", frame(PRIORITY, 0, 1, number(0) + b"\0")),
    ("HEADERS of another stream", frame(HEADERS, 5, 3, b"\x82\x86\x84\x01\x01a")),
    ("DATA", frame(DATA, 0, 1, b"x")),
    ("PING", frame(PING, 0, 0, PROBE)),
    ("a frame of an unknown kind", frame(0xbb, 0, 1, b"what?")),
    ("CONTINUATION of another stream", frame(CONTINUATION, 4, 3, b"\x01\x01a")),
]:
    wrong_frame("4.3", f"{text} within a block", [PROTOCOL_ERROR],
                frame(HEADERS, 1, 1, b"\x82\x86\x84"), other)


# 5: streams.

for text, kind, payload in [
    ("DATA", DATA, b"x"),
    ("RST_STREAM", RST_STREAM, number(CANCEL)),
    ("WINDOW_UPDATE", WINDOW_UPDATE, number(1)),
    ("CONTINUATION", CONTINUATION, b"\x82"),
]:
    wrong_frame("5.1", f"{text} on an idle stream", [PROTOCOL_ERROR], frame(kind, 0, 5, payload))
harmless("5.1", "PRIORITY on an idle stream", frame(PRIORITY, 0, 5, number(0) + b"\0"))


def after_request(section, text, codes, *frames, ended=False, is_ignored=False):
    """Frames on a stream whose request is whole, while it is answered or after that. On a closed
    stream they may be ignored."""
    def run(peer):
        # Nothing of the answer's body may come, so that it is under way.
        peer.ask(1, get("/hello.txt" if ended else "/large.bin"))
        if ended:
            peer.until(lambda: 1 in peer.done)
        peer.asked(*frames)
        if codes is None or (is_ignored and peer.goaway is None):
            return peer.lives()
        return peer.judge(codes, peer.goaway, peer.resets.get(1))
    case(section, text)(run)


BLOCK = b"\x82\x86\x84\x01\x01a"
after_request("5.1", "DATA after END_STREAM", [STREAM_CLOSED], frame(DATA, 1, 1, b"x"))
after_request("5.1", "HEADERS after END_STREAM", [STREAM_CLOSED], frame(HEADERS, 5, 1, BLOCK))
after_request("5.1", "CONTINUATION after END_STREAM", [STREAM_CLOSED, PROTOCOL_ERROR],
              frame(CONTINUATION, 4, 1, BLOCK))
after_request("5.1", "WINDOW_UPDATE after END_STREAM", None, frame(WINDOW_UPDATE, 0, 1, number(1)))
after_request("5.1", "PRIORITY after END_STREAM", None, frame(PRIORITY, 0, 1, number(0) + b"\0"))
after_request("5.1", "RST_STREAM after END_STREAM", None, frame(RST_STREAM, 0, 1, number(CANCEL)))
RESET = frame(RST_STREAM, 0, 1, number(CANCEL))
after_request("5.1", "DATA after RST_STREAM", [STREAM_CLOSED], RESET, frame(DATA, 1, 1, b"x"),
              is_ignored=True)
after_request("5.1", "HEADERS after RST_STREAM", [STREAM_CLOSED],
              RESET, frame(HEADERS, 5, 1, BLOCK))
after_request("5.1", "DATA on a closed stream", [STREAM_CLOSED, PROTOCOL_ERROR],
              frame(DATA, 1, 1, b"x"), ended=True, is_ignored=True)
after_request("5.1", "HEADERS on a closed stream", [STREAM_CLOSED, PROTOCOL_ERROR],
              frame(HEADERS, 5, 1, BLOCK), ended=True)
after_request("5.1", "WINDOW_UPDATE on a closed stream", None,
              frame(WINDOW_UPDATE, 0, 1, number(1)), ended=True)
after_request("5.1", "RST_STREAM on a closed stream", None, RESET, ended=True)
after_request("5.1", "PRIORITY on a closed stream", None,
              frame(PRIORITY, 0, 1, number(0) + b"\0"), ended=True)

wrong_frame("5.1.1", "a stream of an even number", [PROTOCOL_ERROR], frame(HEADERS, 5, 2, BLOCK))


@case("5.1.1", "a stream with a smaller number than the last")
def _(peer):
    peer.ask(5)
    peer.until(lambda: 5 in peer.done)
    peer.ask(3)
    return peer.ends(PROTOCOL_ERROR, STREAM_CLOSED)


@case("5.1.1", "numbers may be left out")
def _(peer):
    peer.ask(101)
    return peer.answers(101, 200) or peer.lives()


@case("5.1.2", "one stream more than allowed")
def _(peer):
    peer.send(frame(SETTINGS, 0, 0, setting(4, 0)))
    peer.until(lambda: peer.settings)
    many = peer.settings[3]
    for index in range(many + 1):
        peer.ask(2 * index + 1, get("/large.bin"))
    return peer.resets_stream(2 * many + 1, REFUSED_STREAM, PROTOCOL_ERROR)


# 6: kinds of frames.

for kind, text, payload in [
    (DATA, "DATA", b"x"), (HEADERS, "HEADERS", BLOCK), (PRIORITY, "PRIORITY", bytes(5)),
    (RST_STREAM, "RST_STREAM", number(8)), (CONTINUATION, "CONTINUATION", BLOCK),
]:
    wrong_frame("6", f"{text} on the stream 0", [PROTOCOL_ERROR], frame(kind, 4, 0, payload))
for kind, text, payload in [
    (SETTINGS, "SETTINGS", b""), (PING, "PING", PROBE), (GOAWAY, "GOAWAY", bytes(8)),
]:
    wrong_frame("6", f"{text} on a stream", [PROTOCOL_ERROR], frame(kind, 0, 1, payload))
for kind, text, payload, stream in [
    (RST_STREAM, "RST_STREAM of 3 bytes", bytes(3), 1), (SETTINGS, "SETTINGS of 5", bytes(5), 0),
    (PING, "PING of 7", bytes(7), 0), (PING, "PING of 9", bytes(9), 0),
    (WINDOW_UPDATE, "WINDOW_UPDATE of 3", bytes(3), 0), (GOAWAY, "GOAWAY of 7", bytes(7), 0),
]:
    wrong_frame("6", text, [FRAME_SIZE_ERROR], frame(kind, 0, stream, payload))


@case("6.1", "padding as long as the frame")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, END_STREAM | PADDED, 1, b"\x05abcd"))
    return peer.ends(PROTOCOL_ERROR)


@case("6.1", "DATA with padding")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, END_STREAM | PADDED, 1, b"\x02abcd\0\0"))
    return peer.answers(1, 201, 204) or peer.lives()


wrong_frame("6.2", "HEADERS with padding as long as the frame", [PROTOCOL_ERROR],
            frame(HEADERS, 5 | PADDED, 1, b"\x20" + BLOCK))


@case("6.2", "HEADERS with padding and priority")
def _(peer):
    priority = number(0) + b"\x10"
    peer.ask(1, None, 5 | PADDED | WITH_PRIORITY, b"\x03" + priority, bytes(3))
    return peer.answers(1, 200) or peer.lives()


@case("6.3", "PRIORITY of 4 bytes")
def _(peer):
    peer.ask(1, get("/large.bin"))
    peer.asked(frame(PRIORITY, 0, 1, bytes(4)))
    return peer.judge([FRAME_SIZE_ERROR], peer.goaway, peer.resets.get(1))


wrong_frame("6.5", "SETTINGS with ACK and a payload", [FRAME_SIZE_ERROR],
            frame(SETTINGS, ACK, 0, bytes(6)))
for text, identifier, value, code in [
    ("ENABLE_PUSH of 2", 2, 2, PROTOCOL_ERROR),
    ("INITIAL_WINDOW_SIZE of 2^31", 4, 1 << 31, FLOW_CONTROL_ERROR),
    ("MAX_FRAME_SIZE of 2^14 - 1", 5, (1 << 14) - 1, PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE of 2^24", 5, 1 << 24, PROTOCOL_ERROR),
]:
    wrong_frame("6.5.2", text, [code], frame(SETTINGS, 0, 0, setting(identifier, value)))
harmless("6.5.2", "an unknown setting", frame(SETTINGS, 0, 0, setting(0xff, 1)))


@case("6.5.3", "each SETTINGS is acknowledged")
def _(peer):
    peer.send(*[frame(SETTINGS, 0, 0, setting(4, 65535))] * 3)
    peer.until(lambda: peer.acks == 4)
    return peer.lives()


@case("6.5.2", "a table of 0 bytes for fields")
def _(peer):
    peer.send(frame(SETTINGS, 0, 0, setting(1, 0)))
    peer.until(lambda: peer.acks == 2)
    peer.decoder.max_allowed_table_size = 0
    for stream in (1, 3):
        peer.ask(stream)
        if wrong := peer.answers(stream, 200):
            return wrong
    return None


wrong_frame("6.6", "PUSH_PROMISE by a client", [PROTOCOL_ERROR],
            frame(PUSH_PROMISE, 4, 1, number(2) + BLOCK))


@case("6.7", "an answer to a PING that nobody sent is not answered")
def _(peer):
    peer.send(frame(PING, ACK, 0, b"surprise"))
    wrong = peer.lives()
    return wrong or (b"surprise" in peer.pongs or None)


@case("6.8", "what was asked for before GOAWAY is answered")
def _(peer):
    peer.ask(1)
    peer.send(frame(GOAWAY, 0, 0, bytes(8)))
    return peer.answers(1, 200)


wrong_frame("6.9", "a window of 0 more for the connection", [PROTOCOL_ERROR],
            frame(WINDOW_UPDATE, 0, 0, number(0)))


def on_large(section, text, codes, *frames):
    """Frames on a stream whose answer is under way: a stream error."""
    def run(peer):
        peer.ask(1, get("/large.bin"))
        peer.send(*frames)
        return peer.resets_stream(1, *codes)
    case(section, text)(run)


on_large("6.9", "a window of 0 more for a stream", [PROTOCOL_ERROR],
         frame(WINDOW_UPDATE, 0, 1, number(0)))
on_large("6.9.1", "a stream's window beyond 2^31 - 1", [FLOW_CONTROL_ERROR],
         *[frame(WINDOW_UPDATE, 0, 1, number((1 << 31) - 1))] * 2)
wrong_frame("6.9.1", "the connection's window beyond 2^31 - 1", [FLOW_CONTROL_ERROR],
            *[frame(WINDOW_UPDATE, 0, 0, number((1 << 31) - 1))] * 2)


@case("6.9.1", "no more comes than the window takes")
def _(peer):
    peer.send(frame(SETTINGS, 0, 0, setting(4, 3)))
    peer.ask(1)
    peer.until(lambda: len(peer.bodies.get(1, b"")) >= 3)
    peer.send(frame(PING, 0, 0, PROBE))
    peer.until(lambda: PROBE in peer.pongs)
    if peer.bodies[1] != b"hel":
        return f"{peer.bodies[1]} came"
    peer.send(frame(WINDOW_UPDATE, 0, 1, number(100)))
    return peer.answers(1, 200) or (peer.bodies[1] != b"hello, world\n" or None)


@case("6.9.2", "a window that SETTINGS makes negative")
def _(peer):
    peer.ask(1, get("/large.bin"))
    peer.until(lambda: len(peer.bodies.get(1, b"")) == 65535)
    peer.send(frame(SETTINGS, 0, 0, setting(4, 0)), frame(WINDOW_UPDATE, 0, 0, number(1 << 20)))
    peer.send(frame(WINDOW_UPDATE, 0, 1, number(65535)), frame(PING, 0, 0, PROBE))
    peer.until(lambda: PROBE in peer.pongs)
    if len(peer.bodies[1]) != 65535:
        return f"{len(peer.bodies[1])} bytes came"
    peer.send(frame(WINDOW_UPDATE, 0, 1, number(1 << 20)))
    return peer.answers(1, 200) or (len(peer.bodies[1]) != 300_000 or None)


@case("6.9.2", "SETTINGS with a window that overflows one")
def _(peer):
    peer.ask(1, get("/large.bin"))
    peer.send(frame(WINDOW_UPDATE, 0, 1, number((1 << 31) - 1 - 65535)))
    peer.send(frame(SETTINGS, 0, 0, setting(4, (1 << 31) - 1)))
    return peer.ends(FLOW_CONTROL_ERROR)


@case("6.10", "a block in many frames")
def _(peer):
    block = peer.block(get())
    peer.send(frame(HEADERS, END_STREAM, 1, b""))
    peer.send(*[frame(CONTINUATION, 0, 1, block[at:at + 8]) for at in range(0, len(block), 8)])
    peer.send(frame(CONTINUATION, END_HEADERS, 1, b""))
    return peer.answers(1, 200) or peer.lives()


@case("6.10", "CONTINUATION after DATA")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, 0, 1, b"x"), frame(CONTINUATION, 4, 1, BLOCK))
    return peer.ends(PROTOCOL_ERROR)


# 8: requests.

@case("8.1", "trailers")
def _(peer):
    peer.ask(1, get("/up", method="PUT"), END_HEADERS)
    peer.send(frame(DATA, 0, 1, b"x"))
    peer.ask(1, [("x-sum", "1")])
    return peer.answers(1, 201, 204) or peer.lives()


def in_body(section, text, *later, length=None):
    """A POST whose body, or what comes after it, is wrong."""
    def run(peer):
        more = [] if length is None else [("content-length", str(length))]
        peer.ask(1, get("/up", *more, method="PUT"), END_HEADERS)
        for data, fields, flags in later:
            if data is not None:
                peer.send(frame(DATA, flags, 1, data))
            if fields is not None:
                peer.ask(1, fields, END_HEADERS | flags)
        wrong = peer.resets_stream(1, PROTOCOL_ERROR)
        return wrong or (peer.goaway is None and peer.lives()) or None
    case(section, text)(run)


in_body("8.1", "a second head without an end", (b"x", None, 0), (None, [("x", "1")], 0))
in_body("8.1", "pseudo-fields in trailers", (b"x", None, 0), (None, [(":method", "GET")], 1))
in_body("8.1.1", "less than Content-Length says", (b"x", None, 1), length=2)
in_body("8.1.1", "more than Content-Length says", (b"xyz", None, 1), length=2)
in_body("8.1.1", "more than Content-Length says, in two frames",
        (b"x", None, 0), (b"yz", None, 1), length=2)
malformed("8.1.1", "a length, and no body", get("/hello.txt", ("content-length", "5")))
malformed("8.1.1", "two lengths", get("/x", ("content-length", "0"), ("content-length", "1")))
malformed("8.1.1", "a length that is none", get("/x", ("content-length", "+0")))

malformed("8.2", "a name in capitals", get("/hello.txt", ("X-Test", "1")))
malformed("8.2.1", "a space in a name", get("/hello.txt", ("x test", "1")))
malformed("8.2.1", "a colon in a name", get("/hello.txt", ("x:test", "1")))
malformed("8.2.1", "an empty name", get("/hello.txt", ("", "1")))
malformed("8.2.1", "NUL in a value", get("/hello.txt", ("x", "a\0b")))
malformed("8.2.1", "LF in a value", get("/hello.txt", ("x", "a\nb")))
malformed("8.2.1", "CR in a value", get("/hello.txt", ("x", "a\rb")))
for name, value in [("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "x"),
                    ("transfer-encoding", "chunked"), ("upgrade", "x"), ("te", "gzip")]:
    malformed("8.2.2", f"{name}: {value}", get("/hello.txt", (name, value)))


@case("8.2.2", "te: trailers")
def _(peer):
    peer.ask(1, get("/hello.txt", ("te", "trailers")))
    return peer.answers(1, 200)


@case("8.2.3", "a cookie in pieces")
def _(peer):
    peer.ask(1, get("/hello.txt", ("cookie", "a=1"), ("cookie", "b=2")))
    return peer.answers(1, 200)


FIELDS = dict(get())
malformed("8.3", "a pseudo-field after others", [("x", "1"), *get()])
malformed("8.3", "an unknown pseudo-field", get("/hello.txt", (":test", "1")))
malformed("8.3", "a pseudo-field of answers", get("/hello.txt", (":status", "200")))
for name in FIELDS:
    malformed("8.3.1", f"{name} twice", [*get(), (name, FIELDS[name])])
    if name != ":authority":
        rest = [pair for pair in get() if pair[0] != name]
        malformed("8.3.1", f"no {name}", rest)
malformed("8.3.1", "an empty :path", get(""))
malformed("8.3.1", ":path without its slash", get("hello.txt"))
malformed("8.3.1", "* for GET", get("*"))
malformed("8.3.1", "no :authority and no Host", get()[:3])
malformed("8.3.1", "another Host than :authority", get("/hello.txt", ("host", "b")))
malformed("8.3.1", "two Hosts", [*get()[:3], ("host", "a"), ("host", "a")])
malformed("8.3.1", "a name in :authority", [*get()[:3], (":authority", "me@a")])
malformed("8.5", "CONNECT with a scheme and a path", get("/", method="CONNECT"))


@case("8.3.1", "Host without :authority")
def _(peer):
    peer.ask(1, [*get()[:3], ("host", "a")])
    return peer.answers(1, 200)


@case("8.3.1", "* for OPTIONS")
def _(peer):
    peer.ask(1, get("*", method="OPTIONS"))
    return peer.answers(1, 200)


@case("8.5", "CONNECT")
def _(peer):
    peer.ask(1, [(":method", "CONNECT"), (":authority", "a:1")])
    return peer.answers(1, 400, 405, 501)


@case("8.7", "a request after a malformed one")
def _(peer):
    peer.ask(1, get("/hello.txt", ("te", "gzip")))
    peer.ask(3)
    return peer.answers(3, 200)
