"""Values: any object → what a record can hold.

Only the table of mlterm-format(5) belongs here. Nothing of NumPy, PyTorch, pandas and the like
is imported: what a value is, its class and the names of its bases tell. The instance is not
asked, since a mock or a proxy answers to everything.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MappingView, Sequence, Set
from dataclasses import fields
from datetime import date, time, timedelta
from enum import Enum
from itertools import repeat
from math import inf, isfinite, prod
from operator import getitem, is_
from typing import Any

ARRAY_LIMIT = 10_000
"""Elements of an array, cells of a frame: of more, only the summary is kept."""
REPR_LIMIT = 1_000
"""Characters of the repr of what has no form."""
DEPTH_LIMIT = 100
"""Containers within containers; orjson takes 254."""
ITEM_LIMIT = 2_000_000
"""Items at any depth: of a value, and of each field where the value is a record."""

_INT_LEAST, _INT_MOST = -(2**63), 2**64 - 1
_FIELDS = 1_000  # of a record, that have each an ITEM_LIMIT of their own
_MARK_ITEMS = 50  # what a mark takes of the items: its repr costs time and memory
_ALIKE_LIMIT = 1_000_000  # underscores, in all, that tell keys apart
_KNOWN_TYPES = 1_000  # types may be made without end

_PASSED = (MemoryError, KeyboardInterrupt, SystemExit)
_MARK = {"_type", "_repr"}
_SIZED = (dict, list, tuple, set, frozenset, deque)
_CONTAINERS = (Mapping, Set, Sequence)
_BYTES = (bytes, bytearray, memoryview)

SaveArray = Callable[[Any], Mapping[str, Any]]
Pairs = Iterable[tuple[Any, Any]]
_Form = Callable[["_Way", Any, int], Any]


def plain(value: object, save_array: SaveArray | None = None) -> Any:
    """``value`` as dict (keys str), list, str, int of 64 bits, finite float, bool and None.

    What has no such form becomes ``{"_type": "module.Class", "_repr": ...}``, an array of more
    than ARRAY_LIMIT elements its summary, with the fields that ``save_array`` returns for it: it
    is given the NumPy array, which may share its memory with the value. Raises nothing that the
    value or ``save_array`` does, but for MemoryError, KeyboardInterrupt and SystemExit.
    """
    try:
        return _Way(save_array).item(value, 0)
    except RecursionError:  # the caller had used up the stack
        return {"_type": "builtins.object", "_repr": "<no stack left>"}


def named_values(value: object) -> dict[str, Any] | None:
    """The items of what is a set of named values, themselves as they are; None of what is none.

    Those are mappings, namespaces, namedtuples and the instances of dataclasses, attrs classes
    and pydantic models. What cannot be read of them, such as a missing value of OmegaConf's, is
    the error, marked.
    """
    kind = type(value)
    try:
        reader = _reader_of(kind)
        if reader is not None:
            pairs = reader(value)
        elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
            pairs = zip(kind._fields, value, strict=True)  # type: ignore[call-overload] # a tuple
        else:
            return None
        return distinct((_key(key), item) for key, item in _Way(None).counted(pairs))
    except _PASSED:
        raise
    except BaseException:  # noqa: BLE001 - a value may raise anything
        return None


def distinct(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Of keys that collide the later gets a trailing underscore."""
    found: dict[str, Any] = {}
    added = 0
    for key, value in items:
        name = key
        while name in found:
            name += "_"
            added += 1
            if added > _ALIKE_LIMIT:
                raise _Stop("<too many keys alike>")
        found[name] = value
    return found


class _Stop(Exception):
    """Why a container is not gone into: its words are the mark's."""


