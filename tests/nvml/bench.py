"""A probe on the stand-in, its clock and its PID namespace set by the test."""

from collections.abc import Collection
from pathlib import Path

import pytest

from mlterm.system.gpu import GpuReading
from mlterm.system.gpuprobe import GpuProbe
from tests.nvml import INITIAL, Standin
from tests.support import PATIENCE

JOB = 4242


class Bench:
    """A probe on a driver, in a namespace of our choice."""

    def __init__(self, nvml: Standin, proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        nvml.load()
        self._monkeypatch = monkeypatch
        self.nvml = nvml
        self.now = 1000.0
        self._proc = proc
        self._probes: list[GpuProbe] = []
        (proc / "self" / "ns").mkdir(parents=True)
        self.namespace(INITIAL)
        self.lacking()

    def lacking(self, *parts: str) -> None:
        """For probes that start from now on: a driver without these functions."""
        self.nvml.lacking(*parts)
        for name, value in self.nvml.environ.items():
            self._monkeypatch.setenv(name, value)

    def namespace(self, name: str) -> None:
        link = self._proc / "self" / "ns" / "pid"
        link.unlink(missing_ok=True)
        link.symlink_to(name)

    def exists(self, *pids: int) -> None:
        for pid in pids:
            (self._proc / str(pid)).mkdir()

    def probe(self, selection: str = "auto", **environ: str) -> GpuProbe:
        probe = GpuProbe(environ, selection, lambda: self.now, proc=self._proc)
        self._probes.append(probe)
        return probe

    def close(self) -> None:
        for probe in self._probes:
            probe.close()


def read(probe: GpuProbe, pids: Collection[int] = (JOB,)) -> GpuReading:
    probe.ask(pids)
    reading = probe.answer(PATIENCE)
    assert reading is not None
    return reading
