"""Which Python runs a command, found without running it."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mlterm.core.command import interpreter

_SHEBANG = re.compile(rb"#!\s*(?:\S*/env\s+(?:-S\s*)?)?(\S*(?:python|pypy)[0-9.]*)(?:\s+[^\n]*)?\n")
_VENV_VERSION = re.compile(r"^version(?:_info)?\s*=\s*([0-9][0-9.]*[0-9])", re.MULTILINE)


def interpreter_of(argv: Sequence[str], environ: Mapping[str, str], cwd: str) -> str | None:
    """The Python that the command names, or its program's first line (torchrun); a path."""
    word = interpreter(argv)
    if word is not None:
        return which(word, environ, cwd)
    program = which(argv[0], environ, cwd)
    if program is None:
        return None
    with suppress(OSError), open(program, "rb") as file:
        if match := _SHEBANG.match(file.read(256)):
            return which(os.fsdecode(match[1]), environ, cwd)
    return None


def which(name: str, environ: Mapping[str, str], cwd: str) -> str | None:
    """As the command's own shell would find it."""
    search_path = environ.get("PATH", os.defpath)
    for folder in [""] if "/" in name else search_path.split(os.pathsep):
        path = os.path.join(cwd, folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def at_start(
    argv: Sequence[str], environ: Mapping[str, str], cwd: str
) -> dict[str, str | None] | None:
    """Version and path as far as they can be told at once; the observer tells the rest."""
    program = interpreter_of(argv, environ, cwd)
    if program is None:
        return None
    version: str | None = None
    with suppress(OSError, ValueError):
        if os.path.realpath(program) == os.path.realpath(sys.executable):
            version = sys.version.split()[0]
        else:
            match = _VENV_VERSION.search(Path(program).parent.with_name("pyvenv.cfg").read_text())
            version = match[1] if match else None
    return {"version": version, "executable": program}
