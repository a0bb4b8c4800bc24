"""A client's connection to a run's keeper: frames out, frames in, another keeper where one died.

Nothing here knows what the frames are for: that is the client's, plain or with a view.
"""

import select
import socket
import time
from collections import deque

from mlterm.core import protocol
from mlterm.core.protocol import Frame
from mlterm.system import channel, lock, runlog
from mlterm.system.paths import RunFiles

CHUNK = 128 * 1024
RECONNECT_SECONDS = 10.0
LOOK_SECONDS = 0.02
WAITING_FRAMES = 16


class Link:
    """One connection; what a keeper that was killed has not taken goes to the next one."""

    def __init__(self, files: RunFiles, *, read_only: bool = False) -> None:
        self._files, self._read_only = files, read_only
        self._socket: socket.socket | None = None
        self._frames = protocol.FrameReader()
        self._out: deque[bytes] = deque()
        self._sent = 0
        """Of the first frame of these."""

    @property
    def fd(self) -> int | None:
        """To be polled, None while there is no connection."""
        return None if self._socket is None else self._socket.fileno()

    @property
    def events(self) -> int:
        """What to poll it for."""
        return select.POLLIN | (select.POLLOUT if self._out else 0)

    @property
    def is_crowded(self) -> bool:
        """Whether the keeper takes nothing at the moment: no more keys should be read."""
        return len(self._out) >= WAITING_FRAMES

    def connect(self, rows: int, columns: int) -> bool:
        """Introduce a viewer of that size; False where no keeper answers."""
        connection = channel.connect(self._files.key)
        if connection is None:
            return False
        connection.setblocking(False)
        self._socket, self._frames = connection, protocol.FrameReader()
        self._out.appendleft(protocol.hello(self._read_only, rows, columns))
        self._sent = 0
        self._flush()
        return True

    def send(self, frame: bytes) -> None:
        """Send it, now or as soon as the keeper takes it."""
        self._out.append(frame)
        self._flush()

    def on_ready(self, events: int) -> list[Frame] | None:
        """What has come; None where the keeper is gone. Raises ProtocolError where it is of
        another version."""
        assert self._socket is not None
        if events & select.POLLOUT:
            self._flush()
        if not events & (select.POLLIN | select.POLLHUP | select.POLLERR):
            return []
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return None
        return list(self._frames.feed(data))

    def reconnect(self, rows: int, columns: int) -> bool:
        """Wait for a keeper that takes the place of one that was killed; False where the run
        is over, or none comes."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while time.monotonic() < deadline and not self.is_over():
            if self.connect(rows, columns):
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def is_over(self) -> bool:
        """The end is recorded, or nobody is left who could record it."""
        if not lock.is_held(self._files.lock):
            return True
        try:
            with self._files.run.open("rb") as file:
                return runlog.has_finish(file.fileno())
        except OSError:
            return False  # somebody has removed it, not the run

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _flush(self) -> None:
        if self._socket is None:
            return
        try:
            while self._out:
                self._sent += self._socket.send(memoryview(self._out[0])[self._sent :])
                if self._sent == len(self._out[0]):
                    self._out.popleft()
                    self._sent = 0
        except OSError:  # full, or broken: then the read side tells what became of the keeper
            return
