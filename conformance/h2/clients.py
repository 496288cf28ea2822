"""Clients of others: what they ask for comes whole, and what they put is there."""

import asyncio
import shutil
import socket
import ssl
import subprocess

CLIENTS = {}
STREAMS = 100


def client(name):
    def keep(function):
        CLIENTS[name] = function
        return function
    return keep


def program(name, package):
    """Installs a program by name where it is missing."""
    if not shutil.which(name):
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True,
                       stdout=subprocess.DEVNULL)
    return name


def trust(site):
    return site.parent / ".local/share/sockeye/tls/self-signed.pem"


async def by_httpx(server, site):
    import httpx
    context = ssl.create_default_context(cafile=trust(site))
    url = server.url.replace("127.0.0.1", "localhost")
    large = (site / "large.bin").read_bytes()
    async with httpx.AsyncClient(http1=False, http2=True, verify=context, base_url=url,
                                 timeout=60) as session:
        got = await asyncio.gather(*[session.get("large.bin") for _ in range(STREAMS)])
        if any(one.content != large or one.http_version != "HTTP/2" for one in got):
            return "an answer is not whole, or not by HTTP/2"
        ranges = await asyncio.gather(*[
            session.get("large.bin", headers={"Range": f"bytes={at * 1000}-{at * 1000 + 999}"})
            for at in range(STREAMS)])
        if b"".join(one.content for one in ranges) != large[:STREAMS * 1000]:
            return "the ranges are not the file"
        put = await asyncio.gather(*[session.put(f"up-{at}", content=large[at:])
                                     for at in range(16)])
        if {one.status_code for one in put} != {201}:
            return f"uploads: {[one.status_code for one in put]}"
        if any((site / f"up-{at}").read_bytes() != large[at:] for at in range(16)):
            return "an upload is not what was sent"
        form = await session.post("", files=[("f", (f"form-{at}", large)) for at in range(5)])
        if form.status_code != 201 or (site / "form-4").read_bytes() != large:
            return f"a form: {form.status_code}"
    return None


@client("httpx with TLS: 100 files, 100 ranges, 16 uploads at once, a form")
def _(server, site):
    return asyncio.run(by_httpx(server, site))


@client("h2 by prior knowledge: an upload of 3 MB within the windows, and the file again")
def _(server, site):
    import h2.config
    import h2.connection
    import h2.events
    content = (site / "large.bin").read_bytes() * 10
    stream = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    machine = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    machine.initiate_connection()
    fields = [(":scheme", "http"), (":authority", "127.0.0.1")]
    machine.send_headers(1, [(":method", "PUT"), (":path", "/new"), *fields])
    statuses, got, sent = {}, b"", 0
    while 3 not in statuses or not statuses[3][1]:
        while sent < len(content):
            room = min(machine.local_flow_control_window(1), machine.max_outbound_frame_size)
            if not room:
                break
            machine.send_data(1, content[sent:sent + room], end_stream=sent + room >= len(content))
            sent += room
        stream.sendall(machine.data_to_send())
        for event in machine.receive_data(stream.recv(1 << 16)):
            if isinstance(event, h2.events.ResponseReceived):
                statuses[event.stream_id] = [int(dict(event.headers)[b":status"]), False]
            elif isinstance(event, h2.events.DataReceived):
                got += event.data if event.stream_id == 3 else b""
                machine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                statuses[event.stream_id][1] = True
                if event.stream_id == 1:
                    machine.send_headers(3, [(":method", "GET"), (":path", "/new"), *fields],
                                         end_stream=True)
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                return repr(event)
    stream.close()
    right = (statuses[1][0], statuses[3][0], got) == (201, 200, content)
    return None if right else f"{statuses}, {len(got)} bytes"


@client("nghttp with TLS: 50 files at once")
def _(server, site):
    url = server.url.replace("127.0.0.1", "localhost")
    done = subprocess.run([program("nghttp", "nghttp2-client"), "-n", "-s", "-m", "50",
                           "--no-verify-peer", url + "large.bin"], capture_output=True, text=True)
    count = done.stdout.count(" 200 ")
    return None if done.returncode == 0 and count == 50 else f"{count} of 50: {done.stderr}"


def curl(server, site, *args):
    url = server.url.replace("127.0.0.1", "localhost")
    done = subprocess.run([program("curl", "curl"), "-sS", "--max-time", "60", "--cacert",
                           str(trust(site)), *args, url + "large.bin"],
                          capture_output=True)
    return done.stdout, done.stderr.decode()


@client("curl with TLS")
def _(server, site):
    got, error = curl(server, site, "--http2", "-w", "%{http_version}")
    return None if got == (site / "large.bin").read_bytes() + b"2" else error or "not the file"


@client("curl by prior knowledge")
def _(server, site):
    got, error = curl(server, site, "--http2-prior-knowledge", "-w", "%{http_version}")
    return None if got == (site / "large.bin").read_bytes() + b"2" else error or "not the file"


@client("curl from HTTP/1.1, which is not upgraded")
def _(server, site):
    # RFC 9113, section 3.1: the upgrade by a field is a thing of the past.
    got, error = curl(server, site, "--http2", "-w", "%{http_version}")
    return None if got == (site / "large.bin").read_bytes() + b"1.1" else error or "not the file"
