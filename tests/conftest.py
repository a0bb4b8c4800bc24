import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.nvml import Library, Standin
from tests.support import MIB, Disk, Home
from tests.template import Template

# Timings are never asserted. Each run of the suite tries other examples: no one of them need
# try as many as a person who looks for one mistake.
settings.register_profile("mlterm", deadline=None, max_examples=50)
settings.load_profile("mlterm")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for programs nearly half of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True, scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept of lists, far from this user's own."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of one test alone."""
    path = tmp_path / ".cache"
    path.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def template() -> Iterator[Template]:
    """An mlterm to fork."""
    started = Template()
    yield started
    started.close()


@pytest.fixture
def home(template: Template) -> Iterator[Home]:
    """A folder of its own (its path short, for sockets), and an environment to match."""
    with tempfile.TemporaryDirectory(prefix="mlt", dir="/tmp") as folder:
        path = Path(folder).resolve()
        runtime = path / "run"
        runtime.mkdir(mode=0o700)
        # Where no bytecode may be kept every program would compile mlterm anew.
        dropped = ("MLTERM_", "PYTEST", "COV", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        environ = kept | {
            "HOME": str(path),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CACHE_HOME": str(path / ".cache"),
            "MLTERM_RUNTIME_DIR": str(runtime / "mlterm"),  # none of this user's own runs
            "MPLCONFIGDIR": os.path.join(tempfile.gettempdir(), f"mlterm-fonts-{os.getuid()}"),
            "SPT_NOENV": "1",  # setproctitle would overwrite the environment that clear() reads
            "TERM": "xterm-256color",
            "MLTERM_PLAIN": "1",  # a test of the view takes it away
            "PYTHONPATH": os.getcwd(),
            "PYTHONUNBUFFERED": "1",
        }
        environ.pop("NO_COLOR", None)
        corner = Home(path, environ, template)
        try:
            yield corner
        finally:
            corner.clear()


@pytest.fixture
def disk(home: Home) -> Iterator[Disk]:
    """A small disk under the home's logs; only root may mount one."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    small = Disk(home.logs)
    try:
        small.mount(2 * MIB)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error.stderr.decode().strip()}")
    try:
        yield small
    finally:
        home.clear()
        small.unmount()


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Compiled once; the test is skipped where there is no compiler."""
    return Library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def nvml(nvml_library: Library, tmp_path: Path) -> Standin:
    """A driver with two GPUs, for programs that are started with its ``environ``."""
    return Standin(nvml_library, tmp_path)
