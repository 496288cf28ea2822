"""Deaths, signals, full disks, taken ports, no descriptors; and `up`, which joins it all."""

import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import time

from kit import (
    MS_BIND, MS_RDONLY, MS_REMOUNT, alone, case, check, connect, cpu_seconds, equal, folder,
    mount, receive_all, receive_until, run, sockeye,
)

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def servers(root, inbox, place="127.0.0.1:0"):
    """Every command that listens: its ready word and its arguments at `place`."""
    return {
        "http": ("serve", "-b", place, root),
        "chat": ("chat", "serve", "-b", place),
        "receive": ("receive", "--plain-md5", "-b", place, inbox),
        "tcp": ("listen", place),
    }


@contextlib.contextmanager
def root_and_inbox():
    with folder() as base:
        for name in ("root", "inbox"):
            (base / name).mkdir()
        (base / "root" / "a.txt").write_text("some text")
        yield base / "root", base / "inbox"


@case
def kill_9_and_bind_again_at_once():
    """Every server, killed with a client on the line, binds its port again at once; five times."""
    with root_and_inbox() as (root, inbox):
        for what in servers(root, inbox):
            place = "127.0.0.1:0"
            for turn in range(5):
                with sockeye(*servers(root, inbox, place)[what]) as process:
                    port = process.ready(what)
                    place = f"127.0.0.1:{port}"
                    client = connect(port)
                    client.sendall(b"0" * 8)  # the beginning of a sum, or of a line
                    equal(process.stop(signal.SIGKILL), -9, (what, turn))
                    client.close()


@case
def signals_end_servers_with_0_and_jobs_with_130_and_143():
    """SIGTERM and SIGINT, idle: servers end with 0, jobs with 143 and 130."""
    with root_and_inbox() as (root, inbox):
        for what, args in servers(root, inbox).items():
            for number, job_code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
                with sockeye(*args) as process:
                    process.ready(what)
                    expected = 0 if what in ("http", "chat") else job_code
                    equal(process.stop(number, wait=10), expected, (what, number, process.text()))


@case
def a_download_is_finished_before_the_end():
    """SIGTERM or SIGINT in the middle of 32 MiB: no new client, the old one gets all, exit 0."""
    data = os.urandom(32 << 20)
    with root_and_inbox() as (root, _):
        (root / "big").write_bytes(data)
        for number in (signal.SIGTERM, signal.SIGINT):
            with sockeye("serve", "-b", "127.0.0.1:0", "--grace", "60s", root) as process:
                port = process.ready("http")
                with connect(port, small=True) as client:
                    client.sendall(GET % b"big")
                    begun = client.recv(1000)
                    process.send_signal(number)
                    refused = False
                    for _ in range(1000):
                        try:
                            connect(port).close()
                        except ConnectionRefusedError:
                            refused = True
                            break
                        except ConnectionResetError:
                            pass  # the listener closed between the handshake and accept
                    answer = begun + receive_all(client)
                check(refused, "new clients were still taken after the signal")
                check(answer.split(b"\r\n\r\n", 1)[1] == data, f"cut at {len(answer)} bytes")
                equal(process.end(10), 0, process.text())


@case
def a_stalled_client_holds_the_end_for_the_grace_only():
    """A client that never reads: over after --grace, and at once with a second signal."""
    with root_and_inbox() as (root, _):
        (root / "big").write_bytes(bytes(64 << 20))
        for grace, signals in (("1s", 1), ("60s", 2)):
            with sockeye("serve", "-b", "127.0.0.1:0", "--grace", grace, root) as process:
                port = process.ready("http")
                with connect(port, small=True) as client:
                    client.sendall(GET % b"big")
                    client.recv(1000)
                    for number in range(signals):
                        time.sleep(0.1 * number)  # no person is faster
                        process.send_signal(signal.SIGTERM)
                        with contextlib.suppress(ConnectionError):
                            for _ in range(1000):
                                connect(port).close()
                    code = process.end(10)
                    check(code == 0 or (signals == 2 and code in (0, 143)), grace, code)


@case
def the_room_says_goodbye():
    """SIGTERM: what was said before arrives, then the end of the stream, exit 0."""
    with sockeye("chat", "serve", "-b", "127.0.0.1:0", "--flood", "off") as process:
        port = process.ready("chat")
        with connect(port) as ann, connect(port) as bob:
            ann.sendall(b"/nick ann\n")
            bob.sendall(b"/nick bob\n")
            receive_until(ann, b"now ann\n")
            receive_until(bob, b"now bob\n")
            lines = b"".join(b"line %d\n" % number for number in range(200))
            ann.sendall(lines + b"/me waves\n")
            heard = receive_until(bob, b"* ann waves\n")
            process.send_signal(signal.SIGTERM)
            heard += receive_all(bob)
            equal(heard.count(b"<ann> line "), 200)
            equal(process.end(10), 0, process.text())


