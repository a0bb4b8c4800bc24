"""What Linux tells of a process: the text of its files in /proc, read (proc(5))."""

from collections.abc import Mapping
from typing import NamedTuple

from mlterm.core.clean import clean_text

ZOMBIE = "Z"
"""States as proc_pid_stat(5) has them: R, S, D (in the kernel, not to be disturbed), T, t, Z, X."""
DEAD = frozenset("ZXx")


class Stat(NamedTuple):
    """A process's /proc/PID/stat: what is told of it in one line."""

    pid: int
    name: str
    """Of its command, 15 characters at most; it may set another for itself (prctl(2))."""
    state: str
    ppid: int
    session: int
    own_ticks: int
    """User and system time of all its threads."""
    waited_ticks: int
    """The same of the children that it has waited for, and of theirs."""
    threads: int
    started_ticks: int
    """Since the boot. With the pid it tells a process from every other."""
    rss_pages: int


def parse_stat(data: bytes) -> Stat:
    """Raises ValueError where it is none (a kernel's file is never torn, but may be refused).

    A name may hold anything, brackets and newlines too: it ends at the last bracket.
    """
    head, _, rest = data.rpartition(b") ")
    pid, _, name = head.partition(b" (")
    fields = rest.split(None, 23)
    if len(fields) < 22:
        raise ValueError(f"this is no /proc/PID/stat: {data[:80]!r}")
    return Stat(
        int(pid),
        clean_text(name.decode("utf-8", "replace")),
        fields[0].decode(),
        int(fields[1]),
        int(fields[3]),
        int(fields[11]) + int(fields[12]),
        int(fields[13]) + int(fields[14]),
        int(fields[17]),
        int(fields[19]),
        int(fields[21]),
    )


def parse_io(data: bytes) -> tuple[int, int]:
    """/proc/PID/io → bytes that were really read from storage, and that are to be written there
    (proc_pid_io(5)); those of children that were waited for are among them."""
    fields = _fields(data)
    return fields[b"read_bytes"], fields[b"write_bytes"] - fields.get(b"cancelled_write_bytes", 0)


def parse_rollup(data: bytes) -> tuple[int, int]:
    """/proc/PID/smaps_rollup → PSS and USS in bytes (proc_pid_smaps(5)).

    PSS is a process's memory with each shared page divided by the number of those who share
    it, so that a sum over processes counts every page once; USS is what is its own alone.
    """
    fields = _fields(data)
    own = fields[b"Private_Clean"] + fields[b"Private_Dirty"] + fields.get(b"Private_Hugetlb", 0)
    return 1024 * fields[b"Pss"], 1024 * own


def _fields(data: bytes) -> Mapping[bytes, int]:
    """``Name: 12 kB`` → the number by the name. Raises ValueError or KeyError as they come."""
    found = {}
    for line in data.splitlines():
        name, colon, rest = line.partition(b":")
        words = rest.split()
        if colon and words and words[0].isdigit():
            found[name] = int(words[0])
    return found


def parse_words(data: bytes) -> tuple[str, ...]:
    """/proc/PID/cmdline → its words, empty for a zombie; not all of it need be UTF-8."""
    text = data.decode("utf-8", "surrogateescape")
    return tuple(text.removesuffix("\0").split("\0")) if text else ()


def parse_environ(data: bytes) -> dict[str, str]:
    """/proc/PID/environ → the variables that the process was given at its start."""
    pairs = (item.partition("=") for item in data.decode("utf-8", "surrogateescape").split("\0"))
    return {name: value for name, equals, value in pairs if equals}
