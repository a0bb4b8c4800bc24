"""mlterm: a terminal-first supervisor and experiment tracker for machine learning."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlterm.core.errors import MltermError, MltermWarning
    from mlterm.reader import RunData, follow_run, read_run
    from mlterm.tracker import Tracker

__version__ = "0.1.0"
__all__ = [
    "MltermError",
    "MltermWarning",
    "RunData",
    "Tracker",
    "__version__",
    "follow_run",
    "read_run",
]

_HOMES = {
    "MltermError": "mlterm.core.errors",
    "MltermWarning": "mlterm.core.errors",
    "RunData": "mlterm.reader",
    "Tracker": "mlterm.tracker",
    "follow_run": "mlterm.reader",
    "read_run": "mlterm.reader",
}


def __getattr__(name: str) -> object:
    """Each name is imported when it is first asked for: the command line needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mlterm' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
