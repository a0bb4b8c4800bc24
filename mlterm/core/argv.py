"""What a command's words say: its hyperparameters, its name, its interpreter, its secrets.

Here belongs what can be told from the spelling of an argument vector (or of an
environment) alone; nothing is looked up on the machine. First the command is read: what
starts what, and where the script's own words begin. Then its flags are.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

_MASK = "***"

# --- The command: what starts what -------------------------------------------------------


@dataclass(frozen=True)
class _Command:
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
    return _command(argv).name


def interpreter(argv: Sequence[str]) -> str | None:
    """Return the word that names the Python interpreter, or None where the command names none.

    Looked for behind ``env``, variables, ``nice``, ``uv run``, ``mpirun`` and their like.
    """
    return _command(argv).interpreter


def _command(argv: Sequence[str]) -> _Command:
    at = 0
    while at < len(argv):
        wrapper = _WRAPPERS.get(_base(argv[at]))
        if _VARIABLE.fullmatch(argv[at]):
            at += 1
        elif wrapper and (wrapped := _past_wrapper(argv, at, wrapper)):
            at = wrapped
        elif at and argv[at - 1] in _MODULE:  # uv run -m
            return _Command(_module_name(argv[at]), at + 1)
        else:
            return _program(argv, at)
    return _Command(_stem(argv[0]) if argv else "", len(argv))


def _past_wrapper(argv: Sequence[str], at: int, wrapper: _Wrapper) -> int | None:
    """Return where the wrapped command begins; None where another subcommand stands there."""
    at = _past_options(argv, at + 1, wrapper.valued).at
    for _ in range(wrapper.words):
        if wrapper.subcommand and wrapper.subcommand not in argv[at : at + 1]:
            return None
        at = _past_options(argv, at + 1, wrapper.valued).at
    return at


def _program(argv: Sequence[str], at: int) -> _Command:
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
    return found or _Command(_stem(argv[at]), at + 1)


def _search(argv: Sequence[str], at: int, end: int, *, modules: bool) -> _Command | None:
    """Return the command of the first interpreter, script or module among some words."""
    for i in range(at, end):
        if _PYTHON.fullmatch(_base(argv[i])):
            return _python(argv, i)
        if argv[i].endswith(".py"):
            return _Command(_stem(argv[i]), i + 1)
        if modules and argv[i] in _MODULE and i + 1 < end and not argv[i + 1].startswith("-"):
            return _Command(_module_name(argv[i + 1]), i + 2)
    return None


def _python(argv: Sequence[str], at: int) -> _Command:
    python = argv[at]
    options = _past_options(argv, at + 1, _PYTHON_VALUED, ends="cm")
    value = options.at - 1 if options.attached else options.at
    if options.end == "c":
        return _Command(_stem(python), value + 1, python, code=value)
    if value >= len(argv):
        return _Command(_stem(python), value, python)
    if not options.end:
        return _Command(_stem(argv[value]) or _stem(python), value + 1, python)
    module = options.attached or argv[value]
    if module.partition(".")[0] in _PYTHON_LAUNCHERS:
        found = _search(argv, value + 1, len(argv), modules=True)
        if found:
            return replace(found, interpreter=python)
    return _Command(_module_name(module), value + 1, python)


def _shell(argv: Sequence[str], at: int) -> _Command:
    options = _past_options(argv, at + 1, _SHELL_VALUED, ends="c")
    # Unlike Python's, a shell's -c may stand among other letters: sh -ce CODE.
    word = options.at
    if options.end:
        return _Command(_stem(argv[at]), word + 1, code=word)
    script = argv[word] if word < len(argv) else ""
    return _Command(_stem(script) or _stem(argv[at]), word + 1)


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


# --- The flags -----------------------------------------------------------------------------

_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE
)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLAG = re.compile(r"-+(?P<name>[^\W\d][^\s=]*)(?:=(?P<value>.*))?", re.DOTALL)
# Hydra's `key=value`, `+key=value`, `++key=value` and `~key=value`. Of `abc==` the sign
# is base64's padding.
_OVERRIDE = re.compile(
    r"(?:\+{0,2}|(?P<deleted>~))(?P<name>[A-Za-z_][A-Za-z0-9_./@-]*)=(?!=\Z)(?P<value>.*)",
    re.DOTALL,
)
_DEEPEST = 100  # brackets within brackets: beyond that a value is only a string
_CONSTANTS = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}
# In hydra's lists and dicts words need no quotes: [adam, sgd], {lr: 0.1}.
_STRUCTURE_WORD = re.compile(
    r"""(?P<double>"(?:[^"\\]|\\.)*+")|'(?P<single>[^']*+)'"""
    r"""|(?P<bare>[^\s,:\[\]{}"'](?:[^,:\[\]{}"']|:(?=//))*+)(?P<key>(?=:))?""",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Setting:
    """A flag or an override, with where its values are: words, and offsets in them."""

    kind: Literal["flag", "override", "deletion"]
    at: int
    name: str
    values: list[tuple[int, int]]