def send_plain(port, data):
    """What of the protocol can be sent before the other side gives up."""
    with connect(port) as client, contextlib.suppress(OSError):
        client.sendall(hashlib.md5(data).hexdigest().encode() + data)
        client.shutdown(socket.SHUT_WR)
        receive_all(client)


@case
@alone(mounts=True)
def a_full_disk_is_told():
    """`receive` of 4 MiB onto 1 MiB: exit 4, the message says so, nothing has the name."""
    with root_and_inbox() as (_, inbox):
        mount("none", inbox, "tmpfs", data="size=1m")
        try:
            args = ("receive", "--plain-md5", "-b", "127.0.0.1:0", "--name", "copy", inbox)
            with sockeye(*args) as process:
                send_plain(process.ready("receive"), os.urandom(4 << 20))
                equal(process.end(), 4, process.text())
                text = process.text().lower()
                check("no space left" in text or "full" in text, text)
                check("Traceback" not in text and "panicked" not in text, text)
            equal(sorted(os.listdir(inbox)), [])
            with sockeye(*args) as process:  # what fits goes in
                send_plain(process.ready("receive"), os.urandom(200_000))
                equal(process.end(), 0, process.text())
            equal(sorted(os.listdir(inbox)), ["copy"])
        finally:
            run("umount", inbox)


