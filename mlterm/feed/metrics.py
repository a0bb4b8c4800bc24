"""The metrics of a run as its file grows: folded, from where summary.json has come to."""

from collections.abc import Callable, Iterator
from pathlib import Path

from mlterm.core.records import Record, decode, decode_batch
from mlterm.core.series import Series, SeriesFold
from mlterm.feed.tail import Tail
from mlterm.system.checkpoint import Checkpoint
from mlterm.system.ends import BLOCK
from mlterm.system.paths import RunFiles

HEAD_BYTES = 1024 * 1024
"""How much of a file's beginning is looked at for ``define`` records, where summary.json has the
series of it."""
_RARE = ("finish", "run", "hyperparameters", "note")


def read_metrics(files: RunFiles, look: Callable[[], object] = lambda: None) -> "MetricsFeed":
    """All of a run's metrics, once; ``look`` is called whenever a BLOCK was read. Raises
    OSError."""

    def is_due() -> bool:
        look()
        return False

    files.run.open("rb").close()  # the feed itself waits for what cannot be read
    feed = MetricsFeed(files.run)
    feed.open(Checkpoint.read(files.summary))
    feed.step(is_due)
    feed.take_torn()
    return feed


class MetricsFeed:
    """``step`` reads on. What it has read is in ``series``, ``definitions`` and ``last``; of one
    metric only, where that is named."""

    def __init__(self, path: Path, only: str | None = None) -> None:
        self._tail, self._only = Tail(path), only
        self.rare = 0
        """How often records have come that the run's summary is made of."""
        self._begin_anew()
        self.version = 0
        """Changes with the series and the definitions."""

    def _begin_anew(self) -> None:
        self._fold = SeriesFold(self._only)
        self._opening: Iterator[None] | None = None
        self._series: tuple[int, dict[str, Series]] = (-1, {})
        self.definitions: dict[str, Record] = {}
        self.last: Record = {}
        """The last record of metrics."""
        self.broken_lines = 0
        """Of what was read, not of what a checkpoint told."""
        self._torn_size = 0

    def open(self, checkpoint: Checkpoint | None) -> None:
        """Begin where a checkpoint of the file has come to, if it is one; the next steps do."""
        self._tail.look()
        offset = checkpoint.fields.get("records_offset") if checkpoint is not None else None
        if checkpoint is not None and type(offset) is int and self._tail.begins_line(offset):
            self._tail.go_to(offset)
            self._opening = self._open(checkpoint, offset)

    def _open(self, checkpoint: Checkpoint, offset: int) -> Iterator[None]:
        """Series by series, for there may be thousands."""
        taken = {}
        try:
            for name, series in checkpoint.series():
                taken[name] = series
                yield
            self._fold = SeriesFold.of(checkpoint.fields.get("records"), taken.items())
        except ValueError:
            self._tail.go_to(0)
            return
        head = self._tail.peek(0, min(HEAD_BYTES, offset))
        if b'"define"' in head:
            self._define(decode_batch(head[: head.rfind(b"\n") + 1])[0])
        behind = self._tail.peek(max(0, offset - BLOCK), min(BLOCK, offset))
        self._note_last(decode_batch(behind[behind.find(b"\n") + 1 :])[0])
        self.version += 1

    @property
    def series(self) -> dict[str, Series]:
        """Every metric so far; the same object as long as nothing was read."""
        if self._series[0] != self.version:
            self._series = self.version, self._fold.series
        return self._series[1]

    @property
    def loading(self) -> float:
        """How much of the file has been read, 0 to 1."""
        if self._opening is not None:
            return 0.0
        return min(1.0, self._tail.offset / self._tail.size) if self._tail.is_behind else 1.0

    def step(self, is_due: Callable[[], bool]) -> bool:
        """Read on until the time is up, a block at least; whether there is more."""
        if self._tail.look():
            self._begin_anew()
            self.version += 1
            self.rare += 1
        for _ in self._opening or ():
            if is_due():
                return True
        self._opening = None
        while self._tail.is_behind and (data := self._tail.read()):
            self._add(data)
            if is_due():
                break
        return self._tail.is_behind

    def take_torn(self) -> None:
        """Take in a last line that nobody will end, if it is whole."""
        tail = self._tail
        if not tail.is_behind and tail.size > tail.offset and tail.size != self._torn_size:
            self._torn_size = tail.size
            data = tail.torn()
            if decode(data) is not None:
                tail.go_to(tail.offset + len(data))
                self._add(data)

    def _add(self, data: bytes) -> None:
        batch, broken = decode_batch(data)
        self.broken_lines += broken
        self._fold.add_batch(batch)
        self._note_last(batch)
        others = [record for record in batch if record.get("type") != "metrics"]
        self._define(others)
        self.rare += any(record.get("type") in _RARE for record in others)
        self.version += 1

    def _note_last(self, batch: list[Record]) -> None:
        found = (record for record in reversed(batch) if record.get("type") == "metrics")
        self.last = next(found, self.last)

    def _define(self, batch: list[Record]) -> None:
        for record in batch:
            if record.get("type") == "define":
                self.definitions[str(record.get("name"))] = record
