"""slowhttptest against a server: what it holds has to be gone after the server's timeout, and
somebody else has to be served all the while."""

import subprocess
import time

import crowd

CONNECTIONS = 50
# Of the server's sockets, beside those of slowhttptest: ours, and slowhttptest's look at it.
OTHERS = 3
# How long it goes on after the timeout; a busy machine needs some of it.
SLACK_SECONDS = 7


def run(server, kind, timeout_seconds, at_least=CONNECTIONS):
    """Runs it for longer than the timeout, to hold `at_least` so many sockets meanwhile; says
    whether the server still holds its connections at the end, and how many of the others' requests
    were answered."""
    seconds = timeout_seconds + SLACK_SECONDS
    path = "16m" if "-X" in kind else "upload" if "-B" in kind else "1k"
    command = ["slowhttptest", *kind, "-c", str(CONNECTIONS), "-r", "50", "-i", "1", "-l",
               str(seconds), "-p", "2", "-u", server.url + path]
    before = server.sockets()
    attack = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    held, answered, failed = [], 0, 0
    while attack.poll() is None:
        held.append(server.sockets() - before)
        if crowd.fetch(server.port, "1k"):
            answered += 1
        else:
            failed += 1
        time.sleep(0.02)
    good = max(held) >= at_least and held[-1] <= OTHERS and answered and not failed
    return bool(good), (f"{max(held)} sockets at most, {held[-1]} in the end; "
                        f"{answered} others answered, {failed} not")
