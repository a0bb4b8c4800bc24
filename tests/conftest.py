import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import Home


@pytest.fixture
def home() -> Iterator[Home]:
    """A folder of its own (its path short, for sockets), and an environment to match."""
    with tempfile.TemporaryDirectory(prefix="mlt", dir="/tmp") as folder:
        path = Path(folder).resolve()
        runtime = path / "run"
        runtime.mkdir(mode=0o700)
        dropped = ("MLTERM_", "PYTEST", "COV")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        environ = kept | {
            "HOME": str(path),
            "XDG_RUNTIME_DIR": str(runtime),
            "MLTERM_RUNTIME_DIR": str(runtime / "mlterm"),  # none of this user's own runs
            "SPT_NOENV": "1",  # setproctitle would overwrite the environment that clear() reads
            "TERM": "xterm-256color",
            "PYTHONPATH": os.getcwd(),
            "PYTHONUNBUFFERED": "1",
        }
        environ.pop("NO_COLOR", None)
        corner = Home(path, environ)
        try:
            yield corner
        finally:
            corner.clear()
