"""Structures in text: dicts as Python and JSON print them, and calls with keywords
(``Namespace(lr=0.1)``). Text in, plain values out."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.findings import Row
from mlterm.core.metrics.line import cased, has_phase
from mlterm.core.metrics.plans import NO_RANK

_PHASE_KEYS = ("split", "phase", "mode", "stage", "subset")
MOST_CHARACTERS = 64 * 1024
_WRAPPED = re.compile(
    r"\b(?:tensor|Tensor|(?:np|numpy|jnp)\.\w+|array|Array|DeviceArray)\(\s*\[?\s*"
    r"([-+]?(?:[0-9][0-9.eE+-]*|\.[0-9][0-9eE+-]*|nan|inf))\s*\]?\s*(?:,[^()]*)?\)"
)
_BARE = re.compile(r"(?<![\w'\"])(-?)\b(nan|inf|NaN|Infinity)\b(?![\w'\"])")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\(")
_LITERALS = {"true": True, "false": False, "null": None}  # JSON's and YAML's, in what is neither
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def balance(text: str) -> int:
    """How many brackets are open at the end of the text; quoted ones do not count."""
    if "'" in text or '"' in text:
        text = _QUOTED.sub("", text)
    return sum(map(text.count, "{[(")) - sum(map(text.count, ")]}"))


def find_structure(text: str) -> tuple[int, int]:
    """Where the first dict or call with keywords stands in a line; (0, 0) where none is."""
    brace = text.find("{")
    call = _CALL.search(text) if "=" in text else None
    start = brace
    if call is not None and (brace < 0 or call.start() < brace):
        start = call.start()
        opened = call.end() - 1
    else:
        opened = brace
    if start < 0:
        return 0, 0
    depth = 0
    quote = ""
    skip = False
    for at in range(opened, min(len(text), opened + MOST_CHARACTERS)):
        char = text[at]
        if skip:
            skip = False
        elif quote:
            if char == "\\":
                skip = True
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
            if not depth:
                return start, at + 1
    return 0, 0


def parse_structure(text: str) -> dict[str, Any] | None:
    """The values of a dict or of a call's keywords; None where the text is neither."""
    if len(text) > MOST_CHARACTERS:
        return None
    if text.startswith("{"):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(text)
            return value if isinstance(value, dict) else None
    text = _BARE.sub(
        r"\g<1>1e999" if "nan" not in text.lower() else _bare, _WRAPPED.sub(r"\1", text)
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what looks odd to a compiler
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if isinstance(tree, ast.Call) and tree.keywords and not tree.args:
        return {key.arg: _value(key.value, text) for key in tree.keywords if key.arg is not None}
    if isinstance(tree, ast.Dict):
        value = _value(tree, text)
        return value if isinstance(value, dict) else None
    return None


def parse_value(text: str) -> Any:
    """A list, tuple or dict as Python and JSON print them; the text where it is none."""
    values = parse_structure(f'{{"value": {text}}}')
    return text if values is None else values.get("value", text)


def _bare(found: re.Match[str]) -> str:
    return f"'{found[1]}{found[2]}'" if found[2].lower() == "nan" else f"{found[1]}1e999"


def _value(node: ast.expr, text: str) -> Any:
    with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(node)
    if isinstance(node, ast.Dict):
        items = zip(node.keys, node.values, strict=True)
        return {
            str(_value(key, text)): _value(value, text) for key, value in items if key is not None
        }
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(each, text) for each in node.elts]
    if isinstance(node, ast.Call) and node.keywords and not node.args:
        return {key.arg: _value(key.value, text) for key in node.keywords if key.arg is not None}
    segment = ast.get_source_segment(text, node) or ""
    return _LITERALS.get(segment, segment)


def flatten(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested names joined by ``/``."""
    for key, value in values.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from flatten(value, name)
        else:
            yield name, value


def as_figure(value: object) -> float | int | None:
    """A number, or a string that holds one; a boolean is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple) and len(value) == 1:
        return as_figure(value[0])
    if isinstance(value, str) and len(value) < 32:
        with suppress(ValueError):
            return float(value) if not value.lstrip("+-").isdigit() else int(value)
    return None


def row_of(values: Mapping[str, Any]) -> Row:
    """The figures of a structure; epoch and step where it tells them. Its ``split`` or ``phase``
    goes before names that have none."""
    row = Row()
    best = NO_RANK
    phase = ""
    for name, value in flatten(values):
        figure = as_figure(value)
        bare = name.rpartition("/")[2]
        if figure is None:
            if bare in _PHASE_KEYS and isinstance(value, str):
                phase = words.phase_of(value) or ""
            continue
        rank = words.step_rank(bare)
        if words.is_epoch(bare):
            if words.parts(bare)[-1] == "epoch":
                row.epoch = figure
        elif rank is not None and figure == figure // 1:
            if rank < best:
                row.step, best = int(figure), rank
        elif not words.is_passed_over(bare) and (
            isinstance(figure, float) or words.is_measured(name)
        ):
            row.metrics["_".join(cased(word) for word in name.split())] = figure
    if phase:
        row.metrics = {n if has_phase(n) else f"{phase}/{n}": v for n, v in row.metrics.items()}
    return row


def is_configuration(values: Mapping[str, Any]) -> bool:
    """Whether a structure sets a run up rather than tells how it goes."""
    names = [name for name, _ in flatten(values)]
    places = any(words.is_epoch(n) and words.parts(n)[-1] == "epoch" for n in names) or any(
        n.lower() in ("step", "global_step", "iter", "iteration") for n in names
    )
    measured = [n for n in names if words.is_measured(n) and not words.is_setting(n)]
    known = sum(words.is_known_setting(n.rpartition("/")[2]) for n in names)
    return not places and known >= 2 and known > len(measured)