def hyperparameters(argv: Sequence[str]) -> dict[str, object]:
    """Return what the flags of a command's script say, by name, in their order.

    ``--lr 0.1``, ``-lr=0.1``, ``--layers 64 128``, ``--use-amp`` (True) and hydra's
    ``optim.lr=0.1``. A name loses its leading dashes, and those within become underscores.
    A value is an int, a float, a bool, None, a list or a dict where it reads as one, else a
    string; a flag given more than once has a list. After a flag several words are its
    values while they are of one kind (``--lr 0.1 config.yaml``: the number only). Not
    told: positional words, the flags of whatever starts the script, code given with -c,
    and secrets.
    """
    words = list(argv[_command(argv).arguments :])
    end = words.index("--") if "--" in words else len(words)
    found: dict[str, list[object]] = {}
    for setting in _settings(words):
        if setting.kind == "deletion" or (setting.kind == "flag" and setting.at > end):
            continue
        texts = [words[at][start:] for at, start in setting.values]
        if any(_secret(setting.name, text) for text in texts or [""]):
            continue
        values = [_value(_without_passwords(text)) for text in texts] or [True]
        found.setdefault(setting.name.replace("-", "_"), []).extend(values)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _settings(words: Sequence[str]) -> Iterator[_Setting]:
    at = 0
    while at < len(words):
        values = range(0)
        if override := _OVERRIDE.fullmatch(words[at]):
            places = [(at, override.start("value"))]
            yield _Setting(
                "deletion" if override["deleted"] else "override", at, override["name"], places
            )
        elif flag := _flag(words[at]):
            if flag["value"] is None:
                values = _values(flag["name"], words, at + 1)
                places = [(value, 0) for value in values]
            else:
                places = [(at, flag.start("value"))]
            yield _Setting("flag", at, flag["name"], places)
        at += 1 + len(values)


def _flag(word: str) -> re.Match[str] | None:
    return None if _NUMBER.fullmatch(word) else _FLAG.fullmatch(word)


def _values(name: str, words: Sequence[str], at: int) -> range:
    """Return which of the words from ``at`` on are the values of a flag without ``=``."""
    is_end = (i for i in range(at, len(words)) if words[i] == "--" or _flag(words[i]))
    end = next(is_end, len(words))
    if at == end:
        return range(0)
    # A secret is never taken for something else, whatever it looks like.
    if looks_secret(name, words[at]):
        return range(at, end if name.lower().endswith("s") else at + 1)
    kind = _kind(words[at])
    others = (i for i in range(at, end) if _OVERRIDE.fullmatch(words[i]) or _kind(words[i]) != kind)
    return range(at, next(others, end))


def _kind(word: str) -> str:
    return "number" if _NUMBER.fullmatch(word) else type(_value(word)).__name__


