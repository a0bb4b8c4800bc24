"""An event file, written by TensorBoard's own writer. Only this module imports its protos."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.text.metadata import create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

_VERSION = "brain.Event:2"
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_numbers = itertools.count()


class EventFile:
    """A file in ``folder``, which is made. A context manager; its methods raise OSError."""

    def __init__(self, folder: Path, started: float, host: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{max(0, int(started)):010d}.{_UNSAFE.sub('-', host)}"
        # TensorBoard reads a folder's files in the order of their names.
        self._file = (folder / f"{name}.{next(_numbers)}.mlterm").open("xb")
        self._writer = RecordWriter(self._file)
        self._texts: set[str] = set()
        source = SourceMetadata(writer="mlterm")
        self._write(Event(wall_time=started, file_version=_VERSION, source_metadata=source))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def scalars(self, values: Mapping[str, float], seconds: float, step: int) -> None:
        """Numbers of one moment, by their tags."""
        told = [Summary.Value(tag=_text(tag), simple_value=each) for tag, each in values.items()]
        self._write(Event(wall_time=seconds, step=step, summary=Summary(value=told)))

    def text(self, tag: str, text: str, seconds: float, step: int) -> None:
        """A text, which TensorBoard renders as Markdown."""
        one = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype=DT_STRING, tensor_shape=one, string_val=[_bytes(text)])
        plugin = None
        if tag not in self._texts:  # once for each is enough
            self._texts.add(tag)
            plugin = create_summary_metadata(display_name="", description="")
        value = Summary.Value(tag=_text(tag), tensor=tensor, metadata=plugin)
        self._write(Event(wall_time=seconds, step=step, summary=Summary(value=[value])))

    def begin_session(
        self, name: str, started: float, parameters: Mapping[str, bool | float | str]
    ) -> None:
        """What the hparams plugin knows a run by: its hyperparameters."""
        start = plugin_data_pb2.SessionStartInfo(group_name=_text(name), start_time_secs=started)
        for key, value in parameters.items():
            told = start.hparams[_text(key)]
            if isinstance(value, bool):
                told.bool_value = value
            elif isinstance(value, str):
                told.string_value = _text(value)
            else:
                told.number_value = value
        data = plugin_data_pb2.HParamsPluginData(session_start_info=start)
        self._session(metadata.SESSION_START_INFO_TAG, data, started)

    def end_session(self, status: str, ended: float) -> None:
        """How it ended, and when; ``status`` is a name of the plugin's enumeration."""
        end = plugin_data_pb2.SessionEndInfo(
            status=api_pb2.Status.Value(status), end_time_secs=ended
        )
        data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
        self._session(metadata.SESSION_END_INFO_TAG, data, ended)

    def _session(self, tag: str, data: Any, seconds: float) -> None:
        value = Summary.Value(
            tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR
        )
        self._write(Event(wall_time=seconds, summary=Summary(value=[value])))

    def _write(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())


def _text(text: str) -> str:
    """A lone surrogate has no UTF-8."""
    return _bytes(text).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
