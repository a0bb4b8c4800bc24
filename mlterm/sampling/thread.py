"""Sampling a supervised run, as a thread of its observer: at once, at every interval, and once
more when the command has ended."""

import os
import select
import threading
import time
from dataclasses import replace

from mlterm.core.schedule import Schedule
from mlterm.core.usage import Adopted
from mlterm.sampling.book import SampleBook
from mlterm.sampling.sampler import Sampler, Subject
from mlterm.system import daemon
from mlterm.system.job import Job
from mlterm.system.summaryfile import SummaryFile

REAPING_SECONDS = 0.2
"""How long the guard may take to collect the command, whose last CPU time it then tells."""
_TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.25
"""Where the system has no pidfd, how often is asked whether the command has ended."""


class Sampling(threading.Thread):
    """Samples until the command has ended, or nobody is left who would record its end."""

    def __init__(self, job: Job, summary: SummaryFile) -> None:
        super().__init__(name="sampling", daemon=True)
        self._job, self._summary = job, summary

    def run(self) -> None:
        """What it dies of goes to the crash log: the run goes on, without samples."""
        board = self._job.board
        if board.exit_known and not board.sampling:  # it was gone before it could be seen
            return
        board.sampling = True
        try:
            self._sample()
        except Exception:  # noqa: BLE001 - a thread has nobody above to raise to
            daemon.note_crash(self._job.files.crash_log)
        finally:
            board.sampling = False

    def _sample(self) -> None:
        job, plan = self._job, self._job.sampling
        book = SampleBook(job.files, job.part, plan, self._summary, job.sums)
        sampler = Sampler(self._subject(), book.energy, book.meters)
        schedule = Schedule(plan.interval_seconds)
        is_last = job.board.exit_known  # an observer before this one was killed
        while True:
            begin, spent = time.monotonic(), time.thread_time()
            book.add(sampler.sample())
            if is_last:
                break
            is_last = self._wait(schedule.due_after(begin, time.thread_time() - spent))
        book.close()
        sampler.close()

    def _subject(self) -> Subject:
        job = self._job
        subject = Subject(
            root=job.entry.command_pid,
            environ=job.environ,
            folder=job.files.folder,
            started_monotonic=job.started_monotonic,
            adopter=job.entry.guard_pid,
            own=self._own,
            session=job.entry.session,
            mark=("MLTERM_RUN_FILE", os.fspath(job.files.run)),
            gpus=job.sampling.gpus,
        )
        if (watched := job.watched) is None:
            return subject
        subject = replace(subject, root=watched.pid, root_started=watched.started)
        return replace(subject, adopter=None, session=0, mark=None, from_birth=False)

    def _own(self) -> Adopted:
        board = self._job.board
        io = board.own_read_bytes, board.own_written_bytes
        return Adopted(board.own_cpu_seconds * _TICKS, io)

    def _wait(self, due: float) -> bool:
        """Until then, or the command's end; whether that has come, or nobody is left to see it."""
        job = self._job
        ends = [job.lifeline[0]] if job.child.pidfd is None else [job.lifeline[0], job.child.pidfd]
        longest = LOOK_SECONDS if job.child.pidfd is None else float("inf")
        while not job.board.exit_known and (left := due - time.monotonic()) > 0:
            if select.select(ends, [], [], min(left, longest))[0]:
                self._await_reaping()
                return True
        return job.board.exit_known

    def _await_reaping(self) -> None:
        deadline = time.monotonic() + REAPING_SECONDS
        while not self._job.board.exit_known and time.monotonic() < deadline:
            time.sleep(0.001)
