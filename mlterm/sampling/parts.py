"""Who each process of a job is: its role and rank, asked for when it is met."""

from collections.abc import Iterable
from dataclasses import dataclass

from mlterm.core.roles import Part, Traits, part_of
from mlterm.core.usage import Identity
from mlterm.system.processes import Process

DESCRIBED = 200
"""Processes whose words and environment are read in one sample, at most."""
LOOKS = 2
"""How often a process is asked: at first it may have been met between fork and exec."""


@dataclass
class _Known:
    name: str
    part: Part
    looks: int


class Parts:
    """The parts of a job's processes. ``root`` is the pid of its command."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._known: dict[Identity, _Known] = {}
        self._traits: dict[int, Traits] = {}

    def meet(self, processes: Iterable[Process]) -> None:
        """Describe those that are new or have another name; forget those that have gone."""
        room = DESCRIBED
        present = set()
        for process in processes:
            who = process.identity
            present.add(who)
            known = self._known.get(who)
            if known is not None and known.looks >= LOOKS and known.name == process.stat.name:
                continue
            if room and process.stat.state != "Z":
                room -= 1
                self._describe(process, 1 if known is None else known.looks + 1)
        for who in self._known.keys() - present:
            del self._known[who]
            self._traits.pop(who[0], None)

    def of(self, process: Process) -> Part | None:
        """None where it has not been asked yet."""
        known = self._known.get(process.identity)
        return None if known is None else known.part

    def _describe(self, process: Process, looks: int) -> None:
        words = process.words()
        part = part_of(
            process.stat.name,
            words,
            process.environ(),
            self._traits.get(process.stat.ppid),
            is_command=process.pid == self._root,
        )
        self._known[process.identity] = _Known(process.stat.name, part, looks)
        self._traits[process.pid] = Traits(words, part.rank)
