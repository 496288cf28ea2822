"""Many clients in one thread, and what becomes of their requests."""

import collections
import contextlib
import multiprocessing
import resource
import selectors
import signal
import socket
import time

PATIENCE = 120


def raise_descriptors(count):
    """As many as there may be connections here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def request(path, last=False):
    close = "Connection: close\r\n" if last else ""
    return f"GET /{path} HTTP/1.1\r\nHost: a\r\n{close}\r\n".encode()


def connect(port, timeout=PATIENCE):
    stream = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def fetch(port, path):
    """The body of one answer, nothing where it is not 200."""
    with connect(port) as stream:
        stream.sendall(request(path, last=True))
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if head.startswith(b"HTTP/1.1 200 ") else None


class Asker:
    """One connection that asks for a file again and again."""

    def __init__(self, port, path, body):
        self.stream, self.path, self.body = connect(port), path, body
        self.stream.setblocking(False)
        self.waits = False
        self.answer = bytearray()
        self.says_close = False

    def ask(self):
        self.answer.clear()
        self.stream.send(request(self.path))
        self.waits = True

    def take(self):
        """Reads; gives what came of it: nothing yet, or a word for the tally."""
        try:
            bytes_ = self.stream.recv(1 << 18)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return "reset" if self.waits else "closed"
        if not bytes_:
            return "cut" if self.waits else "closed"
        self.answer += bytes_
        end = self.answer.find(b"\r\n\r\n")
        if end < 0 or len(self.answer) < end + 4 + len(self.body):
            return None
        self.waits = False
        self.says_close = b"connection: close" in self.answer[:end].lower()
        good = self.answer.startswith(b"HTTP/1.1 200 ") and self.answer[end + 4:] == self.body
        return "whole" if good else "wrong"


def shutdown_under_load(server, bodies, connections=256, seconds=3):
    """Asks on many connections, sends the SIGTERM in the midst of it, and from then on asks for
    nothing more: what was asked for has to come whole."""
    selector = selectors.DefaultSelector()
    paths = list(bodies)
    askers = [Asker(server.port, path, bodies[path])
              for path in (paths * connections)[:connections]]
    for asker in askers:
        selector.register(asker.stream, selectors.EVENT_READ, asker)
        asker.ask()
    tally = collections.Counter({"cut": 0, "reset": 0, "wrong": 0})
    started, stopped = time.monotonic(), False
    while selector.get_map():
        if not stopped and time.monotonic() - started > seconds:
            stopped = True
            server.signal(signal.SIGTERM)
            tally["asked at the SIGTERM"] = sum(asker.waits for asker in askers)
        ready = selector.select(PATIENCE)
        if not ready:
            tally["waits for ever"] += sum(asker.waits for asker in askers)
            break
        for key, _ in ready:
            asker = key.data
            word = asker.take()
            if word is None:
                continue
            if word == "whole" and not stopped:
                tally["whole before"] += 1
                asker.ask()
                continue
            tally["whole after the SIGTERM" if word == "whole" else word] += 1
            if word != "whole" or asker.says_close:
                selector.unregister(asker.stream)
                asker.stream.close()
    return dict(tally)


def late_requests(server, body, connections):
    """Connects, sends the SIGTERM, and only then the requests."""
    streams = [connect(server.port) for _ in range(connections)]
    server.signal(signal.SIGTERM)
    tally = collections.Counter()
    for stream in streams:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.sendall(request("1k"))
    for stream in streams:
        try:
            answer = b"".join(iter(lambda: stream.recv(65536), b""))
            head, _, got = answer.partition(b"\r\n\r\n")
            whole = head.startswith(b"HTTP/1.1 200 ") and got == body
            tally["whole" if whole else f"not whole: {head[:40]!r}"] += 1
        except ConnectionResetError:
            tally["reset"] += 1
        stream.close()
    return dict(tally)


def open_many(port, count, queue):
    """Opens connections, asks once on each, holds what is answered with 200 until the end."""
    raise_descriptors(25_000)
    tally, held = collections.Counter(), []
    for _ in range(count):
        try:
            stream = connect(port)
            stream.sendall(request("1k"))
            start = stream.recv(12)
            word = start[9:12].decode() if start.startswith(b"HTTP/1.1 ") else "closed"
        except (ConnectionResetError, BrokenPipeError):
            word = "closed"
        except TimeoutError:
            word = "waits for ever"
        tally[word] += 1
        held.append(stream) if word == "200" else stream.close()
    queue.put(dict(tally))


def too_many(server, processes, each):
    """Several processes that open connections at once; the sum of what came of them."""
    queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=open_many, args=(server.port, each, queue))
               for _ in range(processes)]
    for worker in workers:
        worker.start()
    total = collections.Counter()
    for _ in workers:
        total += collections.Counter(queue.get())
    for worker in workers:
        worker.join()
    return dict(total)


@contextlib.contextmanager
def idle(server, count):
    """Connections that have asked once and stay open; gives how many the server holds."""
    streams = []
    try:
        for _ in range(count):
            stream = connect(server.port)
            streams.append(stream)
            stream.sendall(request("1k"))
            left = 1024
            answer = b""
            while b"\r\n\r\n" not in answer or left > 0:
                got = stream.recv(65536)
                if not got:
                    break
                answer += got
                head, mark, body = answer.partition(b"\r\n\r\n")
                left = 1024 - len(body) if mark else 1024
        yield sum(is_open(stream) for stream in streams)
    finally:
        for stream in streams:
            stream.close()


def is_open(stream):
    stream.setblocking(False)
    try:
        return stream.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
