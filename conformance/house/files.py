"""`sockeye serve`: fetched with curl, attacked with raw sockets."""

import contextlib
import os
import pathlib
import socket
import subprocess
import threading

from kit import (
    WAIT, case, check, clean_env, connect, equal, folder, receive_all, run, sockeye,
)

SECRET = b"the-secret-outside-of-the-root"
GIB = 1 << 30


@contextlib.contextmanager
def served(root, *flags, **options):
    """A server of `root`: its port."""
    with sockeye("serve", "-b", "127.0.0.1:0", *flags, root, **options) as server:
        yield server.ready("http"), server
        ended_by_us = server.child.returncode is not None
        check(ended_by_us or server.child.poll() is None, "the server ended:", server.text())


def curl(*args, wait=WAIT):
    code, out = run("curl", "-sS", "--max-time", str(int(wait)), *args, wait=wait + 5)
    check(code == 0, f"curl {args} ended with {code}: {out[-300:]!r}")
    return out


def ask(port, raw, wait=10):
    """Sends raw bytes, gives the whole answer (to the end of the stream)."""
    with connect(port, wait) as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        return receive_all(client, wait)


def get(port, target, wait=10):
    if isinstance(target, str):
        target = target.encode()
    return ask(port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", wait)


def status(answer):
    parts = answer.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[0].startswith(b"HTTP/") else None


@case
def curl_fetches_1_gib_byte_identical():
    """1 GiB by curl is the same, byte by byte, and the server stays under 64 MiB."""
    with folder() as root:
        block = os.urandom(1 << 20)
        with open(root / "big", "wb") as file:
            for number in range(1024):
                file.write(number.to_bytes(8, "big") + block[8:])
        with served(root) as (port, server):
            fetch = subprocess.Popen(
                ["curl", "-sS", "--max-time", "120", f"http://127.0.0.1:{port}/big"],
                stdout=subprocess.PIPE, env=clean_env(),
            )
            same = subprocess.run(["cmp", "-", root / "big"], stdin=fetch.stdout, timeout=130)
            equal((fetch.wait(), same.returncode), (0, 0), "curl and cmp")
            equal(server.stop(), 0)
            check(1024 < server.peak_kib < 64 * 1024, f"{server.peak_kib} KiB at the peak")
            return f"peak {server.peak_kib / 1024:.1f} MiB"


@case
def curl_fetches_ranges():
    """First, middle, last and open ranges are right; one beyond the end is 416."""
    with folder() as root:
        data = os.urandom(1_000_003)
        (root / "f.bin").write_bytes(data)
        with served(root) as (port, _):
            url = f"http://127.0.0.1:{port}/f.bin"
            size = len(data)
            for text, first, last in (
                ("0-0", 0, 0), ("500000-500099", 500_000, 500_099),
                ("1000000-", 1_000_000, size - 1), ("-10", size - 10, size - 1),
                ("999990-2000000", 999_990, size - 1),
            ):
                out = curl("-i", "-r", text, url)
                head, body = out.split(b"\r\n\r\n", 1)
                equal(status(head), 206, text)
                equal(body, data[first:last + 1], text)
                named = f"content-range: bytes {first}-{last}/{size}".encode()
                check(named in head.lower(), text, head)
            head = curl("-i", "-r", "1000003-", url).split(b"\r\n\r\n", 1)[0]
            equal(status(head), 416)
            check(f"content-range: bytes */{size}".encode() in head.lower(), head)


@case
def curl_is_told_304():
    """The ETag and the date of an answer give 304 without a body, until the file changes."""
    with folder() as root:
        file = root / "a.txt"
        file.write_text("one")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        with served(root) as (port, _):
            url = f"http://127.0.0.1:{port}/a.txt"
            head = curl("-i", url).split(b"\r\n\r\n")[0]
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
            fields = {name.lower(): value for name, value in fields.items()}
            conditions = (
                b"If-None-Match: " + fields[b"etag"],
                b"If-None-Match: \"other\", " + fields[b"etag"],
                b"If-Modified-Since: " + fields[b"last-modified"],
            )
            for condition in conditions:
                out = curl("-i", "-H", condition.decode(), url)
                equal((status(out), out.split(b"\r\n\r\n", 1)[1]), (304, b""), condition)
            file.write_text("two")
            for condition in conditions:
                out = curl("-i", "-H", condition.decode(), url)
                equal((status(out), out.split(b"\r\n\r\n", 1)[1]), (200, b"two"), condition)


@case
def head_and_wrong_methods():
    """HEAD is GET without its body; other methods are 405 with Allow."""
    with folder() as root:
        (root / "a.txt").write_text("four")
        with served(root) as (port, _):
            asked = b" /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            head, body = ask(port, b"HEAD" + asked).split(b"\r\n\r\n", 1)
            equal((status(head), body), (200, b""))
            check(b"content-length: 4" in head.lower(), head)
            for method in (b"DELETE", b"POST", b"PATCH", b"BREW"):
                answer = ask(port, method + asked)
                check(status(answer) in (405, 501), method, answer[:200])
                if status(answer) == 405:
                    check(b"\r\nallow:" in answer.lower(), method, answer[:300])
            equal((root / "a.txt").read_text(), "four")


def bait(base):
    """A root with every way out that a file system has, and what must not be seen through it."""
    root = base / "root"
    (root / "sub").mkdir(parents=True)
    (base / "secret").write_bytes(SECRET)
    (base / "rooted").mkdir()
    (base / "rooted" / "secret").write_bytes(SECRET)
    (root / "hello.txt").write_text("hello")
    (root / ".hidden").write_bytes(SECRET)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(SECRET)
    for name, target in (
        ("passwd", "/etc/passwd"), ("etc", "/etc"), ("rel", "../secret"), ("up", ".."),
        ("chain", "rel"), ("sub/deep", "../../secret"), ("magic", "/proc/self/root"),
        ("cwd", "/proc/self/cwd"), ("loop", "loop"), ("abs", str(base / "secret")),
    ):
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as name:
        name.bind(str(root / "sock"))
    return root


TARGETS = [
    "/../../etc/passwd", "//etc/passwd", "///etc/passwd", "/%2e%2e/secret", "/..%2fsecret",
    "/../secret", "/%2e%2e%2fsecret", "/%2E%2E%2Fsecret", "/.%2e/secret", "/%2e./secret",
    "/%252e%252e/secret", "/%252e%252e%252fsecret", "/..%252fsecret", "/..\\secret",
    "/..%5csecret", "/%5c..%5c..%5csecret", "/sub/../../secret", "/sub/%2e%2e/%2e%2e/secret",
    "/./../secret", "/sub/./.././../secret", "/....//secret", "/.../secret", "/..;/secret",
    "/;/../secret", "/..%c0%afsecret", "/%c0%ae%c0%ae/secret", "/%e0%80%ae%e0%80%ae/secret",
    "/%uff0e%uff0e/secret", "/?/../../secret", "/#/../../secret", "/%3f/../../secret",
    "/../rooted/secret", "/../root/../secret", "../secret", "secret", "..", "*", "/..", "/../",
    "/%00", "/hello.txt%00", "/hello.txt%00.png", "/%00/../secret", "/..%00/secret",
    b"/hello\x00.txt", b"/../\x00secret", b"/\xff\xfe/../../secret", "/%", "/%2", "/%zz/../secret",
    "http://x/../../etc/passwd", "http://x/%2e%2e/secret", "http:///../secret",
    "file:///etc/passwd", "/file:///etc/passwd", "//x/../../etc/passwd", "/passwd", "/passwd/",
    "/etc/passwd", "/etc/", "/etc", "/rel", "/up/secret", "/up/", "/up/rooted/secret", "/chain", "/sub/deep",
    "/magic/etc/passwd", "/cwd/secret", "/loop", "/abs", "/.hidden", "/.git/config", "/.git/",
    "/%2ehidden", "/%2egit/config", "/sub/../.hidden", "/fifo", "/sock", "/hello.txt/",
    "/hello.txt/../../secret", "/proc/self/environ", "/dev/zero", "~root", "/~root/",
    "/" + "../" * 60 + "etc/passwd", "/" + "%2e%2e/" * 60 + "etc/passwd",
    "/" + "sub/../" * 400 + "../secret", "/" + "a/" * 4000, "/" + "a" * 70_000,
]


@case
def no_target_leads_out_of_the_root():
    """Ways out by dots, escapes, slashes, NUL, links and odd files: none leaks, none hangs."""
    with folder() as base:
        root = bait(base)
        with served(root, cwd=base) as (port, _):
            for target in TARGETS:
                answer = get(port, target)
                shown = repr(target)[:80]
                check(SECRET not in answer and b"root:" not in answer, "LEAK", shown, answer[:300])
                code = status(answer)
                check(code is not None and code < 500, shown, answer[:200])
                if code == 200:  # dots may cancel out, a query may follow: then only what is inside
                    check(b"secret" not in answer.split(b"\r\n\r\n", 1)[1], shown, answer[:400])
            equal(get(port, "/hello.txt").split(b"\r\n\r\n", 1)[1], b"hello")
    return f"{len(TARGETS)} targets"


@case
def no_listing_shows_or_leads_out():
    """The listing of the root has no dotfile and no link's target in it."""
    with folder() as base:
        root = bait(base)
        (root / "<script>alert(1)<b>").write_text("x")
        with served(root) as (port, _):
            page = get(port, "/")
            equal(status(page), 200)
            for word in (b".hidden", b".git", SECRET, b"/etc/passwd", b"<script>alert"):
                check(word not in page, word, "in the listing")
            check(b"hello.txt" in page, page)


@case
def no_race_leads_out():
    """A folder that is swapped for a link to the outside, again and again, never leaks."""
    with folder() as base:
        root = base / "root"
        (root / "real").mkdir(parents=True)
        (root / "real" / "f").write_text("inside")
        (base / "out").mkdir()
        (base / "out" / "f").write_bytes(SECRET)
        (root / "trap").symlink_to("../out")
        stop = threading.Event()

        def swap():
            real, trap, door = (root / name for name in ("real", "trap", "door"))
            while not stop.is_set():
                real.rename(door)
                door.rename(real)
                trap.rename(door)
                door.rename(trap)

        thread = threading.Thread(target=swap)
        with served(root) as (port, _):
            thread.start()
            try:
                seen = set()
                for _ in range(150):
                    raw = b"GET /door/f HTTP/1.1\r\nHost: x\r\n\r\n" * 20
                    answer = ask(port, raw)
                    check(SECRET not in answer, "LEAK", answer[:300])
                    seen.update(part[:3] for part in answer.split(b"HTTP/1.1 ")[1:])
            finally:
                stop.set()
                thread.join()
    return "3000 requests: " + " ".join(sorted(code.decode() for code in seen))


@case
def a_slow_client_stops_nobody():
    """60 clients with half a request each, and curl is served meanwhile."""
    with folder() as root, contextlib.ExitStack() as stack:
        (root / "a.txt").write_text("quick")
        port, _ = stack.enter_context(served(root))
        for number in range(60):
            client = stack.enter_context(connect(port))
            client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nX-Slow: "[: 5 + number % 30])
        for _ in range(5):
            equal(curl(f"http://127.0.0.1:{port}/a.txt", wait=10), b"quick")


@case
def a_request_is_what_ends_with_a_blank_line():
    """A request byte by byte, one of over 1,024 bytes, two in one piece, two on one connection."""
    with folder() as root:
        (root / "a.txt").write_text("whole")
        with served(root) as (port, _):
            raw = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            with connect(port) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in raw:
                    client.sendall(bytes([byte]))
                check(receive_all(client).endswith(b"\r\n\r\nwhole"))
            url = f"http://127.0.0.1:{port}/a.txt"
            equal(curl("-H", "X-Long: " + "x" * 6000, url), b"whole")
            two = ask(port, raw.replace(b"Connection: close\r\n", b"") * 2)
            equal(two.count(b"\r\n\r\nwhole"), 2)
            out = curl("-w", "%{num_connects}", url, url)
            equal(out, b"whole1whole0")


@case
def one_file_is_served_alone():
    """`serve FILE` gives that file and nothing beside it."""
    with folder() as base:
        (base / "one.txt").write_text("one")
        (base / "secret").write_bytes(SECRET)
        with served(base / "one.txt") as (port, _):
            check(b"one" in get(port, "/one.txt"))
            for target in ("/secret", "/../secret", "/one.txt/../secret", "/%2e/secret"):
                check(SECRET not in get(port, target), target)


@case
def nothing_stays_open():
    """After 300 requests and 50 resets the server holds no more descriptors than before."""
    with folder() as root:
        (root / "a.txt").write_bytes(os.urandom(200_000))
        with served(root) as (port, server):
            fds = pathlib.Path(f"/proc/{server.pid}/fd")
            get(port, "/a.txt")
            before = len(list(fds.iterdir()))
            for number in range(300):
                get(port, "/a.txt" if number % 2 else "/none")
            for _ in range(50):
                client = connect(port, small=True)
                client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()
            after = before + 60
            for _ in range(100):  # a reset is noticed a moment later
                get(port, "/none")
                after = len(list(fds.iterdir()))
                if after <= before + 2:
                    break
            check(after <= before + 2, f"{before} before, {after} after")
