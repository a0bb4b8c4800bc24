"""Whatever a script logs comes back as the table of mlterm-format(5) says."""

import argparse
import collections
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core import values
from mlterm.core.records import decode, encode
from mlterm.core.values import named_values, plain


class LossOf(float):
    """As a framework's own number may be."""


class Colour(Enum):
    RED = "red"
    NAN = math.nan


class Level(IntEnum):
    HIGH = 3


@dataclass
class Settings:
    lr: float
    path: PurePosixPath


class Pair(NamedTuple):
    left: int
    right: float


class Text(str):
    __slots__ = ()


class Number(float):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, True),
        (None, None),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (10**5000, hex(10**5000)),
        (math.inf, "Infinity"),
        (Number(0.5), 0.5),
        (Number("nan"), "NaN"),
        (Text("a"), "a"),
        ("\ud800é", "\\ud800é"),
        (Colour.RED, "red"),
        (Colour.NAN, "NaN"),
        (Level.HIGH, 3),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006+00:00"),
        (datetime(2026, 1, 2), "2026-01-02T00:00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=1, milliseconds=5), 60.005),
        (PurePosixPath("/a/b"), "/a/b"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("0.5"), 0.5),
        (Decimal("0.1"), "0.1"),
        (Decimal("1e400"), "1E+400"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (1 + 2j, {"real": 1.0, "imag": 2.0}),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a", 1}, [1, "a"]),
        ((1, (2, 3)), [1, [2, 3]]),
        (Pair(1, math.nan), [1, "NaN"]),
        (collections.deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({1: 2}.keys(), [1]),
        ({1: 2}.values(), [2]),
        (Settings(0.1, PurePosixPath("x")), {"lr": 0.1, "path": "x"}),
        (argparse.Namespace(lr=0.1), {"lr": 0.1}),
        (SimpleNamespace(lr=0.1), {"lr": 0.1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        ({None: 1, 2: 3, True: 4, Colour.RED: 5}, {"None": 1, "2": 3, "True": 4, "red": 5}),
        ({"1": "a", 1: "b"}, {"1": "a", "1_": "b"}),
        ({"a": {"b": [math.nan, {"c": (1,)}]}}, {"a": {"b": ["NaN", {"c": [1]}]}}),
        (b"ab", {"_type": "builtins.bytes", "_repr": "b'ab'"}),
        (Fraction(1, 3), {"_type": "fractions.Fraction", "_repr": "Fraction(1, 3)"}),
        (len, {"_type": "builtins.builtin_function_or_method", "_repr": "<built-in function len>"}),
        (Settings, {"_type": "builtins.type", "_repr": repr(Settings)}),
        (range(10**9), {"_type": "builtins.range", "_repr": "range(0, 1000000000)"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_value_has_its_form(value: object, written: object) -> None:
    found = plain(value)
    assert found == written
    assert type(found) is type(written)
    assert plain(found) == found


ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.binary(),
    st.text(st.characters(exclude_categories=[])), st.decimals(), st.datetimes(), st.dates(),
    st.timedeltas(), st.uuids(), st.sampled_from(Colour), st.functions(),
)  # fmt: skip
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner, max_size=4),
        st.frozensets(st.one_of(st.integers(), st.text(), st.floats()), max_size=4),
        st.builds(SimpleNamespace, a=inner),
    ),
    max_leaves=15,
)


@given(ANYTHING)
def test_whatever_it_is_the_line_comes_back_as_what_was_made_of_it(value: object) -> None:
    made = plain(value)
    assert decode(encode({"value": value})) == {"value": made}
    assert plain(made) == made
    assert orjson.loads(orjson.dumps(made)) == made


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise ValueError


class HostileMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        if key == "bad":
            raise KeyError(key)
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(("good", "bad", "last"))

    def __len__(self) -> int:
        return 3


class NoIteration(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError


class BadFloat(float):
    def __float__(self) -> float:
        raise RuntimeError


class Long:
    def __repr__(self) -> str:
        return "x" * 10_000


@pytest.mark.parametrize(
    "make",
    [Hostile, NoIteration, MagicMock, object, Long, {"a": Hostile()}.items, BadFloat],
)
def test_hostile_values_are_marked_and_the_others_stay(make: Callable[[], object]) -> None:
    value = make()
    record = decode(encode({"before": 1, "value": value, "after": 2}))
    assert record is not None
    assert (record["before"], record["after"]) == (1, 2)
    if type(value) is not type({}.items()):
        assert set(record["value"]) == {"_type", "_repr"}
        assert len(record["value"]["_repr"]) <= values.REPR_LIMIT


def test_one_bad_item_does_not_lose_the_others() -> None:
    assert plain(Hostile())["_repr"] == "<repr failed: ValueError>"
    found = plain(HostileMapping())
    assert (found["good"], found["last"]) == (1, 1)
    assert found["bad"]["_type"] == "builtins.KeyError"
    assert plain([1, Hostile(), 2])[::2] == [1, 2]


@given(st.lists(st.floats() | st.sampled_from([1, True, None, 1e308, LossOf(0.5)]), max_size=8))
def test_a_list_of_floats_becomes_what_each_of_them_does(items: list[Any]) -> None:
    found = plain(items)
    assert [*map(repr, found)] == [repr(plain(item)) for item in items]
    assert found is not items  # who has logged it may change it


def test_the_items_of_all_lists_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "ITEM_LIMIT", 10)
    assert plain([[1.0] * 4, [2.0] * 4]) == [[1.0] * 4, [2.0] * 4]
    assert plain([[1.0] * 4, [2.0] * 5])[1]["_repr"] == "<too many items>"


def test_what_holds_itself_or_is_very_deep_ends() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert decode(encode({"value": circle, "after": 1})).get("after") == 1  # type: ignore[union-attr]
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert encode({"value": deep}).endswith(b"\n")
    table: dict[str, Any] = {}
    table["self"] = table
    assert encode(table).endswith(b"\n")


def test_types_without_end_are_not_remembered_without_end() -> None:
    for _ in range(2_500):
        plain(type("Made", (), {})())
    assert len(values._converters) <= values._KNOWN_TYPES


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"a": 1, 2: 3}, {"a": 1, "2": 3}),
        (argparse.Namespace(a=1), {"a": 1}),
        (Settings(1.0, PurePosixPath("x")), {"lr": 1.0, "path": PurePosixPath("x")}),
        (Pair(1, 2.0), {"left": 1, "right": 2.0}),
        (SimpleNamespace(a=1), {"a": 1}),
        (3, None), ([1], None), ("a", None), (None, None),
    ],
)  # fmt: skip
def test_what_has_named_settings(value: object, named: dict[str, object] | None) -> None:
    assert named_values(value) == named
    assert named_values(MagicMock()) is None
    assert named_values(Hostile()) is None


