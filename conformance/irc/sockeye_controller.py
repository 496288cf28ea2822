"""Runs `sockeye chat serve` for irctest (the checkout that IRCTEST names)."""

import os
import shutil
import subprocess

from irctest import patma
from irctest.basecontrollers import BaseServerController, DirectoryBasedController
from irctest.runner import NotImplementedByController
from irctest.specifications import Capabilities, OptionalBehaviors

SOCKEYE = os.environ["SOCKEYE"]
# Whether `chat serve` takes WebSockets by itself.
WEBSOCKET = True


class SockeyeController(BaseServerController, DirectoryBasedController):
    software_name = "Sockeye"
    _port_wait_interval = 0.01
    supported_sasl_mechanisms = {"PLAIN", "SCRAM-SHA-256"}
    supports_sts = False
    extban_mute_char = "m"
    capabilities = frozenset(set(Capabilities) - {Capabilities.STS})
    optional_behaviors = frozenset(
        set(OptionalBehaviors)
        - {OptionalBehaviors.METADATA_BEFORE_CONNECT, OptionalBehaviors.NON_UTF8_MESSAGE}
    )
    isupport = {
        "BOT": "B",
        "CASEMAPPING": "rfc1459",
        "ELIST": patma.StrRe("[CMNTU]+"),
        "INVEX": None,
        "MONITOR": patma.ANYSTR,
        "MSGREFTYPES": "msgid,timestamp",
        "PREFIX": "(qaohv)~&@%+",
        "STATUSMSG": "~&@%+",
        "TARGMAX": patma.ANYSTR,
        "UTF8ONLY": None,
        "WHOX": None,
    }

    def run(
        self,
        hostname,
        port,
        *,
        password,
        ssl,
        run_services,
        faketime,
        websocket_hostname=None,
        websocket_port=None,
    ):
        if websocket_port and not WEBSOCKET:
            raise NotImplementedByController("IRC by WebSocket on the server's own port")
        self.create_config()
        self.port = port
        command = [SOCKEYE, "chat", "serve", "--irc", f"{hostname}:{port}"]
        command += ["--name", "My.Little.Server", "--network", "SockeyeTest", "--flood", "off"]
        command += ["--sendq", "16KiB", "--quiet", "--data", self.directory / "data"]
        command += ["--oper", f"operuser:{os.environ['SOCKEYE_OPER_HASH']}"]
        bind = f"{websocket_hostname}:{websocket_port}" if websocket_port else f"{hostname}:0"
        command += ["--bind", bind]
        motd = self.directory / "motd"
        motd.write_text("Hello\n")
        command += ["--motd", motd]
        if password is not None:
            secret = self.directory / "password"
            secret.write_text(password + "\n")
            command += ["--password-file", secret]
        if not self.test_config.account_registration_before_connect:
            command += ["--register-late"]
        if self.test_config.account_registration_requires_email:
            command += ["--register-email"]
        if self.test_config.ergo_config and "always-on" in str(
            self.test_config.ergo_config.__code__.co_consts
        ):
            command += ["--always-on"]
        environment = dict(os.environ)
        if faketime and shutil.which("faketime"):
            library = subprocess.run(
                ["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True
            ).stdout.strip()
            environment |= {"LD_PRELOAD": library, "FAKETIME": faketime}
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            self.faketime_enabled = True
        self.command, self.environment = command, environment
        self.start()

    def start(self):
        self.proc = self.execute(self.command, env=self.environment)

    def restart(self):
        self.kill_proc()
        self.port_open = False
        self.start()
        self.wait_for_port()

    def wait_for_services(self):
        """They are part of the server."""

    def registerUser(self, case, username, password=None):
        if len(f"NS REGISTER {password}\r\n") > 512:
            raise NotImplementedByController("passwords that are longer than a line")
        client = case.addClient(show_io=False)
        case.sendLine(client, f"NICK {username}")
        case.sendLine(client, "USER r e g :user")
        while case.getRegistrationMessage(client).command != "001":
            pass
        case.getMessages(client)
        case.sendLine(client, f"NS REGISTER {password}")
        replies = []
        while "Account created" not in [text for reply in replies for text in reply.params]:
            replies = case.getMessages(client)
        case.sendLine(client, "QUIT")
        case.assertDisconnected(client)


def get_irctest_controller_class():
    return SockeyeController
