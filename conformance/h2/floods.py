"""Peers that ask for work which costs them little: the connection ends, or goes on, as said here,
somebody else is served meanwhile, and the server's memory stays bounded."""

from peer import *

FLOODS = []


def flood(text, ends, codes=(ENHANCE_YOUR_CALM,)):
    """Keeps a flood: `ends` says whether it has to end the connection, with one of the codes."""
    def keep(function):
        FLOODS.append((text, ends, codes, function))
        return function
    return keep


def in_pieces(peer, bytes_, size=1 << 18):
    for at in range(0, len(bytes_), size):
        peer.send(bytes_[at:at + size])


@flood("CONTINUATION without an end (CVE-2024-27316)", True)
def _(peer):
    peer.send(frame(HEADERS, END_STREAM, 1, peer.block(get())))
    field = b"\x10\x01x\x7f\xc1\x3d" + b"a" * 8000
    in_pieces(peer, frame(CONTINUATION, 0, 1, field) * 4000)


@flood("empty CONTINUATION without an end", True)
def _(peer):
    peer.send(frame(HEADERS, END_STREAM, 1, peer.block(get())))
    in_pieces(peer, frame(CONTINUATION, 0, 1) * 200_000)


@flood("requests that are reset at once (CVE-2023-44487)", True)
def _(peer):
    block = peer.block(get("/large.bin"))
    peer.encoder = None
    second = b"\x82\x86\x84\x01\x01a"
    frames = [frame(HEADERS, 5, 1, block), frame(RST_STREAM, 0, 1, number(CANCEL))]
    for stream in range(3, 40_000, 2):
        frames += [frame(HEADERS, 5, stream, second), frame(RST_STREAM, 0, stream, number(CANCEL))]
    in_pieces(peer, b"".join(frames))


@flood("requests that we reset for a mistake (CVE-2025-8671)", True)
def _(peer):
    block = b"\x82\x86\x84\x01\x01a\x00\x02te\x04gzip"
    in_pieces(peer, b"".join(frame(HEADERS, 5, stream, block) for stream in range(1, 20_000, 2)))


@flood("PING (CVE-2019-9512), answers read", False)
def _(peer):
    for _ in range(200):
        peer.send(frame(PING, 0, 0, bytes(8)) * 500)
        goal = len(peer.pongs) + 500
        if not peer.until(lambda: len(peer.pongs) >= goal):
            return


@flood("SETTINGS (CVE-2019-9515), answers read", False)
def _(peer):
    for _ in range(200):
        peer.send(frame(SETTINGS, 0, 0, setting(4, 65535)) * 200)
        goal = peer.acks + 200
        if not peer.until(lambda: peer.acks >= goal):
            return


@flood("PRIORITY (CVE-2019-9513)", False)
def _(peer):
    in_pieces(peer, b"".join(frame(PRIORITY, 0, 2 * (at % 5000) + 1, number(0) + b"\x01")
                             for at in range(200_000)))


@flood("WINDOW_UPDATE of 1", False)
def _(peer):
    in_pieces(peer, frame(WINDOW_UPDATE, 0, 0, number(1)) * 200_000)


@flood("frames of an unknown kind", False)
def _(peer):
    in_pieces(peer, frame(0xbb, 0, 0, bytes(16384)) * 2000)


@flood("one field of the table, again and again (HPACK bomb)", True)
def _(peer):
    peer.send(frame(HEADERS, 5, 1, b"\x82\x86\x84\x01\x01a" + b"\x40\x01x\x7f\xa1\x1e" +
                    b"b" * 4000))
    for stream in range(3, 200, 2):
        peer.send(frame(HEADERS, 5, stream, b"\x82\x86\x84\x01\x01a" + b"\xbe" * 16000))
        peer.until(lambda: stream in peer.done or stream in peer.resets)
        if peer.goaway is not None:
            return


@flood("a hundred large files without a window", False)
def _(peer):
    peer.send(frame(SETTINGS, 0, 0, setting(4, 0)))
    for stream in range(1, 200, 2):
        peer.ask(stream, get("/large.bin"))
    peer.until(lambda: len(peer.status) == 100)
    for stream in range(1, 200, 2):
        peer.send(frame(RST_STREAM, 0, stream, number(CANCEL)))
    peer.send(frame(SETTINGS, 0, 0, setting(4, 65535)))
