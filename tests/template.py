"""mlterm, started already: whole-program tests fork it, which spares them its imports.

A process of its own that has imported what the commands that read runs have in common. For each
request it forks, and the child becomes ``python -m mlterm`` with its own words, folder, environment
and streams; exit codes and signals are those of any program. What is tested for how it starts, or
for what becomes of its processes, is started as people start it (Home.command).
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

COMMANDS = frozenset({
    "compare", "export", "import", "list-runs", "logs", "ls", "note", "parse", "plot", "prune",
    "rm", "show", "tag",
})  # fmt: skip
"""Whose starts are alike."""
_MODULES = (
    "annotate",
    "choosing",
    "compare",
    "describe",
    "export",
    "logs",
    "parse",
    "plot",
    "prune",
    "runs",
)
_MOST_BYTES = 1024 * 1024


class Template:
    """The process, from here."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.template", str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()])

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait()

    def run(
        self,
        words: Sequence[str],
        streams: Sequence[int],
        folder: str,
        environ: Mapping[str, str],
        seconds: float,
    ) -> int:
        """Run mlterm to its end; its return code as subprocess has it."""
        asked = json.dumps([list(words), folder, dict(environ)]).encode()
        socket.send_fds(self._socket, [asked], list(streams))
        pid = int(self._socket.recv(100))
        self._socket.settimeout(seconds)
        try:
            return int(self._socket.recv(100))
        except TimeoutError:
            os.kill(pid, 9)
            self._socket.recv(100)
            raise subprocess.TimeoutExpired(["mlterm", *words], seconds) from None
        finally:
            self._socket.settimeout(None)


def _serve(channel: socket.socket) -> None:
    while True:
        asked, streams, _, _ = socket.recv_fds(channel, _MOST_BYTES, 3)
        if not asked:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(*json.loads(asked), streams)
        for fd in streams:
            os.close(fd)
        channel.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(words: list[str], folder: str, environ: dict[str, str], streams: list[int]) -> NoReturn:
    from mlterm.cli import main

    for fd, stream in enumerate(streams):
        os.dup2(stream, fd)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = ["mlterm", *words]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(fd, mode, closefd=False) for fd, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    main()


if __name__ == "__main__":
    from importlib import import_module

    import mlterm.cli.group  # noqa: F401  (what every command needs)

    for name in _MODULES:
        import_module(f"mlterm.cli.{name}")
    with socket.socket(fileno=int(sys.argv[1])) as own:
        _serve(own)
