"""Where samples go: the file of all of them, their folded series, and what they add up to."""

import os
from collections import defaultdict
from contextlib import suppress

from mlterm.core import records
from mlterm.core.cost import Cost
from mlterm.core.energy import Energy
from mlterm.core.plan import SamplingPlan
from mlterm.core.records import Record
from mlterm.core.samples import figures_of
from mlterm.core.series import Series
from mlterm.core.usage import Meters
from mlterm.sampling.sums import state_on
from mlterm.system.paths import RunFiles
from mlterm.system.retention import Retention
from mlterm.system.runlog import RunLog
from mlterm.system.slate import Slate
from mlterm.system.summaryfile import SummaryFile

CHECKPOINT_SECONDS = 5.0


class SampleBook:
    """Takes in the samples of one part of a run; what an earlier observer of it has left is gone
    on with."""

    def __init__(
        self,
        files: RunFiles,
        part: int,
        plan: SamplingPlan,
        summary: SummaryFile,
        sums: Slate,
    ) -> None:
        self._files, self._part, self._summary, self._sums = files, part, summary, sums
        self._log: RunLog | None = None
        with suppress(OSError):
            self._file()
        self.cost, self.energy, self.meters = Cost(), Energy(plan.interval_seconds), Meters()
        self._series: defaultdict[str, Series] = defaultdict(Series)
        state = state_on(sums)
        self._retention = Retention(files.system, plan.retention_seconds, state.get("retention"))
        self._due = 0.0
        with suppress(ValueError, KeyError, TypeError):
            self.meters.go_on_from(state["meters"])
            self.cost = Cost.from_json(state["cost"])
            for uuid, joules in self.cost.energies().items():
                self.energy.go_on_from(uuid, joules)
            folded = summary.read()["system"]
            if folded["part"] == part:
                found = {n: Series.from_json(s) for n, s in folded["series"].items()}
                self._series.update(found)

    def add(self, sample: Record) -> None:
        """Take in one sample, to which the peak so far is added. What cannot be written (a full
        disk, a folder that is gone) is lost for the file, not for the sums."""
        now = sample["t"]
        self.cost.add(sample)
        sample["job"] |= self.cost.peak_memory()
        with suppress(OSError):
            self._append(sample, now)
        self._note_sums()
        for name, value in figures_of(sample):
            self._series[name].add(value, now)
        if now >= self._due:
            self._due = now + CHECKPOINT_SECONDS
            self.keep()

    def keep(self) -> None:
        """Write down the series."""
        size = os.fstat(self._log.fileno()).st_size if self._log else 0
        self._summary.put("system", {"part": self._part, "offset": size}, self._series)

    def close(self) -> None:
        """Keep everything; no sample follows."""
        self.keep()
        if self._log is not None:
            self._log.close()

    def _append(self, sample: Record, now: float) -> None:
        log = self._file()
        self._retention.note(now, os.fstat(log.fileno()).st_size)
        log.append_lines(records.encode_own(sample))
        if self._retention.is_due(now):
            self._retention.thin(now)
            self._log = None  # it is another file now
            log.close()

    def _file(self) -> RunLog:
        """Where it cannot be opened (OSError), the next sample tries it again."""
        if self._log is None:
            self._log = RunLog(self._files.system)
        return self._log

    def _note_sums(self) -> None:
        state = {
            "cost": self.cost.as_json(),
            "meters": self.meters.as_json(),
            "retention": self._retention.as_json(),
        }
        self._sums.write(records.encode(state))
