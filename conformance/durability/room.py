"""A server, and who talks in it: plain lines, and a page's WebSocket (RFC 6455, by hand)."""

import base64
import json
import os
import select
import socket
import subprocess
import time

HANG = 120


class Room:
    """A server with its data in a folder; `page`: a hub, which has a page beside the room."""

    def __init__(self, data, *flags, page=False, under=()):
        self.data = data
        kept = ["--data", str(data)]
        if page:
            share = data.parent / "share"
            share.mkdir(exist_ok=True)
            command = ["up", "--only", "files,chat", "-b", "127.0.0.1:0", "--chat-listen",
                       "127.0.0.1:0", "--no-qr", str(share)]
        else:
            command = ["chat", "serve", "-b", "127.0.0.1:0"]
        table = {"DATA": str(data), "FLOOD": "off"}
        for flag, value in zip(flags[::2], flags[1::2]):
            table[flag.removeprefix("--").upper()] = value
        env = {**os.environ, **{f"SOCKEYE_CHAT_SERVE_{key}": value for key, value in table.items()}}
        self.process = subprocess.Popen(
            [*under, os.environ["SOCKEYE"], *command], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=env)
        self.pid = self.process.pid
        self.under = under
        self.page = self.ready("http") if page else None
        self.chat = self.ready("chat")

    def ready(self, what):
        line = self.process.stdout.readline()
        if not line.startswith(f"listening {what} "):
            raise SystemExit(f"not ready: {line!r}, {self.process.wait()}")
        place = line.split()[2].removeprefix("http://").rstrip("/")
        host, port = place.rsplit(":", 1)
        return host, int(port)

    def server(self):
        """The server's own number, where it runs under another program."""
        if not self.under:
            return self.pid
        path = f"/proc/{self.pid}/task/{self.pid}/children"
        return int(open(path).read().split()[0])

    def kill(self):
        os.kill(self.server(), 9)
        self.process.wait(HANG)

    def stop(self):
        os.kill(self.server(), 15)
        return self.process.wait(HANG)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.kill(self.server(), 9)
            self.process.wait(HANG)
        self.process.stdout.close()


class Plain:
    """Somebody with `nc`."""

    def __init__(self, place):
        self.socket = socket.create_connection(place, timeout=HANG)
        self.lines = self.socket.makefile("rb")
        self.until("* you are ")

    def send(self, text):
        self.socket.sendall(text.encode())

    def until(self, text):
        seen = []
        while not seen or text not in seen[-1]:
            line = self.lines.readline().decode()
            if not line:
                raise SystemExit(f"ended without {text!r}: {seen[-3:]}")
            seen.append(line.rstrip("\n"))
        return seen

    def hear(self, count):
        heard = 0
        while heard < count:
            heard += self.lines.readline().startswith(b"<")


class Page:
    """The page's WebSocket: what it says comes back with its place in the log."""

    def __init__(self, place):
        self.socket = socket.create_connection(place, timeout=HANG)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        host = f"{place[0]}:{place[1]}"
        self.socket.sendall(
            f"GET /~chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: sockeye.1\r\nOrigin: http://{host}\r\n\r\n".encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.bytes += self.socket.recv(1 << 16) or exit(f"refused: {self.bytes}")
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise SystemExit(f"refused: {head}")
        self.waiting = b""
        here = self.frame()
        while here["type"] != "welcome":
            here = self.frame()
        self.earlier = [self.frame() for _ in range(here["earlier"])]

    def say(self, texts):
        """Queues lines; they go out while echoes are read."""
        frames = bytearray()
        for text in texts:
            body = text.encode()
            frames += bytes([0x81, 0x80 | len(body)]) + bytes(4) + body
        self.waiting += bytes(frames)

    def frame(self):
        """The next message; `None` at the end."""
        while True:
            found = self.cut()
            if found is not None:
                return json.loads(found)
            if not self.move():
                return None

    def cut(self):
        if len(self.bytes) < 2:
            return None
        length, start = self.bytes[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(self.bytes[2:4]), 4
        elif length == 127:
            length, start = int.from_bytes(self.bytes[2:10]), 10
        if len(self.bytes) < start + length:
            return None
        kind, body = self.bytes[0] & 0x0F, self.bytes[start:start + length]
        self.bytes = self.bytes[start + length:]
        return body if kind == 1 else self.cut()

    def move(self):
        """Sends and receives what is possible; whether the server is still there."""
        readable, writable, _ = select.select(
            [self.socket], [self.socket] if self.waiting else [], [], HANG)
        try:
            if writable:
                count = self.socket.send(self.waiting[:1 << 14])
                self.waiting = self.waiting[count:]
            if readable:
                more = self.socket.recv(1 << 16)
                self.bytes += more
                return bool(more)
        except OSError:
            return False
        return bool(readable or writable)

    def echoes(self, until=None):
        """The places and texts of what comes back, so many or all."""
        found = []
        while until is None or len(found) < until:
            frame = self.frame()
            if frame is None:
                break
            if frame["type"] == "message":
                found.append((frame["id"], frame["text"]))
        return found


def exported(data):
    """What is kept of what was said."""
    command = [os.environ["SOCKEYE"], "chat", "export", "#lobby", "--format", "jsonl",
               "--data", str(data)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = map(json.loads, said.splitlines())
    return [entry for entry in entries if entry["event"]["kind"] == "said"]
