"""Writing from a thread of its own: a call to log never waits for the disk.

The queue is bounded; what does not fit is counted, never waited for.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

QUEUE_RECORDS = 100_000
BATCH_BYTES = 1024 * 1024
_GATHERING_SECONDS = 0.01
"""The thread wakes at most so often: each waking takes the interpreter from the training."""
_PATIENCE_SECONDS = 10.0
"""How long the end of a script waits for a disk that does not answer."""


class Background:
    """Lines on their way to ``write``, which is called in the thread alone."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.lost = 0
        """Records for which the queue had no room."""
        self._write = write
        self._begin()

    def _begin(self) -> None:
        self._queue: deque[bytes | threading.Event] = deque()
        self._filled = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, line: bytes) -> None:
        """Queue one line."""
        if len(self._queue) >= QUEUE_RECORDS:
            self.lost += 1
        else:
            self._append(line)

    def flush(self, timeout_seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until everything queued so far has been handed to ``write``; whether it has."""
        if self._thread is None:
            return True
        reached = threading.Event()
        self._append(reached)
        return reached.wait(timeout_seconds)

    def after_fork_in_child(self) -> None:
        """The thread is the parent's, and so is what it has not written yet."""
        self.lost = 0
        self._begin()

    def __len__(self) -> int:
        return len(self._queue)

    def _append(self, item: bytes | threading.Event) -> None:
        self._queue.append(item)
        if self._filled.is_set():
            return
        self._filled.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="mlterm", daemon=True)
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        while self._filled.wait():
            self._filled.clear()  # before looking: what comes later sets it again
            while self._queue:
                self._pass_on()
            time.sleep(_GATHERING_SECONDS)

    def _pass_on(self) -> None:
        """Write the lines at the queue's head at once, and say so to who waits for them."""
        lines: list[bytes] = []
        size, reached = 0, None
        while self._queue and size < BATCH_BYTES and reached is None:
            item = self._queue.popleft()
            if isinstance(item, bytes):
                lines.append(item)
                size += len(item)
            else:
                reached = item
        if lines:
            self._write(b"".join(lines))
        if reached is not None:
            reached.set()