class _Way:
    """One conversion: what it is inside of, and how many items it may still take."""

    __slots__ = ("inside", "left", "save_array")

    def __init__(self, save_array: SaveArray | None) -> None:
        self.inside: set[int] = set()
        self.left = ITEM_LIMIT
        self.save_array = save_array

    def item(self, value: Any, depth: int) -> Any:
        """Any value, ``depth`` containers deep."""
        kind = type(value)
        try:
            if kind is float or kind is int or kind is str or kind is bool or value is None:
                return _scalar(value)
            form = _converters.get(kind) or _remembered(kind)
            return form(self, value, depth) if form else self.mark(value)
        except _PASSED:
            raise
        except BaseException as error:  # noqa: BLE001 - a value may raise anything
            return self.mark(value, error)

    def nested(self, form: _Form, value: Any, depth: int) -> Any:
        """What holds other values, unless it is too deep or inside of itself."""
        if depth >= DEPTH_LIMIT and not _is_mark(value):
            raise _Stop("<nested too deep>")
        if id(value) in self.inside:
            raise _Stop("<holds itself>")
        self.inside.add(id(value))
        try:
            return form(self, value, depth)
        finally:
            self.inside.discard(id(value))

    def sequence(self, items: Iterable[Any], depth: int) -> list[Any]:
        """A list of the items, each converted."""
        floats = _finite_floats(items, self.left)
        if floats is not None:
            self.left -= len(floats)
            return floats
        return [self.item(item, depth + 1) for item in self.counted(items)]

    def mapping(self, pairs: Pairs, depth: int) -> dict[str, Any]:
        """A dict of the pairs, each key and value converted."""
        counted = self.counted(pairs, fields=not depth)
        return distinct((_key(key), self.item(item, depth + 1)) for key, item in counted)

    def counted(self, items: Iterable[Any], *, fields: bool = False) -> Iterator[Any]:
        """The items, as long as there are not too many."""
        if issubclass(type(items), _SIZED) and len(items) > self.left:  # type: ignore[arg-type] # sized: asked just now
            raise _Stop("<too many items>")
        for number, item in enumerate(items):
            if fields and number < _FIELDS:  # one field of a record shall not starve the others
                self.left = ITEM_LIMIT
            self.left -= 1
            if self.left < 0:
                raise _Stop("<too many items>")
            yield item

    def mark(self, value: object, error: BaseException | None = None) -> dict[str, str]:
        """What stands for a value without a form, or whose form ``error`` prevents."""
        self.left -= _MARK_ITEMS
        return _mark(value, error)


# --- Scalars and names -------------------------------------------------------------------


