"""Every error that mlterm raises on purpose.

A message says what happened, what was kept, and what to do. Only the command line's
``main`` prints one and exits with its ``exit_code``.
"""


class MltermError(Exception):
    """The root of all of them; ``exit_code`` is what the command line ends with."""

    exit_code = 1


class NotFoundError(MltermError):
    """Nothing answers to what was asked for."""


class RefusedError(MltermError):
    """What was asked for breaks a rule; nothing was started or changed."""

    exit_code = 2


class SupervisorError(MltermError):
    """mlterm itself failed, not the command (125, as env(1) and timeout(1) have it)."""

    exit_code = 125


class RecordError(MltermError):
    """Something could not be recorded as it was given: raised by a strict Tracker alone."""


class MltermWarning(UserWarning):
    """What a Tracker says instead of raising: the script goes on."""


class CommandError(MltermError):
    """The command could not be started: 127 where it is missing, 126 where it may not run."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ProtocolError(MltermError):
    """A peer sent what is no frame of ours; the connection is over, nothing else."""