# --- Arrays -----------------------------------------------------------------------------------


def test_numpy() -> None:
    np = pytest.importorskip("numpy")
    cases: list[tuple[Any, Any]] = [
        (np.float32(0.5), 0.5), (np.float64("nan"), "NaN"), (np.float16(0.5), 0.5),
        (np.longdouble(0.25), 0.25), (np.int8(3), 3), (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True), (np.str_("a"), "a"), (np.complex64(1j), {"real": 0.0, "imag": 1.0}),
        (np.datetime64("2026-01-02"), "2026-01-02"), (np.datetime64("NaT"), None),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456789"),
        (np.timedelta64(1500, "ms"), 1.5), (np.timedelta64("NaT"), None),
        (np.array([1, 2]), [1, 2]), (np.array(3.5), 3.5), (np.array([]), []),
        (np.array([[1.5, np.nan]]), [[1.5, "NaN"]]),
        (np.array([1, "a", None], object), [1, "a", None]),
        (np.ma.array([1.5, 2.5], mask=[False, True]), [1.5, None]), (np.ma.masked, None),
        (np.ma.array([0, 1], mask=[0, 1], dtype=object), [0, None]),
        (np.array(["2026-01-02", "NaT"], "M8[D]"), ["2026-01-02", None]),
        (np.array([1, "NaT"], "m8[s]"), [1.0, None]),
        (np.array([(1, 0.5)], dtype=[("a", "i4"), ("b", "f8")]), [[1, 0.5]]),
        (np.array([0.5], np.longdouble), [0.5]), (np.array([1j]), [{"real": 0.0, "imag": 1.0}]),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.array([b"a"]), [{"_type": "builtins.bytes", "_repr": "b'a'"}]),
    ]  # fmt: skip
    for value, written in cases:
        assert plain(value) == written, repr(value)
        assert encode({"x": value})