def _scalar(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if isfinite(value) else _nonfinite_word(value)
    if kind is str:
        return _text(value)
    if kind is int:
        return value if _INT_LEAST <= value <= _INT_MOST else _long(value)
    if kind is bool or value is None:
        return value
    raise TypeError("no scalar")


def _finite_floats(items: Iterable[Any], most: int) -> list[float] | None:
    """A copy of a list that holds nothing else, and of these not too many: the columns of a
    series, which would take ten times as long one by one."""
    if type(items) is not list or not 0 < len(items) <= most or type(items[0]) is not float:
        return None
    copy = items[:]
    are_floats = all(map(is_, map(type, copy), repeat(float)))  # asks nothing of other types
    return copy if are_floats and isfinite(sum(copy)) else None


def _long(value: int) -> str:
    """An integer beyond 64 bits; in hexadecimal where Python will not write it in decimal."""
    try:
        return str(value)
    except ValueError:
        return hex(value)


def _text(value: str) -> str:
    """Lone surrogates, which UTF-8 has not, backslash-escaped."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _nonfinite_word(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _key(key: Any) -> str:
    kind = type(key)
    if kind is str:
        return _text(key)
    try:
        if issubclass(kind, Enum):
            return _key(key.value)
        if issubclass(kind, tuple | frozenset) and len(key) > REPR_LIMIT:
            return "<too many items>"
        return _cut(str(key))
    except _PASSED:
        raise
    except BaseException as error:  # noqa: BLE001 - a key may raise anything
        return f"<str failed: {type(error).__name__}>"


def _mark(value: object, error: BaseException | None = None) -> dict[str, str]:
    kind = type(value)
    try:
        if isinstance(error, _Stop) and kind is not range:
            shown = str(error)  # a repr could take as long as the value is large
        elif error is not None and issubclass(kind, _CONTAINERS) and kind is not range:
            shown = f"<not readable: {type(error).__name__}>"  # the same
        elif issubclass(kind, bytes | bytearray):
            shown = repr(value[:REPR_LIMIT])  # type: ignore[index] # bytes, by their class
        else:
            shown = repr(value)
        shown = _cut(shown)
    except _PASSED:
        raise
    except BaseException as failure:  # noqa: BLE001 - a value may raise anything
        shown = f"<repr failed: {_cut(type(failure).__name__)}>"
    return {"_type": _type_name(kind), "_repr": shown}


def _is_mark(value: Any) -> bool:
    """Whether it is one of an earlier conversion, which may stand where containers end."""
    return type(value) is dict and value.keys() == _MARK and set(map(type, value.values())) == {str}


def _cut(text: str) -> str:
    """As an exact string, however a subclass slices, of at most REPR_LIMIT characters."""
    return _text(str.__getitem__(text, slice(REPR_LIMIT)))[:REPR_LIMIT]


def _type_name(kind: type) -> str:
    try:
        return _cut(".".join((kind.__module__, kind.__qualname__)))
    except _PASSED:
        raise
    except BaseException:  # noqa: BLE001 - a metaclass may raise anything
        return "builtins.object"


# --- The forms, one a kind of value ------------------------------------------------------


def _leaf(convert: Callable[[Any], Any]) -> _Form:
    """The form of what ``convert`` makes a scalar of."""
    return lambda _way, value, _depth: _scalar(convert(value))


def _nested(form: _Form) -> _Form:
    return lambda way, value, depth: way.nested(form, value, depth)


def _null(_value: object) -> None:
    return None


def _path(value: Any) -> Any:
    path = type(value).__fspath__(value)
    return path.decode("utf-8", "backslashreplace") if type(path) is bytes else path


def _decimal(value: Any) -> Any:
    if value.is_snan():  # which float() refuses
        return "NaN"
    number = float(value)
    return number if number == value or value.is_nan() else str(value)


def _enum(way: _Way, value: Any, depth: int) -> Any:
    return way.item(value.value, depth + 1)


def _complex(way: _Way, value: Any, depth: int) -> Any:
    return way.mapping([("real", value.real), ("imag", value.imag)], depth)


def _set(way: _Way, value: Any, depth: int) -> Any:
    return sorted(way.sequence(value, depth), key=_rank)


def _rank(item: Any) -> tuple[int, Any, str]:
    """The order in a set, of several types too: nothing, numbers, texts, the rest."""
    if isinstance(item, int | float):
        return 1, item, ""
    return (0, 0, "") if item is None else (2 if type(item) is str else 3, 0, str(item))


def _indexed(way: _Way, value: Any, depth: int) -> Any:
    """A sequence of somebody's own: each item may cost a calculation, and may fail."""
    size = len(value)
    if size > ARRAY_LIMIT:
        raise _Stop(f"<{size} items>")
    return way.sequence([_tried(getitem, value, index) for index in range(size)], depth)


def _numpy_scalar(way: _Way, value: Any, depth: int) -> Any:
    match value.dtype.kind:
        case "f":  # a longdouble's item() is itself
            return _scalar(float(value))
        case "c":
            return way.nested(_complex, value, depth)
        case "M":
            return None if value != value else _scalar(str(value))
        case "m":
            return None if value != value else _scalar(float(value / type(value)(1, "s")))
        case "V" if value.dtype.names:
            return way.nested(_structured, value, depth)
    return _scalar(value.item())


def _structured(way: _Way, value: Any, depth: int) -> Any:
    return way.sequence([value[name] for name in value.dtype.names], depth)


def _numpy_array(way: _Way, value: Any, depth: int) -> Any:
    return _array(way, value, depth, value)


def _array_like(way: _Way, value: Any, depth: int) -> Any:
    """What gives itself as an array: JAX, TensorFlow and others; a tracer raises."""
    return _array(way, value.__array__(), depth, value)


def _tensor(way: _Way, value: Any, depth: int) -> Any:
    """PyTorch's; one on the meta device, a fake and a sparse one raise."""
    if not value.dim():
        return way.item(value.item(), depth + 1)
    try:
        array = value.numpy(force=True)  # detached and moved to the CPU
    except TypeError:  # a number that NumPy has not, such as bfloat16
        array = (value.cfloat() if value.is_complex() else value.float()).numpy(force=True)
    return _array(way, array, depth, value)


def _series(way: _Way, value: Any, depth: int) -> Any:
    if len(value) > ARRAY_LIMIT:
        return _summary(way, value.to_numpy(), depth, value)
    return way.sequence(value.to_list(), depth)


def _frame(way: _Way, value: Any, depth: int) -> Any:
    if prod(value.shape) > ARRAY_LIMIT:
        rows, columns = value.shape
        raise _Stop(f"{rows} rows x {columns} columns")
    if hasattr(type(value), "get_columns"):  # polars
        return way.mapping(((column.name, column) for column in value.get_columns()), depth)
    return way.mapping(value.items(), depth)


def _array(way: _Way, array: Any, depth: int, original: Any) -> Any:
    """Nested lists of a NumPy array; where it is too large, the summary of the original."""
    bases = _bases(type(array))
    if ("numpy", "generic") in bases:  # what TensorFlow gives for a 0-d tensor
        return way.item(array, depth + 1)
    if ("numpy", "ndarray") not in bases:
        raise TypeError("no array")
    dtype = array.dtype
    if dtype.isbuiltin == 2:  # not NumPy's own: ml_dtypes, whose files NumPy cannot read back
        array = array.astype("int8" if "int" in dtype.name else "float32")
    if prod(length or 1 for length in array.shape) > ARRAY_LIMIT:  # (10**9, 0) is large too
        return _summary(way, array, depth, original)
    if array.dtype.kind not in "MmV":
        items = array.tolist()  # what is masked is None
        return way.sequence(items, depth) if array.ndim else way.item(items, depth)
    if array.ndim:  # tolist() would make numbers of dates, and lose the names of fields
        return way.sequence(array, depth)
    return _structured(way, array, depth) if dtype.names else way.item(array[()], depth + 1)


_NO_FIGURES: dict[str, Any] = {"min": None, "max": None, "mean": None}


def _summary(way: _Way, array: Any, depth: int, original: Any) -> Any:
    found = {
        "_type": _type_name(type(original)),
        "shape": list(array.shape),
        "dtype": getattr(original.dtype, "name", None) or str(original.dtype),
        **_or(_NO_FIGURES, lambda: _figures(array)),
    }
    if (save := way.save_array) is not None:
        found |= _or({}, lambda: dict(save(array)))
    return way.mapping(found.items(), depth)


def _figures(array: Any) -> dict[str, Any]:
    """Least, most and mean of the numbers that are finite and not masked."""
    if array.dtype.kind not in "biuf":
        return _NO_FIGURES
    numbers = array.compressed() if hasattr(type(array), "compressed") else array
    least, most = numbers.min(), numbers.max()
    if not (isfinite(least) and isfinite(most)):  # only then the cost of a copy
        numbers = numbers[(numbers > -inf) & (numbers < inf)]
        least, most = numbers.min(), numbers.max()
    return {"min": least, "max": most, "mean": numbers.mean(dtype="float64")}


def _or(otherwise: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return make()
    except _PASSED:
        raise
    except BaseException:  # noqa: BLE001 - arrays and the saving of them may raise anything
        return otherwise


# --- Named values ------------------------------------------------------------------------


def _reader_of(kind: type) -> Callable[[Any], Pairs] | None:
    """How the items of such an object are read, where it is one that has named values."""
    if issubclass(kind, Mapping):
        return _dict_pairs if kind.items is dict.items else _mapping_pairs
    if hasattr(kind, "__dataclass_fields__"):
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type] # it has the fields
        return lambda value: _attributes(value, names)
    if hasattr(kind, "__attrs_attrs__"):
        names = [attribute.name for attribute in kind.__attrs_attrs__]
        return lambda value: _attributes(value, names)
    bases = _bases(kind)
    if ("pydantic", "BaseModel") in bases:
        return _model_pairs
    if ("argparse", "Namespace") in bases or ("types", "SimpleNamespace") in bases:
        return lambda value: dict(vars(value)).items()
    return None


def _dict_pairs(value: dict[Any, Any]) -> Pairs:
    """Of a copy, where that is cheap: another thread may change the dict."""
    return (dict.copy(value) if len(value) <= ARRAY_LIMIT else value).items()


def _mapping_pairs(value: Mapping[Any, Any]) -> Pairs:
    """One by one: in a configuration one item may be missing, or not resolve."""
    return ((key, _tried(getitem, value, key)) for key in value)


def _attributes(value: object, names: list[str]) -> Pairs:
    return [(name, _tried(getattr, value, name)) for name in names]


def _model_pairs(value: Any) -> Pairs:
    has_dump = hasattr(type(value), "model_dump")  # pydantic 1 has not
    dumped: dict[str, Any] = value.model_dump(warnings=False) if has_dump else value.dict()
    return dumped.items()


def _tried(read: Callable[[Any, Any], Any], value: object, name: Any) -> Any:
    """One item; where reading it fails, what was raised, marked."""
    try:
        return read(value, name)
    except _PASSED:
        raise
    except BaseException as error:  # noqa: BLE001 - a value may raise anything
        return _mark(error)


# --- Which form a class has --------------------------------------------------------------

_LIST, _RANGE = _nested(lambda way, value, depth: way.sequence(value, depth)), _nested(_indexed)

_BY_TYPE: dict[type, _Form] = {
    str: _leaf(str.__str__),
    int: _leaf(int),
    float: _leaf(float),
    complex: _nested(_complex),
    list: _LIST,
    tuple: _LIST,
    deque: _LIST,
    range: _RANGE,
    date: _leaf(lambda value: value.isoformat()),  # and datetime
    time: _leaf(lambda value: value.isoformat()),
    timedelta: _leaf(lambda value: value.total_seconds()),
}
_BY_NAME: dict[tuple[str, str], _Form | None] = {
    ("unittest", "NonCallableMock"): None,  # whose class has __fspath__, __iter__, __float__
    ("mock", "NonCallableMock"): None,
    ("decimal", "Decimal"): _leaf(_decimal),
    ("uuid", "UUID"): _leaf(str),
    ("numpy", "generic"): _numpy_scalar,
    ("numpy", "ndarray"): _nested(_numpy_array),
    ("torch", "Tensor"): _nested(_tensor),
    ("pandas", "NaTType"): _leaf(_null),
    ("pandas", "NAType"): _leaf(_null),
    ("pandas", "Series"): _nested(_series),
    ("pandas", "Index"): _nested(_series),
    ("pandas", "DataFrame"): _nested(_frame),
    ("polars", "Series"): _nested(_series),
    ("polars", "DataFrame"): _nested(_frame),
}
_converters: dict[type, _Form] = {}


def _remembered(kind: type) -> _Form | None:
    form = _form_of(kind)
    if form is not None:  # a mock's class is its own: it is not to be held
        if len(_converters) >= _KNOWN_TYPES:
            _converters.clear()
        _converters[kind] = form
    return form


def _form_of(kind: type) -> _Form | None:
    """The form of a class's instances; None where they have none. The nearest base decides."""
    if issubclass(kind, Enum):
        return _nested(_enum)
    for base, name in zip(kind.__mro__, _bases(kind), strict=True):
        if base in _BY_TYPE:
            return _BY_TYPE[base]
        if name in _BY_NAME:
            return _BY_NAME[name]
    if (reader := _reader_of(kind)) is not None:
        return _nested(lambda way, value, depth: way.mapping(reader(value), depth))
    if issubclass(kind, MappingView):
        return _LIST
    if issubclass(kind, Set):
        return _nested(_set)
    if issubclass(kind, Sequence) and not issubclass(kind, _BYTES):
        return _nested(_indexed)
    if hasattr(kind, "__fspath__"):
        return _leaf(_path)
    if all(hasattr(kind, name) for name in ("__array__", "dtype", "shape")):
        return _nested(_array_like)
    return None


def _bases(kind: type) -> list[tuple[str, str]]:
    """Of a class and its bases, package and name."""
    return [(base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__]
