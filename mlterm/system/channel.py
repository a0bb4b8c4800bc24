"""The Unix socket of a run: who may connect, and connecting to it."""

import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from mlterm.core.errors import SupervisorError
from mlterm.system import paths

_UCRED = struct.Struct("3i")
_BACKLOG = 64
_PATIENCE_SECONDS = 2.0


def listen(key: str) -> tuple[socket.socket, Path]:
    """A listening, non-blocking socket for the run with this key, and where it is."""
    path = paths.make_runtime_dir() / f"{key}.sock"
    with suppress(FileNotFoundError):
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(os.fspath(path))
    path.chmod(0o600)
    server.listen(_BACKLOG)
    server.setblocking(False)
    return server, path


def connect(key: str) -> socket.socket | None:
    """A connection to the keeper of the run with this key, or None where none answers."""
    for folder in paths.runtime_dirs():
        path = folder / f"{key}.sock"
        try:
            paths.check_private(folder)
        except (OSError, SupervisorError):
            continue
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(_PATIENCE_SECONDS)  # a keeper that hangs must not hang us
        try:
            client.connect(os.fspath(path))
            client.settimeout(None)
        except OSError:
            client.close()
            continue
        return client
    return None


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end, None where the system cannot tell.

    SO_PEERCRED (unix(7)) on Linux; elsewhere the folder's mode alone keeps others out.
    """
    if not sys.platform.startswith("linux"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(credentials)[1])
