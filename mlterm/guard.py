"""The guard: a parent so small that nothing in it can fail.

It is the parent of the command, the keeper and the observer, and adopts the orphans of
the whole tree. All it does is wait(2): the command's true end it puts on the board, a
keeper or observer that died it starts again. It touches no file, no socket and no byte
of output, but holds all descriptors, so that the job lives on between two keepers.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from mlterm.system.board import Board

PATIENCE = 5
"""Early deaths in a row that are answered at once; each after that waits twice as long."""
EARLY_SECONDS = 5.0
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
        self._early_deaths = {"keeper": 0, "observer": 0}
        self._born = {"keeper": parts.clock(), "observer": parts.clock()}

    def run(self) -> int:
        """Return (0) when the keeper has done its work and the observer has left."""
        self.keeper = self._parts.spawn_keeper(0.0)
        self.observer = self._parts.spawn_observer(0.0)
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
                self.keeper = 0
                done = status == 0
                if done:
                    self._parts.release_observer()
                else:
                    self.keeper = self._parts.spawn_keeper(self._pause("keeper"))
            elif pid == self.observer:
                self.observer = 0
                if status != 0 and not done:
                    self.observer = self._parts.spawn_observer(self._pause("observer"))
        return 0

    def _pause(self, part: str) -> float:
        now = self._parts.clock()
        early = now - self._born[part] < EARLY_SECONDS
        self._early_deaths[part] = self._early_deaths[part] + 1 if early else 0
        self._born[part] = now
        excess = self._early_deaths[part] - PATIENCE
        return (
            min(2.0 ** min(excess, 20) * 0.05, LONGEST_PAUSE_SECONDS[part]) if excess > 0 else 0.0
        )


def pass_on(guard: Guard) -> None:
    """SIGTERM and SIGINT to the guard are the keeper's to handle."""

    def forward(number: int, _: object) -> None:
        if guard.keeper:
            os.kill(guard.keeper, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
