"""Which states of a bar that is redrawn become points: a few a second, and always the last.

Time is handed in: seconds on the clock of output.idx, or None where nobody knows when the
output came (a bare file). Then a bar gives a point every time it has moved by a fiftieth.
"""

from dataclasses import dataclass, field

from mlterm.core.metrics.findings import Finding

PAUSE_SECONDS = 0.5
FRACTION = 0.02
_MOST_BARS = 64


@dataclass
class _Bar:
    waiting: Finding | None = None
    is_new: bool = False
    """Whether what waits says something that has not been told."""
    told_in_pass: bool = False
    waiting_since: float | None = None
    told_at: float | None = None
    told_fraction: float | None = None
    told: dict[str, float | int] = field(default_factory=dict)
    place: float | None = None
    newest: Finding | None = None


class Pacer:
    """Findings in, those that become records out; in their order but for what had to wait."""

    def __init__(self) -> None:
        self._bars: dict[object, _Bar] = {}
        self._ticked: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no bar has been seen lately."""
        return not self._bars

    def take(self, found: Finding, now: float | None) -> list[Finding]:
        """One finding; what is now known to become a record."""
        out = self.tick(now)
        if not found.is_passing:
            bar = self._bars.get(found.bar)
            if bar is None and found.rule == "bar":
                bar = self._bars[found.bar] = _Bar()
            if bar is not None:
                bar.waiting = None
                if bar.told == found.metrics and bar.place == _place(found):
                    return out
                bar.newest = found
                self._note(bar, found, now)
            for other in self._bars.values():  # one that has ended stands before what follows
                if other.waiting is not None and other.waiting.is_full:
                    self._release(other, now, out)
            out.append(found)
            return out
        bar = self._bars.get(found.bar)
        if bar is None:
            bar = self._bars[found.bar] = _Bar()
            while len(self._bars) > _MOST_BARS:
                self._release(self._bars.pop(next(iter(self._bars))), now, out)
        elif bar.newest is not None and _is_new_pass(bar.newest, found):
            if bar.is_new or not bar.told_in_pass:
                self._release(bar, now, out)
            bar.told_in_pass, bar.waiting, bar.told_fraction = False, None, None
        bar.newest = found
        is_new = bar.told != found.metrics
        if not is_new and (bar.told_in_pass or found.step == 0):
            bar.waiting = None  # it has moved, and says what it said
            return out
        if bar.waiting is None or (is_new and not bar.is_new):
            bar.waiting_since = now
        bar.waiting, bar.is_new = found, is_new
        if is_new and self._is_due(bar, found, now):
            self._release(bar, now, out)
        return out

    def tick(self, now: float | None) -> list[Finding]:
        """What has waited long enough; the same however often it is called."""
        out: list[Finding] = []
        if now is None or now == self._ticked:
            return out
        self._ticked = now
        for bar in self._bars.values():
            if bar.waiting is None or bar.told_at is None or not bar.is_new:
                continue
            due = max(bar.told_at + PAUSE_SECONDS, bar.waiting_since or 0.0)
            if now >= due:
                self._release(bar, due, out)
        return out

    def finish(self) -> list[Finding]:
        """All that waits: there is no more output."""
        out: list[Finding] = []
        for bar in self._bars.values():
            self._release(bar, None, out)
        self._bars.clear()
        return out

    def _is_due(self, bar: _Bar, found: Finding, now: float | None) -> bool:
        if not bar.told:
            return True
        if now is not None:
            return bar.told_at is None or now - bar.told_at >= PAUSE_SECONDS
        fraction = found.fraction
        if fraction is None or bar.told_fraction is None:
            return fraction is not None or (_place(found) or 0) > 1.02 * (bar.place or 0)
        return fraction - bar.told_fraction >= FRACTION

    def _release(self, bar: _Bar, now: float | None, out: list[Finding]) -> None:
        found, bar.waiting = bar.waiting, None
        if found is not None:
            self._note(bar, found, now)
            out.append(found)

    def _note(self, bar: _Bar, found: Finding, now: float | None) -> None:
        bar.told, bar.told_at, bar.told_fraction = found.metrics, now, found.fraction
        bar.place = _place(found)
        bar.told_in_pass, bar.is_new = True, False


def _place(found: Finding) -> float | None:
    return found.step if found.step is not None else found.epoch


def _is_new_pass(before: Finding, found: Finding) -> bool:
    """Whether a bar has begun anew: its last state was a final one."""
    if before.epoch != found.epoch:
        return True
    if before.step is None or found.step is None:
        return False
    return found.step < before.step and (
        before.fraction in (None, 1.0) or found.step <= before.step / 2
    )
