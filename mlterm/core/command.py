"""What starts what in a command's words: its script, its interpreter, its name.

Here belongs what can be told from the spelling of an argument vector alone; nothing is
looked up on the machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Command:
    """What a command line starts, and where the words meant for it begin."""

    name: str
    arguments: int  # the index of the first word that the script itself is given
    interpreter: str | None = None
    code: int | None = None  # the index of the word that is a program's text (-c)


@dataclass(frozen=True)
class _Wrapper:
    """How a program that runs the command after its own words reads those words."""

    valued: frozenset[str]  # options whose value may be the next word
    words: int = 0  # words of its own that are no options
    subcommand: str = ""  # what the first of them has to be


def _wrapper(valued: str = "", words: int = 0, subcommand: str = "") -> _Wrapper:
    return _Wrapper(frozenset(valued.split()), words, subcommand)


_WRAPPERS = {
    "caffeinate": _wrapper("-t -w"),
    "chrt": _wrapper("-T -P -D", words=1),
    "command": _wrapper(),
    "conda": _wrapper("-n --name -p --prefix --cwd", words=1, subcommand="run"),
    "doas": _wrapper("-u -C"),
    "env": _wrapper("-u --unset -C --chdir -S --split-string"),
    "exec": _wrapper("-a"),
    "flock": _wrapper("-w --timeout -E --conflict-exit-code", words=1),
    "hatch": _wrapper("-e --env", words=1, subcommand="run"),
    "ionice": _wrapper("-c --class -n --classdata"),
    "mamba": _wrapper("-n --name -p --prefix --cwd", words=1, subcommand="run"),
    "micromamba": _wrapper("-n --name -p --prefix --cwd", words=1, subcommand="run"),
    "nice": _wrapper("-n --adjustment"),
    "nohup": _wrapper(),
    "numactl": _wrapper(
        "-i --interleave -w --weighted-interleave -P --preferred-many -p --preferred"
        " -m --membind -N --cpunodebind -C --physcpubind"
    ),
    "pdm": _wrapper("-p --project --venv", words=1, subcommand="run"),
    "pipenv": _wrapper("--python", words=1, subcommand="run"),
    "pixi": _wrapper("-e --environment --manifest-path", words=1, subcommand="run"),
    "poetry": _wrapper("-C --directory -P --project", words=1, subcommand="run"),
    "rye": _wrapper("-p --pyproject", words=1, subcommand="run"),
    "setsid": _wrapper(),
    "stdbuf": _wrapper("-i --input -o --output -e --error"),
    "sudo": _wrapper("-u --user -g --group -h --host -p --prompt -C -D -R -T -r -t -U"),
    "taskset": _wrapper(words=1),
    "time": _wrapper("-f --format -o --output"),
    "timeout": _wrapper("-s --signal -k --kill-after", words=1),
    "uv": _wrapper(
        "-p --python --with --with-editable --with-requirements --extra --group --no-group"
        " --only-group --package --project --directory --env-file --index --index-url"
        " --default-index --extra-index-url -i -f --find-links --config-file --cache-dir"
        " -P --upgrade-package --refresh-package -C --config-setting --no-extra",
        words=1,
        subcommand="run",
    ),
    "xvfb-run": _wrapper("-n --server-num -s --server-args -e --error-file -f --auth-file"),
}

# Programs and modules whose own options are too many and too changeable for a table: the
# command begins at the first script, interpreter or (for those that know it) `-m`.
_PYTHON_LAUNCHERS = frozenset((
    "accelerate", "bpython", "cProfile", "colossalai", "composer", "coverage", "debugpy",
    "deepspeed", "fabric", "ipdb", "ipython", "kernprof", "lightning", "line_profiler", "memray",
    "pdb", "profile", "pyinstrument", "scalene", "torch", "torchrun", "trace", "viztracer",
))  # fmt: skip
_OTHER_LAUNCHERS = frozenset((
    "apptainer", "docker", "gdb", "horovodrun", "mpiexec", "mpirun", "ncu", "nsys", "perf",
    "podman", "py-spy", "singularity", "srun", "strace", "valgrind",
))  # fmt: skip

_PYTHON = re.compile(r"(?:python|pypy)(?:[0-9]+(?:\.[0-9]+)*t?)?(?:-?dbg|d|w)?")
_PYTHON_VALUED = frozenset(["-X", "-W", "--check-hash-based-pycs"])
_SHELLS = frozenset(["sh", "ash", "bash", "dash", "fish", "ksh", "zsh"])
_SHELL_VALUED = frozenset(["-o", "-O", "--rcfile", "--init-file"])
_MODULE = frozenset(["-m", "--module"])
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SUFFIX = re.compile(r"(?<=.)\.[A-Za-z]\w*\Z")


def script_name(argv: Sequence[str]) -> str:
    """Return what a run of this command is called by default: "" only where nothing has a name.

    The stem of its script, the last part of its module, else the stem of its program.
    """
    return read_command(argv).name


def interpreter(argv: Sequence[str]) -> str | None:
    """Return the word that names the Python interpreter, or None where the command names none.

    Looked for behind ``env``, variables, ``nice``, ``uv run``, ``mpirun`` and their like.
    """
    return read_command(argv).interpreter


def read_command(argv: Sequence[str]) -> Command:
    """Read past wrappers and launchers to the script or program that they start."""
    at = 0
    while at < len(argv):
        wrapper = _WRAPPERS.get(_base(argv[at]))
        if _VARIABLE.fullmatch(argv[at]):
            at += 1
        elif wrapper and (wrapped := _past_wrapper(argv, at, wrapper)):
            at = wrapped
        elif at and argv[at - 1] in _MODULE:  # uv run -m
            return Command(_module_name(argv[at]), at + 1)
        else:
            return _program(argv, at)
    return Command(_stem(argv[0]) if argv else "", len(argv))


def _past_wrapper(argv: Sequence[str], at: int, wrapper: _Wrapper) -> int | None:
    """Return where the wrapped command begins; None where another subcommand stands there."""
    at = _past_options(argv, at + 1, wrapper.valued).at
    for _ in range(wrapper.words):
        if wrapper.subcommand and wrapper.subcommand not in argv[at : at + 1]:
            return None
        at = _past_options(argv, at + 1, wrapper.valued).at
    return at


def _program(argv: Sequence[str], at: int) -> Command:
    name = _base(argv[at])
    if _PYTHON.fullmatch(name):
        return _python(argv, at)
    if name in _SHELLS:
        return _shell(argv, at)
    if name in _PYTHON_LAUNCHERS | _OTHER_LAUNCHERS:
        found = _search(argv, at + 1, len(argv), modules=name in _PYTHON_LAUNCHERS)
    else:
        flags = (i for i in range(at, len(argv)) if argv[i].startswith("-"))
        found = _search(argv, at, next(flags, len(argv)), modules=False)
    return found or Command(_stem(argv[at]), at + 1)


def _search(argv: Sequence[str], at: int, end: int, *, modules: bool) -> Command | None:
    """Return the command of the first interpreter, script or module among some words."""
    for i in range(at, end):
        if _PYTHON.fullmatch(_base(argv[i])):
            return _python(argv, i)
        if argv[i].endswith(".py"):
            return Command(_stem(argv[i]), i + 1)
        if modules and argv[i] in _MODULE and i + 1 < end and not argv[i + 1].startswith("-"):
            return Command(_module_name(argv[i + 1]), i + 2)
    return None


def _python(argv: Sequence[str], at: int) -> Command:
    python = argv[at]
    options = _past_options(argv, at + 1, _PYTHON_VALUED, ends="cm")
    value = options.at - 1 if options.attached else options.at
    if options.end == "c":
        return Command(_stem(python), value + 1, python, code=value)
    if value >= len(argv):
        return Command(_stem(python), value, python)
    if not options.end:
        return Command(_stem(argv[value]) or _stem(python), value + 1, python)
    module = options.attached or argv[value]
    if module.partition(".")[0] in _PYTHON_LAUNCHERS:
        found = _search(argv, value + 1, len(argv), modules=True)
        if found:
            return replace(found, interpreter=python)
    return Command(_module_name(module), value + 1, python)


def _shell(argv: Sequence[str], at: int) -> Command:
    options = _past_options(argv, at + 1, _SHELL_VALUED, ends="c")
    # Unlike Python's, a shell's -c may stand among other letters: sh -ce CODE.
    word = options.at
    if options.end:
        return Command(_stem(argv[at]), word + 1, code=word)
    script = argv[word] if word < len(argv) else ""
    return Command(_stem(script) or _stem(argv[at]), word + 1)


@dataclass(frozen=True)
class _Options:
    """Where a program's options end: before a word, or with an option that ends them."""

    at: int
    end: str = ""  # the letter of that option
    attached: str = ""  # what follows the letter in the same word


def _past_options(argv: Sequence[str], at: int, valued: frozenset[str], ends: str = "") -> _Options:
    while at < len(argv) and len(argv[at]) > 1 and argv[at][0] == "-":
        word = argv[at]
        at += 1
        if word == "--":
            break
        if word.startswith("--"):
            at += word in valued
            continue
        for i, letter in enumerate(word[1:], start=2):
            if letter in ends:
                return _Options(at, letter, word[i:])
            if f"-{letter}" in valued:
                at += i == len(word)
                break
    return _Options(at)


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _stem(path: str) -> str:
    """Return the last part of a path without its suffix, "" where it is no name (``-``, ``.``)."""
    parts = [part for part in path.split("/") if part.strip(".-")]
    if len(parts) > 1 and parts[-1] == "__main__.py":
        parts.pop()
    return _SUFFIX.sub("", parts[-1]) if parts else ""


def _module_name(module: str) -> str:
    parts = [part for part in module.split(".") if part]
    if len(parts) > 1 and parts[-1] == "__main__":
        parts.pop()
    return parts[-1] if parts else ""
