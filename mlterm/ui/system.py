"""The system tab: the machine's series as charts, and the job's processes as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlterm.core.clean import clean_text
from mlterm.core.records import as_number
from mlterm.core.sizes import format_bytes
from mlterm.ui.bars import title_rule
from mlterm.ui.chart import Curve, Frame, draw_chart
from mlterm.ui.machine import items
from mlterm.ui.metrics import centred
from mlterm.ui.model import Model
from mlterm.ui.rows import Row, fit, spread
from mlterm.ui.state import State

CHART_COLUMNS, CHART_ROWS, TALL_ROWS = 30, 7, 16
WIDE = 100
_STATES = {"R": "good", "D": "warn", "T": "warn", "Z": "bad"}


def draw_system(
    state: State, model: Model, top: int, width: int, height: int, *, focused: bool
) -> list[Row]:
    """Charts in the upper part, where there is room for them, and the table below."""
    if model.sample is None:
        title = title_rule("System", [], width, focused=focused)
        words = [("dim", "not sampled: only what mlterm runs or watches is")]
        return [title, *centred([words], width, max(0, height - 1))][:height]
    rows: list[Row] = []
    processes = list(model.sample.get("processes") or ())
    if room := _chart_rows(len(processes), height):
        rows += [title_rule("System", _facts(model), width, focused=False)]
        rows += _charts(model, width, room)
    rows += _table(state, processes, top, width, max(0, height - len(rows)), focused=focused)
    return rows[:height]


def last_top(model: Model, height: int) -> int:
    """The first process that is seen where the last one is, in a pane of that height."""
    count = len((model.sample or {}).get("processes") or ())
    charts = _chart_rows(count, height)
    return max(0, count - max(1, height - (charts and charts + 1) - 2))


def _chart_rows(processes: int, height: int) -> int:
    """Of the charts above the table; 0 where there is no room for them."""
    if height < 3 * CHART_ROWS:
        return 0
    return max(CHART_ROWS, min(height - processes - 4, 2 * height // 3))


def _facts(model: Model) -> list[str]:
    assert model.sample is not None
    host = model.sample.get("host") or {}
    facts = []
    if (load := as_number(host.get("load_1m"))) is not None:
        facts.append(f"load {load:.2f}")
    if (swap := as_number(host.get("swap_used_bytes"))) is not None and swap > 0:
        facts.append(f"swap {format_bytes(swap)}")
    if (free := as_number(host.get("disk_free_bytes"))) is not None:
        facts.append(f"disk {format_bytes(free)} free")
    return facts


def _charts(model: Model, width: int, height: int) -> list[Row]:
    assert model.sample is not None
    shown = [item for item in items(model.sample) if item.series in model.system]
    if not shown:
        return [fit([], width)] * height
    most = max(1, min(len(shown), width // CHART_COLUMNS))
    lines = max(-(-len(shown) // most), height // TALL_ROWS)
    lines = max(1, min(lines, len(shown), height // CHART_ROWS))
    columns = min(most, -(-len(shown) // lines))  # none of the lines much shorter than another
    cell, tall = width // columns, height // lines
    rows: list[Row] = []
    for line in range(lines):
        drawn = []
        for item in shown[line * columns : (line + 1) * columns]:
            points = model.system[item.series].points("step")
            curve = Curve(_scaled(points, item.series), "curve1", item.label)
            heading = spread([("title", f" {item.label} "), ("label", item.words)], [], cell - 2)
            chart = draw_chart([curve], cell - 2, tall - 1, Frame(kind="seconds"))
            drawn.append([heading, *chart])
        for pieces in zip(*drawn, strict=True):
            row: Row = []
            for piece in pieces:
                row += [*piece, ("", "  ")]
            rows.append(fit(row, width))
    return rows + [fit([], width)] * (height - len(rows))


def _scaled(points: Any, name: str) -> Any:
    """Bytes as gigabytes or megabytes, so that the axis has short numbers."""
    if "bytes" not in name:
        return points
    size = 1024.0**3 if "memory" in name or "ss_bytes" in name else 1024.0**2
    columns = ([v / size for v in column] for column in points[2:])
    return type(points)(points.begins, points.ends, *columns)


# --- The table ------------------------------------------------------------------------------


def _table(
    state: State,
    processes: Sequence[Mapping[str, Any]],
    top: int,
    width: int,
    height: int,
    *,
    focused: bool,
) -> list[Row]:
    facts = [f"{len(processes)}", f"by {state.sort}"]
    rows = [title_rule("Processes", facts, width, focused=focused)]
    has_gpus = any(process.get("gpus") for process in processes)
    if not processes:
        words = [("dim", "no process, when they were last looked at")]
        return [*rows, *centred([words], width, max(0, height - 1))][:height]
    rows.append(fit([("dim", _heads(width, has_gpus=has_gpus))], width))
    arranged = arrange(processes, state.sort)
    top = max(0, min(top, len(arranged) - max(1, height - 2)))
    for depth, process in arranged[top : top + max(0, height - 2)]:
        rows.append(_row(process, depth, width, has_gpus=has_gpus))
    return (rows + [fit([], width)] * height)[:height]


def arrange(
    processes: Sequence[Mapping[str, Any]], sort: str
) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows in their order, each with its depth in the tree; sorted rows have none."""
    if sort != "tree":
        weigh = _WEIGHTS[sort]
        return [(0, each) for each in sorted(processes, key=weigh, reverse=True)]
    known = {process.get("pid") for process in processes}
    children: dict[Any, list[Mapping[str, Any]]] = {}
    for process in processes:
        parent = process.get("ppid")
        children.setdefault(parent if parent in known else None, []).append(process)
    found: list[tuple[int, Mapping[str, Any]]] = []
    waiting = [(0, each) for each in reversed(children.pop(None, []))]
    while waiting:
        depth, process = waiting.pop()
        found.append((depth, process))
        below = children.pop(process.get("pid"), [])
        waiting += [(depth + 1, each) for each in reversed(below)]
    left = [each for several in children.values() for each in several]  # a loop of parents
    return found + [(0, each) for each in left]