@case
@alone(mounts=True)
def a_read_only_folder_is_told():
    """`receive` into a read-only folder: exit 4, and the message names the folder or says why."""
    with root_and_inbox() as (_, inbox):
        mount(inbox, inbox, flags=MS_BIND)
        mount(None, inbox, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
        try:
            args = ("receive", "--plain-md5", "-b", "127.0.0.1:0", inbox)
            with sockeye(*args) as process:
                if process.child.poll() is None:
                    with contextlib.suppress(Exception):
                        send_plain(process.ready("receive"), b"hello")
                equal(process.end(), 4, process.text())
                check("read-only" in process.text().lower(), process.text())
        finally:
            run("umount", inbox)


@case
def a_folder_that_is_not_there_is_told():
    """`serve` and `receive` of no folder: an error with its name, not a server."""
    with folder() as base:
        for args, codes in (
            (("serve", "-b", "127.0.0.1:0", base / "none"), (2, 3, 4)),
            (("receive", "--plain-md5", "-b", "127.0.0.1:0", base / "none"), (2, 4)),
        ):
            with sockeye(*args) as process:
                check(process.end(10) in codes, args[0], process.child.returncode, process.text())
                check("none" in process.text(), process.text())


@case
def a_port_in_use_names_its_holder():
    """Every server on a taken port: exit 3, and the message has the address, a pid and a name."""
    with root_and_inbox() as (root, inbox), socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        place = "127.0.0.1:{}".format(holder.getsockname()[1])
        name = pathlib.Path("/proc/self/comm").read_text().strip()
        for what, args in servers(root, inbox, place).items():
            with sockeye(*args) as process:
                equal(process.end(10), 3, (what, process.text()))
                for part in (place, str(os.getpid()), name, "in use"):
                    check(part in process.text(), what, "does not say", part, ":", process.text())


@case
def up_takes_the_next_port_and_says_so():
    """`up` on three taken ports listens on others and says which were taken."""
    with root_and_inbox() as (root, inbox), contextlib.ExitStack() as stack:
        taken = []
        for _ in range(3):
            holder = stack.enter_context(socket.socket())
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            taken.append(holder.getsockname()[1])
        with up(root, inbox, *(f"127.0.0.1:{port}" for port in taken)) as process:
            ports = [process.ready(what) for what in ("http", "chat", "receive")]
            check(not set(ports) & set(taken), ports, taken)
            for port in taken:
                check(str(port) in process.text(), port, "is not mentioned:", process.text())
            equal(process.stop(), 0)


@case
def no_descriptors_at_the_start_is_told():
    """`ulimit -n 4`: every server fails (3; or 4, a folder) and says that descriptors ran out."""
    with root_and_inbox() as (root, inbox):
        for what, args in servers(root, inbox).items():
            wrap = ("bash", "-c", 'ulimit -n 4; exec "$0" "$@"')
            with sockeye(*args, wrap=wrap) as process:
                codes = (3, 4) if what == "receive" else (3,)
                check(process.end(10) in codes, what, process.child.returncode, process.text())
                text = process.text().lower()
                said = any(word in text for word in ("descriptor", "open files", "emfile"))
                check(said and "panicked" not in text, what, text)


@case
def no_descriptors_later_burns_no_core():
    """`ulimit -n 40` and 200 clients: little CPU, nobody is dropped, all are served in the end."""
    with root_and_inbox() as (root, inbox):
        for what in ("http", "chat"):
            args = servers(root, inbox)[what]
            wrap = ("bash", "-c", 'ulimit -n 40; exec "$0" "$@"')
            with sockeye(*args, wrap=wrap) as process, contextlib.ExitStack() as stack:
                port = process.ready(what)
                clients = [stack.enter_context(connect(port)) for _ in range(200)]
                begin, start = cpu_seconds(process.pid), time.monotonic()
                while time.monotonic() - start < 4:
                    time.sleep(0.1)
                    check(process.child.poll() is None, what, "ended:", process.text())
                spent = cpu_seconds(process.pid) - begin
                check(spent < 0.8, f"{what}: {spent:.2f} s of CPU in 4 s without descriptors")
                for client in clients:  # one after another they ask, are answered, and go
                    if what == "http":
                        client.sendall(GET % b"a.txt")
                        check(b"some text" in receive_all(client), what)
                    else:
                        client.sendall(b"/quit\n")
                        check(b"bye" in receive_all(client), what)
                    client.close()
                equal(process.stop(), 0, process.text())


def up(root, inbox, http="127.0.0.1:0", chat="127.0.0.1:0", receive="127.0.0.1:0"):
    return sockeye(
        "up", "-b", http, "--chat-listen", chat, "--receive-listen", receive, "--inbox", inbox, root
    )


@case
def up_is_files_room_and_inbox():
    """`up`: three ready lines, a file by curl, talk by nc, what is sent lands in the inbox."""
    with root_and_inbox() as (root, inbox):
        with up(root, inbox) as process:
            http, chat, receive = (process.ready(what) for what in ("http", "chat", "receive"))
            code, out = run("curl", "-sS", "--max-time", "10", f"http://127.0.0.1:{http}/a.txt")
            equal((code, out), (0, b"some text"))
            code, out = run(
                "curl", "-sS", "--max-time", "10", "--path-as-is", "-o", "/dev/null", "-w",
                "%{http_code}", f"http://127.0.0.1:{http}/../inbox/",
            )
            check(out in (b"400", b"403", b"404"), out)
            with connect(chat) as ann, connect(chat) as bob:
                ann.sendall(b"/nick ann\n")
                bob.sendall(b"/nick bob\n")
                receive_until(ann, b"now ann\n")
                receive_until(bob, b"now bob\n")
                ann.sendall(b"hello\n")
                receive_until(bob, b"<ann> hello\n")
                data = os.urandom(300_000)
                send_plain(receive, data)
                receive_until(bob, b"received")  # an event of the hub is a line of the room
            kept = [path.read_bytes() for path in inbox.rglob("*") if path.is_file()]
            equal([content == data for content in kept], [True])
            code, out = run("curl", "-sS", "--max-time", "10", f"http://127.0.0.1:{http}/")
            check(b"a.txt" in out, out[:300])
            equal(process.stop(), 0, process.text())


@case
def up_answers_to_its_own_names_only():
    """A page under a stranger's name (DNS rebinding) is refused with 421, an address is not."""
    with root_and_inbox() as (root, inbox), up(root, inbox) as process:
        http = process.ready("http")
        for host, code in ((b"evil.example", b"421"), (b"127.0.0.1", b"200")):
            with connect(http) as client:
                client.sendall((GET % b"a.txt").replace(b"localhost", host))
                answer = receive_all(client)
            equal(answer.split(b" ")[1], code, host)
            equal(b"some text" in answer, code == b"200", host)
        equal(process.stop(), 0, process.text())


@case
def up_only_what_is_asked_for():
    """`up --only files` and `--only chat` listen on one port and say one ready line."""
    with root_and_inbox() as (root, inbox):
        for part, word in (("files", "http"), ("chat", "chat")):
            args = ("up", "-b", "127.0.0.1:0", "--chat-listen", "127.0.0.1:0", "--only", part, root)
            with sockeye(*args) as process:
                process.ready(word)
                equal(process.stop(), 0, process.text())
                ready = [line for line in process.out if line.startswith("listening ")]
                equal(len(ready), 1, ready)


@case
def up_ends_gracefully_with_clients():
    """SIGINT with a download, a room and an inbox under way: the download is whole, exit 0."""
    data = os.urandom(16 << 20)
    with root_and_inbox() as (root, inbox):
        (root / "big").write_bytes(data)
        with up(root, inbox) as process:
            http, chat, receive = (process.ready(what) for what in ("http", "chat", "receive"))
            with connect(http, small=True) as page, connect(chat) as ann, connect(receive) as peer:
                ann.sendall(b"/nick ann\n")
                receive_until(ann, b"now ann\n")
                page.sendall(GET % b"big")
                begun = page.recv(1000)
                peer.sendall(b"0" * 32 + b"half of a file")
                process.send_signal(signal.SIGINT)
                answer = begun + receive_all(page)
                check(answer.split(b"\r\n\r\n", 1)[1] == data, f"cut at {len(answer)} bytes")
                peer.close()
                receive_all(ann)
            equal(process.end(15), 0, process.text())
        equal([path for path in inbox.rglob("*") if path.is_file()], [])
