"""Starting a supervised run, seen from the client.

``Launch`` is made in the client before it has threads and before it imports anything
heavy: the daemon begins its work at once, the client goes on with its own.
"""

import os
from contextlib import suppress

from mlterm.core import names
from mlterm.core.errors import CommandError, MltermError, RefusedError, SupervisorError
from mlterm.core.plan import Launched, Plan
from mlterm.system import daemon

_ANSWER_LIMIT = 64 * 1024


class Launch:
    """A run that is being started in a daemon of its own."""

    def __init__(self, plan: Plan) -> None:
        """Fork the daemon. Raises RefusedError where the names break their rule."""
        names.check_pair(plan.project, plan.run_id)
        self._plan = plan
        self._answer, write = os.pipe()
        daemon.detach(lambda: _begin(plan, write), {write, *plan.given_fds})
        os.close(write)
        for fd in plan.given_fds:  # the command has them now; here they would hold pipes open
            os.close(fd)

    def result(self) -> Launched:
        """Wait until the command runs.

        Raises RefusedError where the names are taken, CommandError (126, 127) where the
        command cannot be started (a failed run is recorded), SupervisorError where mlterm
        itself cannot do its work.
        """
        answer = b""
        while data := os.read(self._answer, _ANSWER_LIMIT):
            answer += data
        os.close(self._answer)
        kind, _, rest = answer.decode("utf-8", "surrogateescape").partition("\0")
        if kind == "started":
            run_id, run_file, offset = rest.split("\0")
            return Launched(self._plan.project, run_id, run_file, int(offset))
        errors = {"refused": RefusedError, "supervisor": SupervisorError}
        if kind in errors:
            raise errors[kind](rest)
        if kind == "command":
            code, _, words = rest.partition("\0")
            raise CommandError(words, int(code))
        raise SupervisorError("the supervisor died before the command could be started")


def _begin(plan: Plan, answer: int) -> None:
    """In the daemon: start the command and become its guard."""

    def reply(*words: str) -> None:
        with suppress(OSError):
            os.write(answer, "\0".join(words).encode("utf-8", "surrogateescape"))
        os.close(answer)

    try:
        from mlterm import supervisor  # here, so that the client need not wait for it

        guard, started = supervisor.set_up(plan)
    except CommandError as error:
        reply("command", str(error.exit_code), str(error))
    except RefusedError as error:
        reply("refused", str(error))
    except (MltermError, OSError) as error:
        reply("supervisor", str(error))
    except BaseException as error:
        reply("supervisor", f"{type(error).__name__}: {error}")
        raise
    else:
        os.chdir("/")
        reply("started", started.run_id, started.run_file, str(started.offset))
        daemon.run_part(guard.run, supervisor.crash_log_of(started))
