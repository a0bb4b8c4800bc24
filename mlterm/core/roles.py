"""Which part a process has in its job, as far as its name, words and environment tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlterm.core.clean import clean_text
from mlterm.core.command import interpreter, script_name

MAIN = "main"
_LONGEST = 64
_LOADER = "pt_data_worker"
"""What PyTorch's DataLoader calls its workers (torch/utils/data/_utils/worker.py, since 2.6)."""
_MULTIPROCESSING = {
    "from multiprocessing.resource_tracker import": "resource tracker",
    "from multiprocessing.forkserver import": "fork server",
    "from multiprocessing.spawn import": "worker",
}
"""How CPython starts the processes of its multiprocessing that are not forked."""


@dataclass(frozen=True)
class Part:
    """What a process is in its job."""

    role: str
    rank: int | None = None


def part_of(
    name: str,
    words: Sequence[str],
    environ: Mapping[str, str],
    parent: "Traits | None",
    *,
    is_command: bool,
) -> Part:
    """``name`` is the kernel's; ``parent`` what is known of the parent, where it is of the job.

    A rank is the process that was given another RANK (else LOCAL_RANK) than its parent; its
    children inherit the number. A child of a Python with exactly its parent's words was forked
    and has started nothing of its own: a worker.
    """
    rank = _rank(environ)
    base = _base(name, words, parent)
    if rank is None:
        return Part(MAIN if is_command else base)
    if parent is None or parent.rank != rank:
        return Part(f"rank {rank}", rank)
    return Part(f"rank {rank} {base}", rank)


@dataclass(frozen=True)
class Traits:
    """What of a process its children's parts are told by."""

    words: tuple[str, ...]
    rank: int | None


def _base(name: str, words: Sequence[str], parent: Traits | None) -> str:
    if name.startswith(_LOADER):
        return "DataLoader worker"
    for word in words[1:4]:
        for begin, role in _MULTIPROCESSING.items():
            if word.startswith(begin):
                return role
    forked = parent is not None and tuple(words) == parent.words
    if forked and words and interpreter(words) == words[0]:
        return "worker"
    return clean_text(script_name(words) if words else name)[:_LONGEST] or name


def _rank(environ: Mapping[str, str]) -> int | None:
    for variable in ("RANK", "LOCAL_RANK"):
        word = environ.get(variable, "")
        if word.isascii() and word.isdigit() and len(word) < 10:
            return int(word)
    return None
