"""The lines at the edges: what run this is and how it does, the tabs, the keys."""

from collections.abc import Sequence

from mlterm.core.clean import clean_text
from mlterm.core.durations import format_duration
from mlterm.core.lifecycle import RUNNING
from mlterm.ui import keymap
from mlterm.ui.model import Model
from mlterm.ui.rows import Row, cut, cut_middle, fit, row_width, spread, width_of
from mlterm.ui.state import Pane, Prompt, State, Tab
from mlterm.ui.styles import STATUS

BAR_COLUMNS = 16
TITLE_COLUMNS, TITLED_COLUMNS = 12, 100
"""Of a bar's name, and of a window that has room for it."""
_NAMES = {tab: tab.name.capitalize() for tab in Tab}
_ASKS = {Pane.METRICS: "filter", Pane.RECORDS: "filter", Pane.RUNS: "filter", Pane.OUTPUT: "search"}


def header(model: Model, width: int) -> Row:
    """Name, status, time, progress and host; what has no room is left out, the name last."""
    run = model.summary
    facts: list[Row] = [[("", " "), (STATUS.get(run.status, "bad"), f"● {clean_text(run.status)}")]]
    if model.elapsed_seconds is not None:
        facts.append([("label", f" {format_duration(model.elapsed_seconds)}")])
    facts += _progress(model, titled=width >= TITLED_COLUMNS)
    right: Row = [("dim", clean_text(run.host or "")), ("", " ")] if run.host else []
    room = width - row_width(right)
    name = run.title
    least = min(width_of(name), max(12, width // 4))
    while len(facts) > 1 and sum(map(row_width, facts)) + 1 + least > room:
        facts.pop()
    if sum(map(row_width, facts)) + 1 + least > room:
        right, room = [], width
    told_of = sum(map(row_width, facts))
    left: Row = [("", " "), ("title", cut_middle(name, max(1, room - told_of - 2)))]
    for fact in facts:
        left += fact
    return spread(left, right, width)


def table_header(title: str, facts: Sequence[str], width: int) -> Row:
    """Of the dashboard's table: whose runs they are."""
    right: Row = [("dim", clean_text(" · ".join(facts))), ("", " ")]
    return spread([("", " "), ("title", clean_text(title))], right, width)


def _progress(model: Model, *, titled: bool) -> list[Row]:
    """How far the run is, or what the bar is of that says so (often one epoch): the share first,
    which is left out last."""
    progress = model.progress
    if not progress:
        return []
    facts: list[Row] = []
    fraction = progress.get("fraction")
    if isinstance(fraction, int | float) and model.summary.status == RUNNING:
        full = round(max(0.0, min(1.0, fraction)) * BAR_COLUMNS)
        facts.append([("label", f"   {fraction:.0%}")])
        eta = progress.get("eta_seconds")
        if isinstance(eta, int | float):
            facts.append([("dim", " eta "), ("label", format_duration(eta))])
        facts.append([
            ("", "   "), ("bar", "━" * full), ("bar.rest", "━" * (BAR_COLUMNS - full)),
        ])  # fmt: skip
    title = clean_text(str(progress.get("title") or "")) if titled else ""
    row: Row = [("dim", f"   {cut(title, TITLE_COLUMNS)}")] if title else []
    step, total = progress.get("step"), progress.get("total")
    if step is not None:
        row.append(("", " " if row else "   "))
        row.append(("label", f"{step:.12g}" + (f"/{total:.12g}" if total else "")))
    return [*facts, row] if row else facts


def tabs(state: State, width: int) -> Row:
    """The tabs, the one that is seen in the accent."""
    row: Row = []
    for tab, text in _tab_words(width):
        row.append(("accent" if tab is state.tab else "dim", text))
    return fit(row, width)


def tab_at(width: int, x: int) -> Tab | None:
    """The tab under a column of that line."""
    at = 0
    for tab, text in _tab_words(width):
        at += len(text)
        if x < at:
            return tab
    return None


def _tab_words(width: int) -> list[tuple[Tab, str]]:
    words = [(tab, f" {tab.value} {name}  ") for tab, name in _NAMES.items()]
    if sum(len(text) for _, text in words) > width:
        words = [(tab, f" {tab.value} {name[:3]}") for tab, name in _NAMES.items()]
    return words


def footer(state: State, width: int, loading: float = 1.0) -> Row:
    """What is being typed, or else a notice, or else the keys of the moment."""
    if state.typing:
        words = " typing into the program "
        return fit(
            [("typing", words), ("dim", "  Ctrl-] leaves; every other key is its own")], width
        )
    if state.prompt is not None:
        return _prompt(state.prompt, width)
    if state.notice:
        return fit([("warn", f" {clean_text(state.notice)}")], width)
    return _hints(state, width, loading=loading)


def _prompt(prompt: Prompt, width: int) -> Row:
    """What is being typed, and what Enter would do, or what is wrong and from where."""
    ask = f" {_ASKS[prompt.pane]} "
    at = prompt.wrong_at if prompt.error else len(prompt.text)
    typed, wrong = clean_text(prompt.text[:at]), clean_text(prompt.text[at:])
    room = width - width_of(ask) - 1  # of the cursor
    if prompt.error:
        free = max(room - width_of(typed + wrong), width // 2)
        right: Row = [("bad", f" {cut(clean_text(prompt.error), max(0, free - 2))} ")]
    else:
        is_search = prompt.pane is Pane.OUTPUT
        hint = "Enter searches, Esc leaves" if is_search else "Enter keeps, Esc takes back"
        right = [("dim", f" {hint} ")]
        if width_of(typed) + row_width(right) > room:
            right = []
    room -= row_width(right) if prompt.error else 0
    while typed + wrong and width_of(typed + wrong) > room:
        typed, wrong = typed[1:], wrong if typed else wrong[1:]  # its end is what is typed at
    return spread(
        [("accent", ask), ("title", typed), ("bad", wrong), ("cursor", "▏")], right, width
    )


def _hints(state: State, width: int, *, loading: float) -> Row:
    right: Row = [("dim", f"reading {loading:.0%} ")] if loading < 1 else []
    row: Row = [("", " ")]
    fixed = [("?", "keys"), ("q", "quit")]
    offered = [(b.title.split()[0], b.hint) for b in keymap.hints(state)]
    pairs = [pair for pair in offered if pair not in fixed]
    room = width - row_width(right) - sum(len(k) + len(w) + 3 for k, w in fixed)
    for sign, word in pairs:
        size = width_of(sign) + len(word) + 3
        if row_width(row) + size > room:
            break
        row += [("key", sign), ("dim", f" {word}  ")]
    for sign, word in fixed:
        row += [("key", sign), ("dim", f" {word}  ")]
    return spread(row, right, width)


def title_rule(words: str, facts: list[str], width: int, *, focused: bool, right: str = "") -> Row:
    """The line above a pane: its name, what is in force in it, and a thin rule."""
    frame = "frame.focus" if focused else "frame"
    row: Row = [(frame, "─ "), ("accent" if focused else "dim", words), (frame, " ")]
    for fact in facts:
        row += [("dim", f"· {clean_text(fact)} ")]
    end: Row = [("dim", f" {right} "), (frame, "─")] if right else []
    left = width - row_width(row) - row_width(end)
    return fit([*row, (frame, "─" * max(0, left)), *end], width)


def asked(state: State) -> tuple[str, list[Row]]:
    """The question before leaving: its title and its lines."""
    detach, stop = "detach: the job goes on", "stop the job and all its processes"
    if state.watched:
        detach, stop = "detach: the watching goes on", "end the watching: the process goes on"
    return "leave", [
        [("key", " d "), ("label", detach), ("dim", "  (Enter)")],
        [("key", " s "), ("label", stop)],
        [("key", " Esc "), ("dim", "neither: go on watching")],
    ]
