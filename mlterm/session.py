"""Starting a supervised run, seen from the client.

The daemon is forked first of all, before the client has threads or has imported anything
heavy: it gets ready while the client reads its options, and starts the command as soon as
it is told which.
"""

import fcntl
import marshal
import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mlterm.core import names
from mlterm.core.errors import CommandError, MltermError, RefusedError, SupervisorError
from mlterm.core.plan import ChildSpec, Launched, Plan, SamplingPlan, Watched
from mlterm.system import daemon

_CHUNK = 64 * 1024


class Launch:
    """A daemon that waits for a plan. One that never gets any ends with the client."""

    def __init__(self) -> None:
        plan, self._plan = os.pipe()
        self._answer, answer = os.pipe()
        ours = (self._plan, self._answer)
        daemon.detach(lambda: _serve(plan, answer, not_ours=ours))
        os.close(plan)
        os.close(answer)
        self._project = ""

    def start(self, plan: Plan) -> None:
        """Hand the plan over. Raises RefusedError where the names break their rule."""
        names.check_pair(plan.project, plan.run_id)
        self._project = plan.project
        rest = memoryview(marshal.dumps(_plain(plan)))
        with suppress(BrokenPipeError):  # then the answer, or its lack, says why
            while rest:
                rest = rest[os.write(self._plan, rest) :]
        os.close(self._plan)
        for fd in plan.child.pass_fds:  # the command has them now; here they would hold pipes open
            os.close(fd)

    def result(self) -> Launched:
        """Wait until the command runs.

        Raises RefusedError where the names are taken, CommandError (126, 127) where the
        command cannot be started (a failed run is recorded), SupervisorError where mlterm
        itself cannot do its work.
        """
        kind, _, rest = _read_all(self._answer).decode("utf-8", "surrogateescape").partition("\0")
        if kind == "started":
            run_id, run_file, offset = rest.split("\0")
            return Launched(self._project, run_id, run_file, int(offset))
        errors = {"refused": RefusedError, "supervisor": SupervisorError}
        if kind in errors:
            raise errors[kind](rest)
        if kind == "command":
            code, _, words = rest.partition("\0")
            raise CommandError(words, int(code))
        raise SupervisorError("the supervisor died before the command could be started")


def _serve(plan_pipe: int, answer: int, not_ours: tuple[int, ...]) -> None:
    """In the daemon: get ready, wait for the plan, start the command, become its guard."""
    for fd in not_ours:
        os.close(fd)

    def reply(*words: str) -> None:
        with suppress(OSError):
            os.write(answer, "\0".join(words).encode("utf-8", "surrogateescape"))
        os.close(answer)

    try:
        from mlterm import supervisor  # here, so that the client need not wait for it

        daemon.become_subreaper()
        daemon.set_title("guard", "of a run that is being started")
        if (plan := _take_over(plan_pipe, answer)) is None:
            return
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


def _take_over(plan_pipe: int, answer: int) -> Plan | None:
    """Wait for the plan and let go of everything of the caller's that is not the command's.

    None where the client has ended without one (a mistake in its options, --help).
    """
    data = _read_all(plan_pipe)
    if not data:
        return None
    fields = marshal.loads(data)
    child = ChildSpec(**fields["child"])
    if child.stdin is not None:  # out of the way of the daemon's own
        child = replace(child, stdin=fcntl.fcntl(child.stdin, fcntl.F_DUPFD_CLOEXEC, 3))
    watched = fields["watched"] and Watched(**fields["watched"])
    parts = {"child": child, "sampling": SamplingPlan(**fields["sampling"]), "watched": watched}
    plan = Plan(**fields | parts)
    daemon.let_go({answer, *plan.given_fds})
    return plan


def _plain(plan: Plan) -> dict[str, Any]:
    """For marshal, which knows no classes; as _take_over has it back."""
    parts = {"child": plan.child, "sampling": plan.sampling, "watched": plan.watched}
    return vars(plan) | {name: part and vars(part) for name, part in parts.items()}


def _read_all(pipe: int) -> bytes:
    data = b""
    while more := os.read(pipe, _CHUNK):
        data += more
    os.close(pipe)
    return data