def _memory(process: Mapping[str, Any]) -> float:
    pss = as_number(process.get("pss_bytes"))
    return (as_number(process.get("rss_bytes")) or 0.0) if pss is None else pss


def _gpu_memory(process: Mapping[str, Any]) -> float:
    return sum(as_number(gpu.get("memory_bytes")) or 0 for gpu in process.get("gpus") or ())


_WEIGHTS = {
    "cpu": lambda process: as_number(process.get("cpu_percent")) or 0.0,
    "memory": _memory,
    "gpu": _gpu_memory,
}


def _heads(width: int, *, has_gpus: bool) -> str:
    gpu = " GPU MEM" if has_gpus else ""
    more = f"{'READ':>9}{'WRITTEN':>9}{'FILES':>6}" if width >= WIDE else ""
    return f"{'PID':>8} S {'CPU%':>6}{'MEM':>9}{gpu}{'THR':>5}{more}  COMMAND"


def _row(process: Mapping[str, Any], depth: int, width: int, *, has_gpus: bool) -> Row:
    cpu = as_number(process.get("cpu_percent"))
    status = str(process.get("state") or "?")
    row: Row = [
        ("dim", f"{process.get('pid') or '?':>8} "),
        (_STATES.get(status, "dim"), f"{status[:1]} "),
        ("label", f"{'–' if cpu is None else f'{cpu:.1f}':>6}"),
        # RSS, as long as no PSS has been read: fainter, since shared pages are in it.
        (
            "dim" if process.get("pss_bytes") is None else "label",
            f"{format_bytes(_memory(process)):>9}",
        ),
    ]
    if has_gpus:
        used = _gpu_memory(process)
        row.append(("label", f"{format_bytes(used) if used else '':>8}"))
    row.append(("dim", f"{process.get('threads') or '':>5}"))
    if width >= WIDE:
        for name in ("read_bytes", "written_bytes"):
            amount = as_number(process.get(name))
            row.append(("dim", f"{'–' if amount is None else format_bytes(amount):>9}"))
        row.append(("dim", f"{process.get('open_files') or '–':>6}"))
    branch = "  " * max(0, depth - 1) + "└ " if depth else ""
    role, name = process.get("role"), clean_text(str(process.get("name") or "?"))
    row += [("axis", f"  {branch}"), ("title", name)]
    if role and role != name:
        row.append(("dim", f"  {clean_text(str(role))}"))
    return fit(row, width)
