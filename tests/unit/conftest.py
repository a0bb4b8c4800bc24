import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nvml import Standin
from tests.nvml.bench import Bench


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private runtime folder of its own, its path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mlt", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def bench(nvml: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Probes of the stand-in, which this process and its children find."""
    bench = Bench(nvml, tmp_path / "proc", monkeypatch)
    yield bench
    bench.close()
