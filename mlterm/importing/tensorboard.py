"""TensorBoard's event files: a run each folder that has some, read by TensorBoard's own loader.

The files of a folder are read in the order of their names, as TensorBoard does, and what a
restart has made void is left out. A folder ``rank3`` within a run's is its rank 3.
"""

import re
import shlex
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import compress, repeat
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.util import tensor_util

from mlterm.core.lifecycle import FAILED
from mlterm.importing.draft import Draft
from mlterm.importing.staging import Asked, Staging, walk

ORIGIN = "TensorBoard"
_OWN = "mlterm/"
"""Begins the tags of texts that an export has made of what is about the run."""
_RANK = re.compile(r"rank(\d{1,9})")
_HOST = re.compile(r"tfevents\.\d+\.(.+?)\.\d+\.")
_TOGETHER_SECONDS = 1.0
"""Values of one step that were logged within it are of one moment."""
_FRAME_BYTES = 16
"""Of a record, beside its data: its length and two checksums."""
_WORDS = {"histo": "histograms", "image": "images", "audio": "audio clips"}


def read(path: Path, staging: Staging, asked: Asked) -> None:
    """Make a draft of each run under ``path``, a folder or a single file. Raises OSError."""
    for folder, files in _folders(path).items():
        draft = staging.draft(ORIGIN, folder)
        draft.run_id = _name(folder, path)
        for rank, event_files in sorted(files.items(), key=_by_rank):
            run = _Run(draft)
            for file in event_files:
                run.read(file, asked)
            run.tell(rank)


def _folders(path: Path) -> dict[Path, dict[int | None, list[Path]]]:
    """The event files by their runs' folders and their ranks."""
    found: dict[Path, dict[int | None, list[Path]]] = {}
    if path.is_file():
        return {path: {None: [path]}}
    for place, files in walk(path):
        events = [place / file for file in files if "tfevents" in file]
        if not events:
            continue
        folder, rank = place, None
        if folder != path and (number := _RANK.fullmatch(folder.name)):
            folder, rank = folder.parent, int(number[1])
        found.setdefault(folder, {})[rank] = events
    return found


def _by_rank(item: tuple[int | None, list[Path]]) -> int:
    return -1 if item[0] is None else item[0]


def _name(folder: Path, path: Path) -> str:
    """The way to the folder, in one word; of that which was given, its name."""
    inner = folder.relative_to(path).parts
    above = path.parent if path.is_file() else path
    return "-".join(inner) or above.resolve().name


class _Point(NamedTuple):
    order: int
    step: int
    seconds: float
    tag: str
    value: float | str


class _Points:
    """A tag's points in the order in which they came, in little memory: there may be millions."""

    def __init__(self) -> None:
        self._orders, self._steps = array("q"), array("q")
        self._seconds = array("d")
        self._values: list[float | str] = []

    def add(self, order: int, step: int, seconds: float, value: float | str) -> None:
        """Take one in."""
        self._orders.append(order)
        self._steps.append(step)
        self._seconds.append(seconds)
        self._values.append(value)

    def leave_out(self, step: int) -> int:
        """Leave out those from that step on; how many those were."""
        is_kept = [each < step for each in self._steps]
        count = is_kept.count(False)
        if count:
            self._orders = array("q", compress(self._orders, is_kept))
            self._steps = array("q", compress(self._steps, is_kept))
            self._seconds = array("d", compress(self._seconds, is_kept))
            self._values = list(compress(self._values, is_kept))
        return count

    def each(self, tag: str) -> Iterator[_Point]:
        """All of them."""
        return map(_Point, self._orders, self._steps, self._seconds, repeat(tag), self._values)


