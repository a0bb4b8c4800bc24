"""What a Tracker says to the person, so that nothing of it reaches the training."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mlterm.core.errors import MltermError, MltermWarning, RecordError

_OURS = ("mlterm.tracker", "contextlib")


class Voice:
    """Warnings, each once; exceptions instead where it is strict."""

    def __init__(self, *, strict: bool, debug: bool) -> None:
        self.is_strict = strict
        self.is_debug = debug
        self.lost = 0
        """Calls that came to nothing."""
        self._said: set[str] = set()

    def warn(self, key: str, text: str) -> None:
        """Say something of a kind, ``key``, that is said once. A strict one raises RecordError."""
        if self.is_strict:
            raise RecordError(text)
        if key not in self._said:
            self._said.add(key)
            self.notice(text)

    def notice(self, text: str) -> None:
        """Say something that is no trouble to be strict about."""
        try:
            warnings.warn(text, MltermWarning, stacklevel=_level_of_caller())
        except Exception:  # noqa: BLE001  # warnings are errors here: training is to go on
            _print(text)

    def tell(self, text: str) -> None:
        """Say what is done, to who debugs."""
        if self.is_debug:
            _print(text.rstrip())

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Nothing that goes wrong with ``what`` reaches the training, unless it is strict."""
        try:
            yield
        except MltermError as error:
            if self.is_strict:
                raise
            self.notice(str(error))
        except Exception as error:
            if self.is_strict:
                raise RecordError(f"{what}: {type(error).__name__}: {error}") from error
            self.lost += 1
            words = f"{what} is lost ({type(error).__name__}: {_text(error)})"
            self.warn(f"error {type(error)}", words)


def _text(error: Exception) -> str:
    try:
        return str(error)[:500]
    except Exception:  # noqa: BLE001  # a user's exception may do anything when it is asked
        return "its words cannot be had"


def _level_of_caller() -> int:
    """Which of the calls before ``warnings.warn`` is the script's own."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
        level, frame = level + 1, frame.f_back
    return level


def _print(text: str) -> None:
    with suppress(Exception):  # stderr may be closed, or anything that calls itself a stream
        print(f"mlterm: {text}", file=sys.stderr, flush=True)
