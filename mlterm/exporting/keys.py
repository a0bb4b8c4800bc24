"""The keys that MLflow takes for what a run calls its metrics and settings. Pure.

MLflow allows letters, digits and ``_ - . : /`` and spaces, takes a key for a path, and, where it
keeps its runs in files, has a file for each.
"""

import re
from collections.abc import Iterator
from itertools import count

LIMIT = 250
"""Bytes; MLflow counts characters, and file systems bytes."""
_NOT_ALLOWED = re.compile(r"[^/\w.\- :]")
_ROOM = 8
"""Bytes that are left for telling keys apart."""


class Keys:
    """A key for each name, always the same, and none twice."""

    def __init__(self, *, are_files: bool) -> None:
        """``are_files``: no key may be a folder of another one."""
        self._are_files = are_files
        self._keys: dict[str, str] = {}
        self._taken: set[str] = set()
        self._folders: set[str] = set()
        self.changed = 0
        """How many keys are not as the name is."""

    def of(self, name: str) -> str:
        """The key for a name."""
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = next(filter(self._is_free, _candidates(name)))
            self._taken.add(key)
            self._folders.update(_folders_of(key))
            self.changed += key != name
        return key

    def _is_free(self, key: str) -> bool:
        if key in self._taken:
            return False
        if not self._are_files:
            return True
        return key not in self._folders and self._taken.isdisjoint(_folders_of(key))


def _candidates(name: str) -> Iterator[str]:
    parts = (part for part in _NOT_ALLOWED.sub("_", name).split("/") if part not in ("", ".", ".."))
    key = "/".join(parts) or "_"
    key = f"_{key}" if key.startswith("..") else key
    if len(key.encode()) <= LIMIT:
        yield key
    short = key.encode()[: LIMIT - _ROOM].decode(errors="ignore").rstrip("/.")
    yield f"{short}_"
    yield short.replace("/", ".")
    for number in count(2):
        yield f"{short.replace('/', '.')}_{number}"


def _folders_of(key: str) -> Iterator[str]:
    at = key.find("/")
    while at >= 0:
        yield key[:at]
        at = key.find("/", at + 1)
