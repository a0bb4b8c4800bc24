"""The command of a run that watches: it waits for a process that is not its child, and ends as
that did.

Run as ``python -P -m mlterm.waiter FD``, FD a pidfd (pidfd_open(2)) that was opened while the
process lived: before this program began, so that no end comes too early for it.
"""

import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress

from mlterm.core.lifecycle import UNTOLD_SIGNAL
from mlterm.system.daemon import exit_status_of

PATIENCE_SECONDS = 2.0
"""How long its parent may take to collect it: only then does the kernel tell how it ended."""
LOOK_SECONDS = 0.02


def wait_for(pidfd: int) -> int | None:
    """The wait status of a process when it has ended; None where the kernel does not tell it
    (before Linux 6.15, or nobody has collected it in time)."""
    select.select([pidfd], [], [])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := exit_status_of(pidfd)) is None and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return status


def main() -> int:
    """End with the code, or by the signal, of the process that is waited for; where neither is
    told, by UNTOLD_SIGNAL."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    status = wait_for(int(sys.argv[1]))
    if status is None:
        status = UNTOLD_SIGNAL
    if number := status & 0x7F:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return status >> 8 & 0xFF


if __name__ == "__main__":
    sys.exit(main())
