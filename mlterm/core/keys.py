"""What a person's keys mean to a plain client: most go to the program, a few are ours."""

from collections.abc import Iterator
from enum import Enum

DETACH_BYTE, SUSPEND_BYTE, INTERRUPT_BYTE = 0x1C, 0x1A, 0x03
TAPS, TAP_SECONDS = 3, 1.5


class Command(Enum):
    """A key that is not for the program."""

    DETACH = "detach"
    SUSPEND = "suspend"
    OFFER_STOP = "offer to stop"


_BYTES = {DETACH_BYTE: Command.DETACH, SUSPEND_BYTE: Command.SUSPEND}
_SEQUENCES = {
    # The same keys where the program has asked the terminal for unambiguous ones:
    # CSI u (the kitty keyboard protocol) and xterm's modifyOtherKeys.
    b"\x1b[92;5u": Command.DETACH,
    b"\x1b[27;5;92~": Command.DETACH,
    b"\x1b[122;5u": Command.SUSPEND,
    b"\x1b[27;5;122~": Command.SUSPEND,
}


class KeyReader:
    """Splits typed bytes into keys for the program and commands for us, at any chunking."""

    def __init__(self) -> None:
        self._held = b""
        self._taps: list[float] = []

    @property
    def holding(self) -> bool:
        """Whether the start of what may be a command is held back; see ``flush``."""
        return bool(self._held)

    def flush(self) -> bytes:
        """What was held back was not a command after all: its bytes."""
        held, self._held = self._held, b""
        return held

    def feed(self, data: bytes, now: float) -> Iterator[bytes | Command]:
        """Yield keys (bytes, in order) and commands. ``now`` is any clock's seconds."""
        data = self._held + data
        self._held = b""
        start = at = 0
        while at < len(data):
            command, length = self._command_at(data, at)
            if length == 0:  # perhaps the start of one
                self._held = data[at:]
                break
            if command is None:
                at += length
                if data[at - 1] == INTERRUPT_BYTE and self._third_tap(now):
                    yield data[start:at]
                    yield Command.OFFER_STOP
                    start = at
                continue
            if at > start:
                yield data[start:at]
            yield command
            at += length
            start = at
        if at > start:
            yield data[start:at]

    def _command_at(self, data: bytes, at: int) -> tuple[Command | None, int]:
        """The command at a place and its length; length 0 where more bytes would tell."""
        if data[at] in _BYTES:
            return _BYTES[data[at]], 1
        if data[at] == 0x1B:
            for sequence, command in _SEQUENCES.items():
                piece = data[at : at + len(sequence)]
                if piece == sequence:
                    return command, len(sequence)
                if sequence.startswith(piece):
                    return None, 0
        return None, 1

    def _third_tap(self, now: float) -> bool:
        self._taps = [tap for tap in self._taps if now - tap < TAP_SECONDS] + [now]
        if len(self._taps) < TAPS:
            return False
        self._taps.clear()
        return True
