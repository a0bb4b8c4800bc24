"""The observer: everything about a run that may be slow, crash, or hang in a driver.

It is forked by the guard and started again should it die; what it has done already it
finds in the run's folder. It ends when neither guard nor keeper lives.
"""

import os
import select
import subprocess
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlterm.core import records
from mlterm.system import git
from mlterm.system.interpreter import interpreter_of
from mlterm.system.job import Job
from mlterm.system.processes import NO_PROC, is_proc_ours
from mlterm.system.summaryfile import SummaryFile

PACKAGES_SECONDS = 60.0
LOOK_SECONDS = 0.25
BELL_BYTES = 64 * 1024
ALL_BYTES = 2**63
_LIST_PACKAGES = """
import sys
sys.path[:] = [path for path in sys.path if path]  # the job's folder may have an email.py
from importlib import metadata
print(sys.version.split()[0], sys.executable)
found = {(d.metadata["Name"] or "?", d.version) for d in metadata.distributions()}
print("\\n".join(sorted(f"{name}=={version}" for name, version in found)))
"""


class Observer:
    """Watches one run until its lifeline ends."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._summary = SummaryFile(job.files.summary)

    def run(self) -> int:
        """Take down what the run was made of, and read its output, until its end."""
        notes = threading.Thread(target=self._take_notes, name="notes", daemon=True)
        notes.start()
        self._begin_sampling()
        if self._job.parses:
            try:
                self._read_output()
            except OSError:  # its folder is gone: nothing is to wait for what cannot be read
                self._job.board.read_offset = ALL_BYTES
        while not select.select([self._job.lifeline[0]], [], [], None)[0]:
            pass
        notes.join()
        return 0

    def _begin_sampling(self) -> None:
        """In a thread: nothing that the output does may delay a sample, nor the other way round.
        Processes are found through /proc: where it tells of none of ours, nothing is sampled, and
        the finish record says so."""
        if not is_proc_ours():
            self._job.sums.write(records.encode({"not_sampled": NO_PROC}))
            return
        from mlterm.sampling.thread import Sampling  # the notes need not wait for it

        Sampling(self._job, self._summary).start()

    def _read_output(self) -> None:
        """Until the end is recorded, or nobody is left to record it."""
        lifeline, bell = self._job.lifeline[0], self._job.bell[0]
        while not self._has_output():
            ready = select.select([lifeline, bell], [], [], None)[0]
            if lifeline in ready or self._job.board.finished:
                return
            os.read(bell, BELL_BYTES)
        # Only where there is something to read: it takes 50 ms, as long as many a command.
        from mlterm.extraction import Extraction

        extraction = Extraction(self._job, self._summary)
        while not self._job.board.finished:
            extraction.step()
            pause = LOOK_SECONDS if extraction.has_work_waiting else None
            ready = select.select([lifeline, bell], [], [], pause)[0]
            if lifeline in ready or extraction.is_over:
                return
            if bell in ready:
                os.read(bell, BELL_BYTES)

    def _has_output(self) -> bool:
        return os.stat(self._job.files.output).st_size > self._job.board.tail_from

    def _take_notes(self) -> None:
        for task in (self._note_packages, self._note_sources):
            with suppress(OSError, subprocess.SubprocessError):
                task()

    def _note_packages(self) -> None:
        target = self._target("packages", ".txt")
        program = interpreter_of(self._job.argv, self._job.environ, self._job.cwd)
        if target.exists() or program is None:
            return
        done = subprocess.run(
            ["nice", "-n", "19", program, "-c", _LIST_PACKAGES],
            cwd="/",
            env=self._job.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PACKAGES_SECONDS,
            check=True,
        )
        head, _, packages = done.stdout.decode("utf-8", "replace").partition("\n")
        version, _, executable = head.partition(" ")
        self._amend({"python": {"version": version, "executable": executable}})
        self._keep(target, packages.encode())

    def _note_sources(self) -> None:
        target = self._target("source", ".patch")
        if not self._job.git_known and (query := git.ask_status(self._job.cwd)):
            state = query.result(PACKAGES_SECONDS)
            if state is not None:
                self._amend({"git": state})
        if target.exists() or (query := git.ask_status(self._job.cwd)) is None:
            return
        state = query.result(PACKAGES_SECONDS)
        if state and state["dirty"] and state["commit"]:
            scratch = target.with_suffix(".tmp")
            size = git.write_patch(self._job.cwd, scratch)
            if size:
                scratch.replace(target)
                self._record_artifact(target, truncated=size > git.PATCH_LIMIT)

    def _keep(self, target: Path, content: bytes) -> None:
        scratch = target.with_suffix(".tmp")
        scratch.write_bytes(content)
        scratch.replace(target)
        self._record_artifact(target, truncated=False)

    def _target(self, stem: str, ending: str) -> Path:
        """A resumed run's later parts keep what they were made of beside the first's."""
        part = self._job.part
        return self._job.files.folder / f"{stem}{f'-{part}' if part > 1 else ''}{ending}"

    def _record_artifact(self, path: Path, *, truncated: bool) -> None:
        size = path.stat().st_size
        artifact = {
            "name": path.name,
            "path": str(path),
            "size_bytes": size,
            "truncated": truncated,
        }
        self._record("artifact", artifact)

    def _amend(self, fields: dict[str, Any]) -> None:
        """What the run record could not tell without making the job wait."""
        self._record("run", {"_amends": True, **fields})

    def _record(self, kind: str, fields: dict[str, Any]) -> None:
        if self._job.board.finished:  # a run's file ends with its finish
            return
        moment = records.timestamp(datetime.now(UTC))
        head = {"timestamp": moment, "type": kind, "_source": "observer"}
        self._job.runlog.append(head | fields)
