"""When a client may close: the command has ended, and what it wrote has been shown."""

QUIET_SECONDS, LINGER_SECONDS = 1.0, 2.0
"""After the command's end, while somebody still holds its terminal: leave after so much
silence, or so long at the latest."""


class Closing:
    """What a client knows of the end; times are any clock's seconds."""

    def __init__(self) -> None:
        self.code: int | None = None
        """The command's, as a shell would report it; None while it runs."""
        self.drained = False
        """Whether nobody holds its terminal any more."""
        self._last_output = 0.0
        self._shown_at = 0.0

    def exited(self, code: int, *, drained: bool) -> None:
        """The command has ended."""
        self.code, self.drained = code, drained

    def printed(self, now: float) -> None:
        """There was output."""
        self._last_output = now

    def is_due(self, now: float) -> bool:
        """Whether to close. Asked only when all output so far has been shown."""
        if self.code is None:
            return False
        self._shown_at = self._shown_at or now
        quiet = now - max(self._last_output, self._shown_at)
        return self.drained or quiet >= QUIET_SECONDS or now - self._shown_at >= LINGER_SECONDS
