"""The samples of a run's last part as they come: folded, and the newest one whole."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from mlterm.core.records import Record, as_number, decode_batch
from mlterm.core.samples import figures_of, sound
from mlterm.core.series import Series
from mlterm.core.shares import Shares
from mlterm.feed.tail import Tail
from mlterm.system.checkpoint import Checkpoint

LOOK_BACK = 1024 * 1024
"""Where the file is replaced by a shorter one (its old samples thinned out): how far from its
end it is gone on with."""


class SamplesFeed:
    """``step`` reads on. ``series`` lie on the axis of the samples' own ``t``."""

    def __init__(self, path: Path) -> None:
        self._tail = Tail(path)
        self.series: dict[str, Series] = {}
        self.last: Record | None = None
        """The newest sample, with the last PSS of each process where it has none."""
        self.version = 0
        self._t: float | None = None
        self._skip_to = ""
        self._shares = Shares()

    def open(self, checkpoint: Checkpoint | None) -> None:
        """Begin where a checkpoint of the file has come to, if it is one."""
        self._tail.look()
        part = checkpoint.part("system") if checkpoint is not None else {}
        offset = part.get("offset")
        if checkpoint is None or type(offset) is not int or not self._tail.begins_line(offset):
            return
        try:
            self.series = dict(checkpoint.series("system"))
        except ValueError:
            return
        self._t = max((series.end.x for series in self.series.values()), default=None)
        behind = self._tail.peek(max(0, offset - LOOK_BACK), min(LOOK_BACK, offset))
        last = behind[behind.rfind(b"\n", 0, -1) + 1 :]
        self.last = next(map(sound, decode_batch(last)[0]), None)
        self._tail.go_to(offset)
        self.version += 1

    @property
    def clock_offset(self) -> float | None:
        """What to add to a ``t``, of output.idx too, for seconds since 1970."""
        with suppress(KeyError, TypeError, ValueError):
            last = self.last or {}
            return datetime.fromisoformat(last["timestamp"]).timestamp() - float(last["t"])
        return None

    @property
    def loading(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(1.0, self._tail.offset / self._tail.size) if self._tail.is_behind else 1.0

    def step(self, is_due: Callable[[], bool]) -> bool:
        """Read on until the time is up, a block at least; whether there is more."""
        if self._tail.look():
            self._go_on_in_another()
        before = self.last
        while self._tail.is_behind and (data := self._tail.read()):
            for sample in decode_batch(data)[0]:
                self._add(sample)
            self.version += 1
            if is_due():
                break
        if self.last is not None and self.last is not before:
            self.last = sound(self.last)
        return self._tail.is_behind

    def _go_on_in_another(self) -> None:
        """Behind what was read already; its samples have their timestamps still."""
        start = max(0, self._tail.size - LOOK_BACK)
        if start:
            start += self._tail.peek(start, LOOK_BACK).find(b"\n") + 1
        self._tail.go_to(start)
        self._skip_to = str((self.last or {}).get("timestamp", ""))

    def _add(self, sample: Record) -> None:
        t = as_number(sample.get("t"))
        if t is None or not float("-inf") < t < float("inf"):
            return
        if self._skip_to and str(sample.get("timestamp", "")) <= self._skip_to:
            return
        self._skip_to = ""
        if self._t is not None and t < self._t:  # another part, with a clock of its own
            self.series = {}
        for name, value in figures_of(sample):
            series = self.series.get(name)
            if series is None:
                series = self.series[name] = Series()
            series.add(value, t)
        self._shares.fill(sample)
        self._t, self.last = t, sample