def test_large_arrays_are_summed_up_and_saved() -> None:
    np = pytest.importorskip("numpy")
    array = np.arange(20_000, dtype="float32").reshape(100, 200)
    array[0, 0] = np.nan
    saved: list[Any] = []

    def save(given: Any) -> dict[str, str]:
        saved.append(given)
        return {"artifact": "artifacts/x.npy"}

    assert plain(array, save) == {
        "_type": "numpy.ndarray", "shape": [100, 200], "dtype": "float32",
        "min": 1.0, "max": 19999.0, "mean": 10000.0, "artifact": "artifacts/x.npy",
    }  # fmt: skip
    assert saved[0] is array
    words = plain(np.array(["a"] * 20_000))
    assert (words["min"], words["shape"]) == (None, [20_000])

    def fail(_: Any) -> dict[str, str]:
        raise OSError

    assert "artifact" not in plain(array, fail)
    masked = plain(np.ma.masked_greater(np.arange(20_000), 5))
    assert (masked["max"], masked["mean"]) == (5, 2.5)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    weight = torch.ones(2, requires_grad=True)
    cases = [
        (torch.tensor(0.5), 0.5), (torch.tensor(3), 3), (torch.tensor(True), True),
        (weight, [1, 1]),
        (weight.sum(), 2.0), (torch.tensor([0.5], dtype=torch.bfloat16), [0.5]),
        (torch.tensor(0.5, dtype=torch.bfloat16), 0.5), (torch.tensor(math.nan), "NaN"),
        (torch.tensor([0.5]).to(torch.float8_e4m3fn), [0.5]),
        (torch.tensor([1j]).conj(), [{"real": 0, "imag": -1}]),
        (torch.nn.Parameter(torch.zeros(1)), [0.0]), (torch.tensor([[1, 2]]), [[1, 2]]),
    ]  # fmt: skip
    for value, written in cases:
        assert plain(value) == written, repr(value)
    odd = [torch.empty(2, device="meta"), torch.empty((), device="meta"), torch.eye(2).to_sparse()]
    for value in [*odd, torch.float32, torch.device("cpu"), torch.nn.Linear(1, 1)]:
        assert set(plain(value)) == {"_type", "_repr"}
    large = plain(torch.zeros(200, 100, dtype=torch.bfloat16))
    assert (large["_type"], large["dtype"], large["max"]) == ("torch.Tensor", "torch.bfloat16", 0.0)


def test_jax() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    cases = [
        (jnp.float32(0.5), 0.5), (jnp.array([1, 2]), [1, 2]),
        (jnp.array(0.5, jnp.bfloat16), 0.5), (jnp.array([0.5], jnp.bfloat16), [0.5]),
    ]  # fmt: skip
    for value, written in cases:
        assert plain(value) == written
    seen: list[Any] = []
    jax.jit(lambda x: seen.append(plain(x)) or x)(1.0)
    assert set(seen[0]) == {"_type", "_repr"}


def test_tensorflow() -> None:
    tf = pytest.importorskip("tensorflow")
    cases = [
        (tf.constant(0.5), 0.5), (tf.constant([1, 2]), [1, 2]), (tf.Variable([1.0]), [1.0]),
        (tf.constant(0.5, tf.bfloat16), 0.5),
    ]  # fmt: skip
    for value, written in cases:
        assert plain(value) == written, value
    assert set(plain(tf.constant("a"))) == {"_type", "_repr"}


def test_pandas_and_polars() -> None:
    pd = pytest.importorskip("pandas")
    cases = [
        (pd.Series([1, 2]), [1, 2]), (pd.NaT, None), (pd.NA, None), (pd.Index(["a"]), ["a"]),
        (pd.Timestamp("2026-01-02", tz="UTC"), "2026-01-02T00:00:00+00:00"),
        (pd.Timedelta("1s"), 1.0), (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.DataFrame({"a": [1, 2], 3: ["x", "y"]}), {"a": [1, 2], "3": ["x", "y"]}),
        (pd.Series(["a"], dtype="category"), ["a"]),
    ]  # fmt: skip
    for value, written in cases:
        assert plain(value) == written, repr(value)
    assert plain(pd.DataFrame({"a": range(20_000)}))["_repr"] == "20000 rows x 1 columns"
    pl = pytest.importorskip("polars")
    assert plain(pl.Series([1, None])) == [1, None]
    assert plain(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})) == {"a": [1, 2], "b": ["x", "y"]}


def test_sklearn() -> None:
    pytest.importorskip("sklearn")
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2)
    search.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0])
    found = plain(search.cv_results_)
    assert found["param_alpha"] == [0.1, 1.0]
    assert found["params"] == [{"alpha": 0.1}, {"alpha": 1.0}]
    assert b'"_repr"' not in encode(found)
    assert set(plain(search.best_estimator_)) == {"_type", "_repr"}


def test_omegaconf() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "copy": "${lr}", "missing": "???", "l": [1, 2]})
    named = named_values(config)
    assert named is not None
    assert plain(named["l"]) == [1, 2]
    assert (named["lr"], named["copy"]) == (0.1, 0.1)
    assert plain(config)["missing"]["_type"].endswith("MissingMandatoryValue")
