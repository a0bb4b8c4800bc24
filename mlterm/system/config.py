"""Settings that a project keeps in a file: mlterm.toml, or [tool.mlterm] of pyproject.toml.

The nearest folder that has either counts, from the current one up to the top of the git
repository; within a folder mlterm.toml wins.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

from mlterm.core.errors import RefusedError

_KEYS: dict[str, tuple[type, str]] = {
    "patterns": (list, "a list of patterns"),
    "ignore": (list, "a list of names"),
    "parse": (bool, "true or false"),
}


@dataclass(frozen=True)
class Settings:
    """How metrics are read out of output."""

    patterns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    """Names that are not taken; * and ? match."""
    parse: bool = True
    origin: str | None = None
    """The file that they stand in."""

    def with_options(self, patterns: tuple[str, ...], ignored: tuple[str, ...]) -> "Settings":
        """With others before them, each once."""
        return replace(
            self,
            patterns=tuple(dict.fromkeys((*patterns, *self.patterns))),
            ignore=tuple(dict.fromkeys((*ignored, *self.ignore))),
        )


def settings(folder: str) -> Settings:
    """The settings that hold in a folder. Raises RefusedError where a file of them is wrong."""
    folder = os.path.abspath(folder)
    while True:
        for name in ("mlterm.toml", "pyproject.toml"):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and (found := _read(path)) is not None:
                return found
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(os.path.join(folder, ".git")):
            return Settings()
        folder = parent


def _read(path: str) -> Settings | None:
    """None where a pyproject.toml does not speak of us."""
    is_ours = os.path.basename(path) == "mlterm.toml"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        if not is_ours:
            return None
        raise RefusedError(f"cannot read {path}: {error.strerror}") from None
    if not is_ours and b"mlterm" not in data:
        return None
    import tomllib  # most starts need no TOML

    try:
        table: Any = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        if not is_ours and b"tool.mlterm" not in data:
            return None  # other tools will say so
        raise RefusedError(f"{path} is no TOML: {error}") from None
    if not is_ours:
        tool = table.get("tool")
        table = tool.get("mlterm") if isinstance(tool, dict) else None
        if table is None:
            return None
    return _checked(path, table)


def _checked(path: str, table: Any) -> Settings:
    if not isinstance(table, dict):
        raise RefusedError(f"{path}: [tool.mlterm] has to be a table")
    for key, value in table.items():
        if key not in _KEYS:
            raise RefusedError(
                f"{path} has the key '{key}', which mlterm does not know{_near(key)}"
            )
        kind, words = _KEYS[key]
        each_is_text = not isinstance(value, list) or all(isinstance(each, str) for each in value)
        if not isinstance(value, kind) or not each_is_text:
            raise RefusedError(f"{path}: '{key}' has to be {words}, not {value!r}")
    return Settings(
        tuple(table.get("patterns", ())), tuple(table.get("ignore", ())), table.get("parse", True),
        path,
    )  # fmt: skip


def _near(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key, _KEYS, n=1)
    return f"; did you mean '{near[0]}'?" if near else f" (it knows {', '.join(_KEYS)})"
