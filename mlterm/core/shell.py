"""Commands as a person may type them again."""

import re
from collections.abc import Iterable

from mlterm.core.clean import clean_text

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_ESCAPED = re.compile(r"['\\\\]|[^ -~]")


def command_line(argv: Iterable[str], folder: str = "") -> str:
    """Words, quoted for a POSIX shell, in a folder where one is given: one line, whatever the
    words hold, that is safe to print. ``$'…'``, which bash, zsh and ksh know, stands only where
    there is no other way."""
    words = " ".join(map(quoted, argv))
    return f"cd {quoted(folder)} && {words}" if folder else words


def quoted(word: str) -> str:
    """One word. Surrogates stand for bytes that are not UTF-8 (os.fsdecode)."""
    if _PLAIN.fullmatch(word):
        return word
    if clean_text(word) == word:
        return "'" + word.replace("'", "'\\''") + "'"
    return "$'" + _ESCAPED.sub(_escape, word) + "'"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character.isascii() and character.isprintable():
        return "\\" + character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
