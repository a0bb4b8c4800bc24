"""Work that takes away what it has begun when it is told to end."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """SIGTERM and SIGHUP leave the block as an exception, as Ctrl-C does."""

    def end(number: int, _frame: Any) -> NoReturn:
        sys.exit(128 + number)

    # Who has been started with nohup(1) goes on ignoring the hangup.
    ends = (signal.SIGTERM, signal.SIGHUP)
    heeded = [number for number in ends if signal.getsignal(number) == signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)
