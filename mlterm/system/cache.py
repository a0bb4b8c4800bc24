"""What was read of the runs of a folder, kept so that lists need not read their files again.

It is only a cache: in the user's own cache folder, replaced as a whole without a lock, good for a
file as long as that has not changed. Deleting it costs time and nothing else.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import orjson

from mlterm.core.records import decode, encode, is_finite
from mlterm.core.summary import RunSummary, summaries_in
from mlterm.system.ends import Stamp
from mlterm.system.paths import cache_dir, short_key

_FORMAT = 1
"""Of what is kept, and of how it was read: another one is not read."""
SETTLED_NS = 2_000_000_000
"""A file that was changed more recently is not kept: a change within one tick of its file system's
clock could not be told from it (as git has it for its index)."""
KEPT_SECONDS = 90 * 86_400
"""Since it was written last."""


@dataclass(frozen=True)
class Kept:
    """What is kept of one run."""

    stamp: Stamp
    """Of its file, before that was read."""
    named: bool
    """Whether the file itself names its project and run."""
    summed: bool
    """Whether its metrics are among it."""
    run: RunSummary


class Cache:
    """Of one folder; read at once, written at the end if there is something new."""

    def __init__(self, folder: Path) -> None:
        real = os.path.realpath(folder)
        self._path = cache_dir() / f"runs-{short_key(os.fsencode(real))}.jsonl"
        fields = list(RunSummary.__dataclass_fields__)
        self._head = orjson.dumps([_FORMAT, os.fsencode(real).hex(), fields])
        self._lines: dict[str, bytes] = {}
        self._has_news = False
        with suppress(OSError):
            head, *lines = self._path.read_bytes().split(b"\n")
            if head == self._head:
                self._lines = {os.fsdecode(line.partition(b"\0")[0]): line for line in lines}

    def get(self, path: str, stamp: Stamp) -> Kept | None:
        """Of a file of the folder; None where it was never read, or has changed since."""
        with suppress(KeyError, TypeError, ValueError):
            told, named, summed, run = orjson.loads(
                self._lines[os.path.basename(path)].partition(b"\0")[2]
            )
            if tuple(told) == stamp:
                run |= {"path": path, "metrics": summaries_in(run["metrics"])}
                return Kept(stamp, named, summed, RunSummary(**run))
        return None

    def put(self, kept: Kept) -> None:
        """Keep it, if its file has not been changed just now."""
        run = kept.run.as_json()
        name = os.path.basename(run.pop("path"))
        is_settled = time.time_ns() - max(kept.stamp[:2]) > SETTLED_NS
        if not is_settled or "\n" in name or not is_finite(run["hyperparameters"]):
            return
        if not all(map(isfinite, _numbers_of(run["metrics"]))):
            run["metrics"] = decode(encode(run["metrics"]))  # in words
        with suppress(TypeError):  # text that is no Unicode
            data = orjson.dumps([kept.stamp, kept.named, kept.summed, run])
            # Joined, it is as large as it has to be: orjson's has room for six times as much.
            self._lines[name] = b"".join((os.fsencode(name), b"\0", data))
            self._has_news = True

    def write(self, names: Iterable[str]) -> None:
        """Replace the file, where there is something new; of files that are no longer among
        ``names`` nothing is kept. Where it cannot be written nothing is lost."""
        if not self._has_news:
            return
        there = set(names)
        # By chance: in another container another process may have our number.
        scratch = self._path.with_suffix(f".{os.urandom(8).hex()}.tmp")
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lines = (line for name, line in self._lines.items() if name in there)
            try:
                with open(scratch, "wb", opener=_private) as file:
                    file.write(b"\n".join((self._head, *lines)))
                scratch.replace(self._path)
                self._tidy()
            except BaseException:
                scratch.unlink(missing_ok=True)
                raise

    def _tidy(self) -> None:
        """Remove what was kept long ago, of folders that may no longer be there."""
        oldest = time.time() - KEPT_SECONDS
        for path in self._path.parent.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _numbers_of(metrics: dict[str, dict[str, float | None]]) -> Iterator[float]:
    return (value for each in metrics.values() for value in each.values() if value is not None)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
