"""Where a line's message begins: behind what loggers and launchers put before it."""

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.line import Line, says_place

_SIGNS = "|-–—:,.<>"
_LONGEST_BRACKET = 8


def beginning(line: Line) -> int:
    """The first token of the message; 0 where nothing else is in the line."""
    i = 0
    while i < len(line):
        token = line[i]
        if (
            token.kind in ("time", "junk")
            or token.kind in _SIGNS
            or (i and token.kind in ("sep", "]"))
            or (token.kind == "word" and _is_of_logger(line, i))
            or (token.kind == "number" and _is_of_source(line, i))
        ):
            i += 1
        elif token.kind == "[" and (end := _behind_bracket(line, i)):
            i = end
        else:
            return i
    return 0


def _is_level(line: Line, i: int) -> bool:
    return line.is_word(i) and line.low(i) in words.LEVELS


def _is_glued_colon(line: Line, i: int) -> bool:
    return line[i].text == ":" and not line[i].gap


def _is_of_logger(line: Line, i: int) -> bool:
    """A level, a module's name, ``name:`` behind a level, or ``- name -``."""
    text = line[i].text
    if text.lower() in words.LEVELS:
        return len(text) > 1
    is_glog = text[0] in "IWEDC" and len(text) == 5 and text[1:].isdigit()  # I1120: absl's date
    if "." in text or text.startswith("__") or is_glog:
        return not words.is_measured(text)
    if _is_glued_colon(line, i + 1):
        if not line[i].gap and _is_level(line, i - 2) and line.low(i - 2) != "root":
            return True
        is_behind = not line[i].gap and _is_glued_colon(line, i - 1)
        if is_behind and line.is_whole(i + 2) and line[i + 3].kind in "-|":
            return True  # module:function:12 -
        if line.is_word(i + 2) and not line[i + 2].gap:
            return _is_glued_colon(line, i + 3) or _is_level(line, i + 2)
    if line[i - 1].kind == "<" and line[i + 1].kind == ">":
        return True  # <module>
    if line[i - 1].kind in "-|" and line[i + 1].kind in "-|" and i:
        return not says_place(text)
    return False


def _is_of_source(line: Line, i: int) -> bool:
    """A thread's id before file:line, or the line of module:function:line."""
    if i and line[i + 1].kind == "junk":
        return True
    is_glued = _is_glued_colon(line, i - 1) and not line[i].gap
    return is_glued and (line[i + 1].kind in "-|]" or line[i + 1].text == ":")


def _behind_bracket(line: Line, i: int) -> int:
    """The token behind ``[time]``, ``[INFO]``, ``[rank 0]``, ``[name][INFO]``; 0 where the bracket
    says more than that."""
    close = next((j for j in range(i + 1, i + 1 + _LONGEST_BRACKET) if line[j].kind == "]"), 0)
    inside = range(i + 1, close)
    if not inside:
        return 0
    is_prefix = (
        any(line[j].kind == "time" or _is_level(line, j) for j in inside)
        or any(line.is_word(j) and line.low(j).startswith("rank") for j in inside)
        or all(line[j].kind in ("time", "junk") or line[j].kind in ",:-|." for j in inside)
        or (len(inside) == 1 and line[close + 1].kind == "[" and _is_level(line, close + 2))
    )
    return close + 1 if is_prefix else 0