@dataclass
class _Run:
    """A folder's events, as they come."""

    draft: Draft
    points: defaultdict[str, _Points] = field(default_factory=lambda: defaultdict(_Points))
    """By their tags."""
    plugins: dict[str, str] = field(default_factory=dict)
    """A tag's plugin is told once."""
    version: float = 0.0
    latest_step: int = -1
    count: int = 0

    def read(self, path: Path, asked: Asked) -> None:
        """Take in a file, as far as it is sound."""
        size, done = path.stat().st_size, 0
        if host := _HOST.search(path.name):
            self.draft.facts["host"] = host[1]
        for data in RawEventFileLoader(str(path)).Load():
            done += len(data) + _FRAME_BYTES
            asked.step(len(data) + _FRAME_BYTES)
            try:
                self._add(Event.FromString(data))
            except DecodeError:
                self.draft.passed_over["events that could not be read"] += 1
        if done < size:
            self.draft.passed_over["bytes at a file's end that could not be read"] += size - done

    def _add(self, event: Any) -> None:
        started = self.draft.started
        if event.wall_time > 0:
            self.draft.started = min(event.wall_time, started or event.wall_time)
        kind = event.WhichOneof("what")
        if kind == "file_version":
            self.version = _version(event.file_version)
        elif kind in ("graph_def", "meta_graph_def"):
            self.draft.passed_over["graphs"] += 1
        self._purge(event, kind)
        if kind != "summary":
            return
        for value in event.summary.value:
            found = self._value(value)
            if found is not None:
                self.count += 1
                self.points[value.tag].add(self.count, event.step, event.wall_time, found)

    def _purge(self, event: Any, kind: str | None) -> None:
        """Leave out what a restart has made void: TensorBoard's own rules."""
        if self.version >= 2:
            if kind == "session_log" and event.session_log.status == SessionLog.START:
                self._leave_out(self.points, event.step)
        elif event.step < self.latest_step and kind == "summary":
            self._leave_out((value.tag for value in event.summary.value), event.step)
        else:
            self.latest_step = event.step

    def _leave_out(self, tags: Any, step: int) -> None:
        for tag in tags:
            if tag in self.points and (count := self.points[tag].leave_out(step)):
                self.draft.passed_over["values that a restart has made void"] += count

    def _value(self, value: Any) -> float | str | None:
        """A number or a text; None of what is neither, which is counted, or about the run."""
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            return float(value.simple_value)
        plugin = value.metadata.plugin_data.plugin_name
        if plugin:
            self.plugins[value.tag] = plugin
        plugin = self.plugins.get(value.tag, "")
        if plugin == metadata.PLUGIN_NAME:
            self._add_session(value)
            return None
        if kind == "tensor" and plugin in ("scalars", "text"):
            told = tensor_util.make_ndarray(value.tensor).reshape(-1)
            if plugin == "scalars" and len(told) == 1:
                return float(told[0])
            if plugin == "text" and len(told):
                return self._text(value.tag, told[0])
        self.draft.passed_over[_WORDS.get(kind, plugin or "values of other kinds")] += 1
        return None

    def _text(self, tag: str, data: Any) -> str | None:
        text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
        if not tag.startswith(_OWN):
            return text
        if tag == f"{_OWN}command":
            self.draft.facts["argv"] = _words(text)
        elif tag == f"{_OWN}notes":
            self.draft.notes = [text]
        elif tag == f"{_OWN}tags":
            pairs = (line.strip().partition("=") for line in text.splitlines())
            self.draft.tags = {name: value for name, _, value in pairs}
        return None

    def _add_session(self, value: Any) -> None:
        """What the hparams plugin keeps: the settings, and how it ended."""
        data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        if value.tag == metadata.SESSION_START_INFO_TAG:
            start = data.session_start_info
            for name, told in start.hparams.items():
                kind = told.WhichOneof("kind")
                found = getattr(told, kind) if kind else None
                if isinstance(found, float) and found.is_integer() and abs(found) < 2**53:
                    found = int(found)  # the plugin has no integers
                self.draft.hyperparameters[name] = found
        elif value.tag == metadata.SESSION_END_INFO_TAG:
            end = data.session_end_info
            self.draft.ended = end.end_time_secs or None
            if end.status == api_pb2.STATUS_FAILURE:
                self.draft.status = FAILED

    def tell(self, rank: int | None) -> None:
        """Give the draft what is left of the points, in the order in which they came."""
        for seconds, step, values in _moments(self.points):
            self.draft.add(seconds, values, step=step, rank=rank)


def _moments(points: dict[str, _Points]) -> Iterator[tuple[float, int, dict[str, Any]]]:
    """Values that follow each other, are of one step and were logged together, as one."""
    values: dict[str, Any] = {}
    first: _Point | None = None
    for point in merge(*(each.each(tag) for tag, each in points.items())):
        name, value = point.tag, point.value
        if isinstance(value, str):
            name = name.removesuffix("/text_summary")
        if first is not None and (
            point.step != first.step
            or name in values
            or abs(point.seconds - first.seconds) > _TOGETHER_SECONDS
        ):
            yield first.seconds, first.step, values
            values, first = {}, None
        first = first or point
        values[name] = value
    if first is not None:
        yield first.seconds, first.step, values


def _version(text: str) -> float:
    try:
        return float(text.removeprefix("brain.Event:"))
    except ValueError:
        return 0.0


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
