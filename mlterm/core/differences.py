"""In what runs differ: facts, each with a value a run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from mlterm.core.best import value_of
from mlterm.core.command import script_name
from mlterm.core.goals import Goal, goal_of, order_of
from mlterm.core.origin import argv_of
from mlterm.core.records import Record, as_number
from mlterm.core.summary import RunSummary, definitions_of
from mlterm.core.values import distinct

Section = Literal[
    "run", "tags", "hyperparameters", "metrics", "cost", "git", "packages", "environment"
]
Kind = Literal["any", "status", "metric", "seconds", "bytes", "percent", "kwh", "hash"]
SECTIONS: tuple[Section, ...] = (
    "run", "tags", "hyperparameters", "metrics", "cost", "git", "packages", "environment",
)  # fmt: skip
_COST: dict[str, Kind] = {
    "peak_memory_bytes": "bytes", "mean_cpu_percent": "percent", "peak_cpu_percent": "percent",
    "cpu_seconds": "seconds", "read_bytes": "bytes", "written_bytes": "bytes",
    "energy_kwh": "kwh",
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """One of the runs, with what is compared of it."""

    summary: RunSummary
    origin: Record
    """The ``run`` record of its last part; empty where it has none."""
    packages: Mapping[str, str] | None
    """Versions by name; None where they were not recorded."""
    patch: str | None
    """What stands for the content of its source.patch; None where it has none."""


@dataclass(frozen=True)
class Fact:
    """What one row tells."""

    section: Section
    name: str
    values: tuple[Any, ...]
    """Of each run, in their order; None where one has none."""
    differs: bool
    kind: Kind = "any"
    metric: str = ""
    """The metric that it is of."""
    goal: Goal | None = None

    @property
    def is_told(self) -> bool:
        """Whether any run has it."""
        return any(value is not None for value in self.values)

    @property
    def best(self) -> set[int]:
        """The places of the best values by the goal; none where there is no goal, or nothing
        to choose between."""
        numbers = {i: n for i, v in enumerate(self.values) if (n := number_of(v)) is not None}
        if self.goal is None or len(set(numbers.values())) < 2:
            return set()
        best = (min if self.goal == "min" else max)(numbers.values())
        return {i for i, number in numbers.items() if number == best}


def number_of(value: object) -> float | int | None:
    """A number that can be compared: no boolean, no NaN."""
    number = None if isinstance(value, bool | str) else as_number(value)
    return number if number == number else None


def facts_of(subjects: Sequence[Subject]) -> list[Fact]:
    """All that can be compared of these runs, section by section, whether it differs or not."""
    return [
        *_run_facts(subjects),
        *_named("tags", [each.summary.tags for each in subjects]),
        *_named("hyperparameters", [flattened(each.summary.hyperparameters) for each in subjects]),
        *_metric_facts(subjects),
        *_cost_facts(subjects),
        *_git_facts(subjects),
        *_named("packages", [each.packages for each in subjects]),
        *_named("environment", [_object(each.origin.get("environment")) for each in subjects]),
    ]


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects' names joined with dots."""
    return distinct(_leaves("", values))