def _value(text: str) -> object:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        if _NUMBER.fullmatch(text):
            return int(text) if _INTEGER.fullmatch(text) else float(text)
        if text[:1] in ("[", "{") and _depth(text) <= _DEEPEST:
            return json.loads(_STRUCTURE_WORD.sub(_as_json, text))
    except ValueError:  # no structure after all, or an integer of thousands of digits
        pass
    return text


def _depth(text: str) -> int:
    return max(accumulate((char in "[{") - (char in "]}") for char in text))


def _as_json(word: re.Match[str]) -> str:
    if word["double"]:
        return word["double"]
    if word["bare"] is None:
        return json.dumps(word["single"])
    bare = word["bare"].rstrip()
    return json.dumps(bare if word["key"] is not None else _value(bare))


# --- Secrets ---------------------------------------------------------------------------------

_SECRET_PARTS = (
    "password", "passwd", "passphrase", "secret", "credential", "apikey", "jwt",
)  # fmt: skip
_BOUNDARY = re.compile(
    r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])"
)
# A name and its value in a list or a dict, well formed or not.
_NAMED = re.compile(r"""(?<![\w.-])([\w.-]++)["']?\s*+[:=]\s*+["']?([^\s,\[\]{}"']*+)""")
_USERINFO = re.compile(r"(://[^\s/?#:@]*:)[^\s/?#]*@")
_ALLOWED_PREFIXES = ("CUDA_", "NCCL_", "SLURM_", "OMP_", "PYTHON", "HF_", "TORCH_")
_ALLOWED_NAMES = frozenset((
    "CONDA_DEFAULT_ENV", "VIRTUAL_ENV",
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
))  # fmt: skip


def looks_secret(name: str, value: str = "") -> bool:
    """Tell whether the value under a name is one that must not be written down.

    ``--api-key``, ``HF_TOKEN``, ``db.password``; of ``tokens`` and ``keys``, and where
    ``token`` or ``key`` is not the last word (``--max-tokens 512``), only what is no number.
    """
    lowered = name.lower()
    if any(part in lowered for part in _SECRET_PARTS):
        return True
    words = [word.lower() for word in _BOUNDARY.split(name) if word]
    if not words:
        return False
    if words[-1].endswith(("token", "key")):
        return True
    if words[-1].endswith(("tokens", "keys")) or not {"token", "key"}.isdisjoint(words):
        return not _NUMBER.fullmatch(value)
    return False


def masked(argv: Sequence[str]) -> list[str]:
    """Return the words of a command with every secret in them replaced by ``***``.

    Values of secret flags, variables and overrides, and passwords in URLs. Of code given
    with ``-c`` only the latter.
    """
    words = list(argv)
    code = _command(argv).code
    for setting in _settings(argv):
        for at, start in setting.values:
            if at != code and _secret(setting.name, argv[at][start:]):
                words[at] = argv[at][:start] + _MASK
    return [_without_passwords(word) for word in words]


def allowed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may be recorded with a run, sorted by name; never a secret."""
    return {
        name: _without_passwords(environ[name])
        for name in sorted(environ)
        if name.startswith(_ALLOWED_PREFIXES) or name in _ALLOWED_NAMES
        if not looks_secret(name, environ[name])
    }


def _secret(name: str, text: str) -> bool:
    """Tell whether a value is a secret or has one in it: ``{token: x}``, ``--env=TOKEN=x``."""
    if looks_secret(name, text):
        return True
    if override := _OVERRIDE.fullmatch(text):
        return looks_secret(override["name"], override["value"])
    names = _NAMED.findall(text) if text[:1] in ("[", "{") else []
    return any(looks_secret(inner, value) for inner, value in names)


def _without_passwords(text: str) -> str:
    """Mask the password of every ``scheme://user:password@host``."""
    return _USERINFO.sub(rf"\1{_MASK}@", text)
