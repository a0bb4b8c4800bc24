"""Keeping an emulated screen at the end of its program's output, however fast that comes."""

from mlterm.ui.emulator import Emulator
from mlterm.ui.skipping import give_up, shorten

SLICE = 32 * 1024
"""Bytes that are emulated before whoever waits (a key) gets a turn."""
_PATIENCE = 16 * 1024  # bytes that are not worth looking for what can be skipped
_LIMIT = 1024 * 1024  # bytes that may wait where nothing can be skipped
_KEPT = 256 * 1024  # of them, where there are more


class Catcher:
    """Takes any amount of output; little of it is emulated."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._pending = b""
        self._due = _PATIENCE  # so many bytes are worth another look

    @property
    def pending(self) -> int:
        """Bytes that are not on the screen yet."""
        return len(self._pending)

    def feed(self, data: bytes) -> None:
        """Take the next output (best in blocks of about 1 MB where there is much)."""
        self._pending += data
        if len(self._pending) <= self._due:
            return
        stance = self.emulator.stance
        short = shorten(self._pending, stance)
        if len(short) > _LIMIT:
            short = give_up(short, _KEPT, stance)
        self._pending = short
        self._due = max(_PATIENCE, 2 * len(short))

    def work(self, budget: int = SLICE) -> bool:
        """Emulate a slice of what is pending; whether more is left."""
        left = self.emulator.feed(self._pending, budget)
        self._pending = self._pending[len(self._pending) - left :]
        if not self._pending:
            self._due = _PATIENCE
        return bool(self._pending)