def _leaves(begin: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(f"{begin}{name}.", value)
        else:
            yield f"{begin}{name}", value


def _run_facts(subjects: Sequence[Subject]) -> Iterator[Fact]:
    def fact(name: str, tell: Callable[[Subject], Any], kind: Kind = "any") -> Fact:
        return _fact("run", name, [tell(each) for each in subjects], kind=kind)

    yield fact("status", lambda each: each.summary.status, "status")
    yield fact("exit_code", lambda each: each.summary.exit_code)
    yield fact("signal", lambda each: each.summary.signal)
    yield fact("duration_seconds", lambda each: each.summary.duration_seconds, "seconds")
    yield fact("host", lambda each: each.summary.host)
    yield fact("python", lambda each: (_object(each.origin.get("python")) or {}).get("version"))
    yield fact("script", _script)
    yield fact("cwd", lambda each: each.origin.get("cwd"))


def _script(subject: Subject) -> str | None:
    return script_name(argv_of(subject.origin)) or None


def _metric_facts(subjects: Sequence[Subject]) -> Iterator[Fact]:
    """The last value, and by the goal the best one where that is another."""
    defined = definitions_of(each.summary for each in subjects)
    names = dict.fromkeys(name for each in subjects for name in each.summary.metrics)
    for name in sorted(names, key=order_of):
        summaries = [each.summary.metrics.get(name) for each in subjects]
        goal = goal_of(name, defined)
        last = [value_of(summary, "last") for summary in summaries]
        yield _fact("metrics", name, last, kind="metric", metric=name, goal=goal)
        if goal is not None:
            best = [value_of(summary, goal) for summary in summaries]
            if list(map(_key, best)) != list(map(_key, last)):
                label = f"{name}.{goal}"
                yield _fact("metrics", label, best, kind="metric", metric=name, goal=goal)


def _cost_facts(subjects: Sequence[Subject]) -> Iterator[Fact]:
    costs = [each.summary.cost for each in subjects]
    for name, kind in _COST.items():
        yield _fact("cost", name, [as_number(cost.get(name)) for cost in costs], kind=kind)
    devices = [_devices(cost) for cost in costs]
    yield _fact("cost", "gpus", [len(each) or None for each in devices])
    most = [max(_figures(each, "peak_memory_used_bytes"), default=None) for each in devices]
    yield _fact("cost", "gpu_peak_memory_bytes", most, kind="bytes")
    means = [_figures(each, "mean_utilization_percent") for each in devices]
    mean = [round(sum(each) / len(each), 2) if each else None for each in means]
    yield _fact("cost", "gpu_mean_utilization_percent", mean, kind="percent")


def _devices(cost: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    told = cost.get("gpus")
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _figures(devices: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    return [number for each in devices if (number := as_number(each.get(name))) is not None]


def _git_facts(subjects: Sequence[Subject]) -> Iterator[Fact]:
    git = [each.summary.git or {} for each in subjects]
    yield _fact("git", "commit", [each.get("commit") for each in git], kind="hash")
    yield _fact("git", "branch", [each.get("branch") for each in git])
    yield _fact("git", "dirty", [each.get("dirty") for each in git])
    yield _fact("git", "source.patch", [each.patch for each in subjects], kind="hash")


def _named(section: Section, each: Sequence[Mapping[str, Any] | None]) -> Iterator[Fact]:
    """A fact for each name. Runs of which none of them was recorded tell no difference."""
    names = dict.fromkeys(name for values in each for name in values or ())
    known = [number for number, values in enumerate(each) if values is not None]
    for name in names:
        yield _fact(section, name, [(values or {}).get(name) for values in each], known=known)


def _fact(
    section: Section,
    name: str,
    values: Sequence[Any],
    *,
    kind: Kind = "any",
    metric: str = "",
    goal: Goal | None = None,
    known: Sequence[int] | None = None,
) -> Fact:
    told = values if known is None else [values[i] for i in known]
    differs = len(set(map(_key, told))) > 1
    return Fact(section, name, tuple(values), differs, kind, metric, goal)


def differing_names(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names whose values are not the same in all that have any."""
    told = [values for values in settings if values]
    names = dict.fromkeys(name for values in told for name in values)
    return [name for name in names if len({_key(values.get(name)) for values in told}) > 1]


def _key(value: Any) -> object:
    """The same for values that are the same: 1 and 1.0, two NaN."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and value == value else repr(value)


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def as_json(
    subjects: Sequence[Subject], facts: Sequence[Fact], *, everything: bool = False
) -> Record:
    """The documented object; what is the same in all runs only where ``everything`` is."""
    differing = {fact.metric for fact in facts if fact.metric and fact.differs}
    differs: dict[str, Any] = {section: {} for section in SECTIONS}
    same: dict[str, Any] = {section: {} for section in SECTIONS}
    for fact in facts:
        of = differs if fact.differs or fact.metric in differing else same
        values = list(fact.values)
        if not fact.metric:
            of[fact.section][fact.name] = values
        elif fact.name == fact.metric:
            best = values if fact.goal else None
            of[fact.section][fact.name] = {"goal": fact.goal, "last": values, "best": best}
        else:
            of[fact.section][fact.metric]["best"] = values
    shown = {"runs": [each.summary.as_json() for each in subjects], "differs": differs}
    return {**shown, "same": same} if everything else shown


# --- Against a baseline ------------------------------------------------------------------


def change_of(value: object, base: object, words: Callable[[float], str]) -> str:
    """How far a number is from a baseline's: ``−3.1%``, ``×2``, or ``+0.012`` in ``words`` where
    there is no ratio; empty where it is the same, or one of them is no number."""
    number, other = number_of(value), number_of(base)
    if number is None or other is None or number == other or not isfinite(number - other):
        return ""
    ratio = number / other if other else 0.0
    if not _LITTLE < ratio < _MUCH and ratio > 0:
        return f"×{ratio:.3g}"
    share = 100 * (ratio - 1)
    if ratio > 0 and abs(share) >= _LEAST_PERCENT:
        size = f"{abs(share):.2g}" if abs(share) < 10 else f"{abs(share):.0f}"
        return f"{_sign(share)}{size}%"
    return f"{_sign(number - other)}{words(abs(number - other))}"


_LITTLE, _MUCH = 0.2, 2.0
"""Parts of the baseline beyond which it is told as times."""
_LEAST_PERCENT = 0.05


def _sign(change: float) -> str:
    return "+" if change > 0 else "−"


def is_better(fact: Fact, value: object, base: object) -> bool | None:
    """Whether a value is the better one by the goal; None where that cannot be told."""
    number, other = number_of(value), number_of(base)
    if fact.goal is None or number is None or other is None or number == other:
        return None
    return (number < other) == (fact.goal == "min")


# --- Sources -----------------------------------------------------------------------------


def packages_in(text: str) -> dict[str, str]:
    """packages.txt: versions, or where they are from, by name."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, version = line.replace(" @ ", "==", 1).partition("==")
        found[name] = version
    return found


def source_diff(one: str, other: str, names: tuple[str, str]) -> Iterator[str]:
    """Where two source.patch or two packages.txt are not the same, as a unified diff: of
    patches file by file, so that a long one costs no more than what differs in it."""
    import difflib

    ones, others = _by_file(one), _by_file(other)
    for name in dict.fromkeys((*ones, *others)):
        lines, other_lines = ones.get(name, []), others.get(name, [])
        if lines != other_lines:
            yield from difflib.unified_diff(lines, other_lines, *names, lineterm="")


def _by_file(patch: str) -> dict[str, list[str]]:
    """The lines of each file's part of a patch, by how it begins."""
    found: dict[str, list[str]] = {}
    part = found.setdefault("", [])
    for line in patch.splitlines():
        if line.startswith("diff --git "):
            part = found.setdefault(line, [])
        part.append(line)
    return found
