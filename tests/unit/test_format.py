"""mlterm-format(5) is read into a schema; what the code makes is held to it, here what its
pure parts make, in tests/session/test_format.py whole files."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm import __version__, ending, provenance
from mlterm.core import argv, lifecycle, records, values
from mlterm.core.records import Record
from mlterm.tracker import lines
from mlterm.tracker.ending import fields_of, of_exception
from tests.support import REPOSITORY

MANUAL = REPOSITORY / "man" / "mlterm-format.5"
PAGE = MANUAL.read_text()
USERS = "*"
"""Stands for any name of the user's."""

# --- The page as a schema -------------------------------------------------------------------


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": lambda v: not isinstance(v, bool) and records.as_number(v) is not None,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
    "any": lambda value: True,
}


def _is_aware(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


UNITS: dict[str, Callable[[Any], bool]] = {
    "": lambda value: True,
    "bytes": lambda value: bool(value >= 0),
    "seconds": lambda value: bool(value >= 0),
    "hexadecimal": lambda value: re.fullmatch("[0-9a-f]{64}", value) is not None,
    "joules": lambda value: bool(value >= 0),
    "ISO 8601": _is_aware,
}


@dataclass(frozen=True)
class Field:
    """What the page says of one field."""

    kinds: tuple[str, ...]
    unit: str
    is_always: bool
    is_key: bool

    @property
    def words(self) -> list[str]:
        """Texts that it may be."""
        return [kind.strip('"') for kind in self.kinds if kind not in KINDS]

    def takes(self, value: object) -> bool:
        kinds = [kind for kind in self.kinds if kind in KINDS]
        if not (value in self.words or any(KINDS[kind](value) for kind in kinds)):
            return False
        return value is None or UNITS[self.unit](value)


Fields = dict[str, Field]


def plain(roff: str) -> str:
    """The characters that a reader sees, fonts left out."""
    escapes = {"\\-": "-", "\\(dq": '"', "\\(aq": "'", "\\e": "\\", "\\|": ""}
    return re.sub(r"\\f[BIPR]|\\-|\\\(..|\\e|\\\|", lambda found: escapes.get(found[0], ""), roff)


def parts(roff: str, macro: str) -> dict[str, str]:
    """What stands under each heading of a kind."""
    found = re.split(rf"^\.{macro} (.*)$", roff, flags=re.MULTILINE)[1:]
    return dict(zip(map(plain, found[::2]), found[1::2], strict=True))


def block(roff: str) -> str:
    """The one example of a part."""
    (found,) = re.findall(r"^\.EX\n(.*?)^\.EE$", roff, flags=re.MULTILINE | re.DOTALL)
    return plain(found)


def fields(roff: str) -> Fields:
    """The fields that the tags of a part describe; of a user's own, ``USERS``."""
    found: Fields = {}
    for tag in re.findall(r"^\.T[PQ]\n(.*)$", roff, flags=re.MULTILINE):
        if tag == '.IR "any other name" " (any)"':
            found[USERS] = Field(("any",), "", False, False)
            continue
        match = re.fullmatch(r'\.BR (\S+) " \((.+)\)"', plain(tag))
        assert match, f"no tag of a field: {tag}"
        kinds, *rest = match[2].split("; ")
        marks = rest.pop().split(", ") if rest and rest[-1].startswith("always") else []
        (unit,) = rest or [""]
        assert set(marks) <= {"always", "key"}, tag
        assert match[1] not in found, tag
        found[match[1]] = Field(
            tuple(re.split(", | or ", kinds)), unit, "always" in marks, "key" in marks
        )
    return found


SECTIONS = parts(PAGE, "SH")
_RECORDS = {heading: fields(part) for heading, part in parts(SECTIONS["RECORDS"], "SS").items()}
EVERY = _RECORDS.pop("Every record")
SCHEMA = {kind: EVERY | own for kind, own in _RECORDS.items()}
(_SAMPLE,) = (fields(part) for part in parts(SECTIONS["SAMPLES"], "SS").values())


def problems(record: Record) -> list[str]:
    """In what a record is not as the page says."""
    kind = record.get("type")
    schema = SCHEMA.get(kind) if isinstance(kind, str) else None
    if schema is None:
        return [f"type {kind!r} is not described"]
    amends = record.get("_amends") is True
    wanted = [name for name, field in schema.items() if field.is_key or field.is_always]
    found = [
        f"{kind} has no {name}"
        for name in wanted
        if name not in record and (schema[name].is_key or not amends)
    ]
    return found + [f"{kind}.{words}" for words in _odd_places(record, schema)]


def problems_of_sample(sample: Record) -> list[str]:
    """The same of a sample; what is always in its objects is in each of those that are there."""
    found = [
        f"a sample has no {name}"
        for name, field in _SAMPLE.items()
        if field.is_always and not _has(sample, name)
    ]
    return found + list(_odd_places(sample, _SAMPLE))


def _odd_places(record: Record, schema: Fields) -> Iterator[str]:
    """What is not described, or is otherwise."""
    for place, value in _places(record, schema):
        if place not in schema:
            yield f"{place} is not described"
        elif not schema[place].takes(value):
            yield f"{place} is {value!r}"


def places_of_samples() -> set[str]:
    """All that the page says may occur in one."""
    return set(_SAMPLE)


def occurring_in_samples(samples: Iterable[Record]) -> set[str]:
    """All of it that does."""
    return {place for sample in samples for place, _ in _places(sample, _SAMPLE)}


def _has(sample: Record, name: str) -> bool:
    head, _, rest = name.partition(".")
    if head not in sample or not rest:
        return head in sample or bool(rest)  # of an object that is not there nothing is missing
    inner = sample[head] if isinstance(sample[head], list) else [sample[head]]
    return all(_has(each, rest) for each in inner)


def _places(value: Mapping[str, Any], schema: Fields, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every field, and where the page describes it."""
    for name, inner in value.items():
        place = above + name
        is_ours = not above and name.startswith("_")
        if place not in schema and not is_ours:
            place = above + USERS if above or USERS in schema else place
        within = f"{place}."
        is_described_within = any(other.startswith(within) for other in schema)
        if place in schema or not is_described_within:
            yield place, inner
        inners = inner if isinstance(inner, list) else [inner]
        for each in inners if is_described_within else ():
            if isinstance(each, dict):
                yield from _places(each, schema, within)


Place = tuple[str, str, str]
"""A type of record ("" for every one), a field of it, and a word that stands there, or ""."""


def documented() -> set[Place]:
    """All that the page says may occur."""
    found: set[Place] = set()
    for kind, own in [("", EVERY), *_RECORDS.items()]:
        for name, field in own.items():
            found |= {(kind, name, word) for word in ["", *field.words]}
    return found


def occurring(those: Iterable[Record]) -> set[Place]:
    """All of it that occurs in some records."""
    found: set[Place] = set()
    for record in those:
        kind = record["type"]
        for place, value in _places(record, SCHEMA[kind]):
            where = "" if place in EVERY else kind
            found.add((where, place, ""))
            if isinstance(value, str) and value in SCHEMA[kind][place].words:
                found.add((where, place, value))
    return found


EXAMPLE = [json.loads(line) for line in block(SECTIONS["EXAMPLE"]).replace("\n ", " ").splitlines()]

# --- The page itself ------------------------------------------------------------------------


def test_the_page_is_of_this_version_and_of_this_schema() -> None:
    (heading,) = [line for line in PAGE.splitlines() if line.startswith(".TH")]
    assert f'"mlterm {__version__}"' in heading
    assert f"describes schema {records.SCHEMA} of the format" in PAGE
    assert re.search(rf"^The version of the format: {records.SCHEMA}\.$", PAGE, re.MULTILINE)


def test_every_kind_and_unit_is_one_that_can_be_checked() -> None:
    for kind, schema in SCHEMA.items():
        for name, field in schema.items():
            assert set(field.kinds) <= set(KINDS) | {f'"{word}"' for word in field.words}, name
            assert all(re.fullmatch("[a-z]+", word) for word in field.words), (kind, name)
            assert field.unit in UNITS, (kind, name)
            for unit in ("bytes", "seconds"):
                assert (field.unit == unit) == name.endswith(f"_{unit}") or name == "offset", name


def test_every_type_of_record_stands_in_the_example_as_the_page_describes_it() -> None:
    assert [problems(record) for record in EXAMPLE] == [[] for _ in EXAMPLE]
    assert {record["type"] for record in EXAMPLE} == set(SCHEMA)
    assert EXAMPLE[0]["schema"] == records.SCHEMA
    assert EXAMPLE[-1]["type"] == "finish"
    assert "_source" not in EXAMPLE[-1]
    moments = [datetime.fromisoformat(record["timestamp"]) for record in EXAMPLE]
    assert moments == sorted(moments)


def test_the_example_comes_back_from_its_lines() -> None:
    whole = b"".join(map(records.encode, EXAMPLE))
    assert list(records.decode_lines(whole)) == EXAMPLE


def test_what_amends_in_the_example_names_what_it_amends() -> None:
    (amending,) = [r for r in EXAMPLE if r["type"] == "artifact" and "_amends" in r]
    (pending,) = [r for r in EXAMPLE if "_pending" in r]
    for name in ("name", "path", "_step"):
        assert amending[name] == pending[name]


GOOD = {
    "timestamp": "2026-11-24T07:31:05.000000+00:00", "type": "finish", "status": "failed",
    "exit_code": 1, "signal": None, "duration_seconds": 0.5, "reason": "exit code 1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"type": "end"}, "type 'end' is not described"),
        ({"type": ["finish"]}, "type ['finish'] is not described"),
        ({"status": "lost"}, "finish.status is 'lost'"),
        ({"status": None}, "finish.status is None"),
        ({"exit_code": 1.5}, "finish.exit_code is 1.5"),
        ({"exit_code": True}, "finish.exit_code is True"),
        ({"duration_seconds": "0.5"}, "finish.duration_seconds is '0.5'"),
        ({"duration_seconds": True}, "finish.duration_seconds is True"),
        ({"duration_seconds": -1}, "finish.duration_seconds is -1"),
        ({"timestamp": "2026-11-24T07:31:05"}, "finish.timestamp is '2026-11-24T07:31:05'"),
        ({"timestamp": "today"}, "finish.timestamp is 'today'"),
        ({"why": "?"}, "finish.why is not described"),
        ({"_why": "?"}, "finish._why is not described"),
        ({"metrics": {"loss": {"last": "x"}}}, "finish.metrics.*.last is 'x'"),
        ({"metrics": {"loss": {"least": 1}}}, "finish.metrics.*.* is not described"),
    ],
)
def test_a_record_that_is_otherwise_is_found_out(change: dict[str, Any], problem: str) -> None:
    assert problems(GOOD) == []
    assert problems({**GOOD, **change}) == [problem]


@pytest.mark.parametrize("name", [name for name, field in EVERY.items() if field.is_always])
def test_a_record_without_what_every_record_has_is_found_out(name: str) -> None:
    without = {key: value for key, value in GOOD.items() if key != name}
    assert len(problems(without)) == 1


def test_a_record_that_amends_may_lack_all_but_its_keys() -> None:
    head = {key: GOOD[key] for key in ("timestamp", "type")} | {"_amends": True}
    assert problems(head | {"lost_records": 3}) == []
    assert problems(head | {"type": "artifact", "path": "/x"}) == ["artifact has no name"]


def test_a_users_names_are_any_without_an_underscore_before_them() -> None:
    head = {"timestamp": GOOD["timestamp"], "type": "metrics"}
    assert problems(head | {"train/loss": 1, "a.b": {"_c": None}, "": [1], "name": 2}) == []
    assert problems(head | {"_loss": 1}) == ["metrics._loss is not described"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_page_is_rendered_without_a_complaint_and_fits_a_terminal() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-c", str(MANUAL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    shown = re.sub(".\b", "", done.stdout)
    assert "lost_output_bytes (integer; bytes)" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


# --- The page and the code ------------------------------------------------------------------


def test_the_reserved_names_are_those_that_the_page_lists() -> None:
    assert set(block(SECTIONS["NAMES"]).split()) == records.RESERVED
    ours = {name for schema in SCHEMA.values() for name in schema if name.startswith("_")}
    assert ours - {"_automatic"} == records.RESERVED - {"timestamp", "type"}


def test_the_states_are_those_of_the_code() -> None:
    assert set(SCHEMA["finish"]["status"].words) == lifecycle.ENDED
    tags = re.findall(r"^\.TP\n\.B[R]? (.*)$", SECTIONS["LIFE"], flags=re.MULTILINE)
    states = {word for tag in tags for word in re.findall("[a-z]+", tag)}
    assert states == lifecycle.ENDED | {lifecycle.RUNNING, lifecycle.LOST}


@pytest.mark.parametrize(
    "words",
    [
        f"at most {values.ARRAY_LIMIT:,} elements",
        f"a range of at most {values.ARRAY_LIMIT:,} numbers",
        f"table of more than {values.ARRAY_LIMIT:,} cells",
        f"at most {values.REPR_LIMIT:,} characters of its repr",
        f"more than {values.DEPTH_LIMIT} levels deep",
        f"more than {values.ITEM_LIMIT:,} items",
        f"longer than {lines.LINE_LIMIT >> 20} MiB",
        f"more than {lines._VALUE_LIMIT >> 10} KiB",
    ],
)
def test_the_limits_are_those_of_the_code(words: str) -> None:
    assert words in SECTIONS["VALUES"].replace("\n", " ")


def test_the_tail_is_as_long_as_the_page_says() -> None:
    assert f"the last lines of its output, {ending.TAIL_LINES} at most" in PAGE


PYTHON = {
    "HTTPStatus": HTTPStatus, "Path": Path, "datetime": datetime, "date": date,
    "timedelta": timedelta, "Decimal": Decimal, "SimpleNamespace": SimpleNamespace,
}  # fmt: skip
VALUES = [
    re.split(r"  +(?=\S+)", line, maxsplit=1)
    for line in re.sub(r"\n +", " ", block(SECTIONS["VALUES"])).splitlines()
]


@pytest.mark.parametrize(("code", "written"), VALUES)
def test_a_value_is_written_as_the_page_shows(code: str, written: str) -> None:
    value = eval(code, dict(PYTHON))
    line = records.encode({"x": value})
    assert json.loads(line) == {"x": json.loads(written)}
    assert type(json.loads(line)["x"]) is type(json.loads(written))


def test_a_large_array_is_summed_up_in_the_fields_that_the_page_names() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(values.ARRAY_LIMIT + 1)
    found = values.plain(array, lambda _: {"artifact": None})
    paragraph = SECTIONS["VALUES"].split(".B larger arrays\n")[1].split(".TP\n")[0]
    assert set(found) == set(re.findall(r"^\.BR? (\w+)", paragraph, flags=re.MULTILINE))


def test_a_long_value_is_marked_in_the_fields_that_the_page_names() -> None:
    head = {"timestamp": GOOD["timestamp"], "type": "metrics"}
    record = head | {"x": "x" * (lines.LINE_LIMIT + 1), "y": 1}
    kept = json.loads(lines.line_of(record, lambda *_: None, lambda *_: {}))
    assert problems(kept) == []
    assert kept["y"] == 1
    assert set(kept["x"]) == {"_type", "_repr", "_bytes"}
    assert all(name in SECTIONS["VALUES"] for name in kept["x"])


USERS_NAMES = st.text().filter(lambda name: not name.startswith("_"))


@given(st.dictionaries(USERS_NAMES | st.sampled_from(["timestamp", "type"]), st.integers()))
def test_whatever_a_user_calls_a_value_the_record_is_one_of_the_pages(
    named: dict[str, int],
) -> None:
    head = {"timestamp": GOOD["timestamp"], "type": "metrics"}
    written = json.loads(records.encode({**head, **records.user_fields(named)}))
    assert problems(written) == []
    assert len(written) == len(head) + len(named)


@pytest.mark.parametrize("word", ["x", "\udcff"])
def test_the_run_record_and_the_flags_are_as_the_page_says(tmp_path: Path, word: str) -> None:
    command = ["python", "train.py", "--lr", "0.1", "--type", "cnn", word]
    record = provenance.run_record(
        project="p", run_id="r", argv=command, cwd="/", environ={"RANK": "0"},
        started=datetime.now(UTC), pid=None, path=tmp_path / "p_r.jsonl",
    )  # fmt: skip
    written = json.loads(records.encode(record))
    assert problems(written) == []
    if word != "x":
        assert base64.b64decode(written["argv_base64"][-1]) == b"\xff"
    head = {"timestamp": GOOD["timestamp"], "type": "hyperparameters", "_source": "argv"}
    flags = records.user_fields(argv.hyperparameters(command))
    assert problems(json.loads(records.encode(head | flags))) == []


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), SystemExit(), GeneratorExit()]
)
def test_however_a_tracker_ends_its_record_is_as_the_page_says(error: BaseException) -> None:
    head = {"timestamp": GOOD["timestamp"], "type": "finish"}
    record = head | fields_of(of_exception(error)) | {"duration_seconds": 1.0}
    assert problems(json.loads(records.encode(record))) == []
