"""What the flags of a command say, and what of them must not be written down.

Here belongs what can be told from the spelling of an argument vector (or of an
environment) alone; nothing is looked up on the machine.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from mlterm.core.command import read_command

_MASK = "***"

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
    words = list(argv[read_command(argv).arguments :])
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
    code = read_command(argv).code
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
