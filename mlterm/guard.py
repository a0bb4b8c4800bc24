"""The guard: a parent so small that nothing in it can fail.

It is the parent of the command, the keeper and the observer, and adopts the orphans of
the whole tree. All it does is wait(2): the command's true end it puts on the board, a
keeper or observer that died it starts again. It touches no file, no socket and no byte
of output, but holds all descriptors, so that the job lives on between two keepers.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mlterm.system.board import Board

PATIENCE = 5
"""Early deaths in a row that are answered at once; each after that waits twice as long."""
EARLY_SECONDS = 5.0
FORK_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = {"keeper": 0.5, "observer": 30.0}
"""The job may have to wait for the keeper, for the observer never."""


@dataclass
class Parts:
    """How the guard acts on the world; tests hand in their own."""

    spawn_keeper: Callable[[float], int]
    """Start a keeper after so many seconds; its pid."""
    spawn_observer: Callable[[float], int]
    wait: Callable[[], tuple[int, int]]
    """As wait(2): pid and status; ChildProcessError where there are no children."""
    tell_keeper: Callable[[], None]
    """Let the keeper look at the board."""
    release_observer: Callable[[], None]
    """Let the observer's lifeline end."""
    clock: Callable[[], float]


class Guard:
    """Waits for the end of one run."""

    def __init__(self, command_pid: int, board: Board, parts: Parts) -> None:
        self._command, self._board, self._parts = command_pid, board, parts
        self.keeper = 0
        self.observer = 0
        self._observer_wanted = True
        self._early_deaths = {"keeper": 0, "observer": 0}
        self._born = {"keeper": parts.clock(), "observer": parts.clock()}

    def run(self) -> int:
        """Return (0) when the keeper has done its work and the observer has left."""
        self._start_keeper(0.0)
        self._start_observer(0.0)
        done = False
        while not (done and not self.observer):
            try:
                pid, status = self._parts.wait()
            except ChildProcessError:
                break
            if pid == self._command:
                self._command = 0
                self._board.wait_status = status
                self._board.exit_known = True
                self._parts.tell_keeper()
            elif pid == self.keeper:
                done = status == 0
                if done:
                    self.keeper = 0
                    self._parts.release_observer()
                else:
                    self._start_keeper(self._pause("keeper"))
            elif pid == self.observer:
                self.observer = 0
                self._observer_wanted = status != 0
            if self._observer_wanted and not self.observer and not done:
                self._start_observer(self._pause("observer"))
        return 0

    def _start_keeper(self, pause: float) -> None:
        self.keeper = 0
        while not self.keeper:
            try:
                self.keeper = self._parts.spawn_keeper(pause)
            except OSError:  # no process to be had: the job's own may have used them up
                time.sleep(FORK_PAUSE_SECONDS)

    def _start_observer(self, pause: float) -> None:
        """The run can do without; it is tried again at the next death of anything."""
        self._observer_wanted = True
        with suppress(OSError):
            self.observer = self._parts.spawn_observer(pause)

    def _pause(self, part: str) -> float:
        now = self._parts.clock()
        early = now - self._born[part] < EARLY_SECONDS
        self._early_deaths[part] = self._early_deaths[part] + 1 if early else 0
        excess = self._early_deaths[part] - PATIENCE
        pause = 0.05 * 2.0 ** min(excess, 20) if excess > 0 else 0.0
        pause = min(pause, LONGEST_PAUSE_SECONDS[part])
        self._born[part] = now + pause
        return pause


def pass_on(guard: Guard) -> None:
    """SIGTERM and SIGINT to the guard are the keeper's to handle."""

    def forward(number: int, _: object) -> None:
        if guard.keeper:
            with suppress(ProcessLookupError):
                os.kill(guard.keeper, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
