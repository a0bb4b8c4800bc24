import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.errors import RefusedError
from mlterm.core.patterns import Found, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "line", "values", "epoch", "step"),
    [
        ("val {loss:f} at {step:d}", "x val  0.53\tat 12 y", {"loss": 0.53}, None, 12),
        ("val {loss} at", "VAL 93.5% at", {"loss": 93.5}, None, None),
        ("{train/loss} {acc@1:f}", "0.5 nan", {"train/loss": 0.5, "acc@1": math.nan}, None, None),
        ("e{epoch:d}: {n:d}", "e3: -7", {"n": -7}, 3, None),
        ("{:w} loss {x}", "train loss -1e-3", {"x": -0.001}, None, None),
        ("{{{x}}}", "{1,234.5}", {"x": 1234.5}, None, None),
        ("a.b [{x}]", "a.b [2]", {"x": 2}, None, None),
        ("{x} inf", "-inf inf", {"x": -math.inf}, None, None),
        (r"re:l=(?P<a__b>\S+) s=(?P<step>\d+)", "l=0.5 s=3", {"a/b": 0.5}, None, 3),
        (r"/(?P<x>\d+)ms/", "took 12ms", {"x": 12}, None, None),
        (r"re:(?P<x>\w+)=(?P<y>\d)?", "none=", {}, None, None),
        (r"re:(?P<x>\S+) (?P<y>\S+) (?P<z>\S+)", "0,5 1_000 ٣", {}, None, None),
        ("at {x:d}", "at 1,234", {"x": 1234}, None, None),
        ("{a},{b}", "100,200", {"a": 100, "b": 200}, None, None),
        ("{a:d}.{b:d}", "3.5", {"a": 3, "b": 5}, None, None),
        ("s {step} e {epoch} {x}", "s 3.7 e nan 1", {"x": 1}, None, None),
        ("s {step} e {epoch} {x}", "s 3.0 e 0.5 1", {"x": 1}, 0.5, 3),
        ("epoch {x}.", "epoch 5.", {"x": 5}, None, None),
    ],
)
def test_what_a_pattern_finds(
    pattern: str, line: str, values: dict[str, float], epoch: int | None, step: int | None
) -> None:
    found = compile_pattern(pattern).find(line)
    assert repr(found) == repr(Found(values, epoch, step))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("val {x}", "value"),
        ("at {x:d}", "at 3.5"),
        ("a {x} b", "a x b"),
        ("{y:d} s", "1.5 s"),
        ("loss {x}", "loss information"),
        ("loss {x}", "loss nano"),
        ("at {x}", "at 1.2.3"),
        ("at {x:d}", "at 1e5"),
        ("{x:d} s", "1e5 s"),
        ("{x} s", "v2 s"),
        ("{x} s", "nan" * 1000),
    ],
)
def test_what_it_does_not_find(pattern: str, line: str) -> None:
    assert compile_pattern(pattern).find(line) is None


@pytest.mark.parametrize(
    ("pattern", "words", "caret"),
    [
        ("loss {x", "not closed", 5),
        ("loss }", "closes nothing", 5),
        ("{a{b}}", "another one", 0),
        ("{x:q}", "kind 'q'", 0),
        ("{x} and {x}", "twice", 8),
        ("{1x}", "no name", 0),
        ("loss", "no field", None),
        ("", "no field", None),
        ("{epoch:d} {step:d}", "no field", None),
        ("re:(?P<x>", "no regular expression", 3),
        ("re:[0-9]+", "no named group", None),
        ("re:(?P<x>.*)", "nothing stands", None),
        ("re:x(?P<x>a+)+", "for ever", 13),
        ("/x(?P<x>(?:a|a)*c)/", "for ever", 15),
        ("re:(?P<x>x(?:.+,)+)", "for ever", 17),
        ("re:(?P<a/b>[0-9])", "two underscores", 7),
        ("re:(?P<x>(?=.))", "nothing stands", None),
        ("{x} {step:d} {_step:d}", "twice", 13),
        ("re:(?P<x>.)(?P<step>.)(?P<_step>.)", "the same", None),
        ("x" * 2000, "2000 characters", None),
    ],
)
def test_a_mistake_is_told_with_its_place(pattern: str, words: str, caret: int | None) -> None:
    with pytest.raises(RefusedError, match="pattern") as caught:
        compile_pattern(pattern)
    lines = str(caught.value).split("\n")
    assert words in str(caught.value)
    if caret is not None:
        assert lines[1] == f"  {pattern}"
        assert lines[2].index("^") == caret + 2


@pytest.mark.parametrize(
    ("pattern", "shown", "columns"),
    [("a\x1b[31m\n{x:q}", r"a\x1b[31m\n{x:q}", 11), ("损失 {x:q}", "损失 {x:q}", 5)],
)
def test_a_mistake_is_safe_to_print_and_its_place_is_under_it(
    pattern: str, shown: str, columns: int
) -> None:
    with pytest.raises(RefusedError) as caught:
        compile_pattern(pattern)
    assert str(caught.value).split("\n")[1:3] == [f"  {shown}", f"  {' ' * columns}^"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "pattern", ["{x} y", "loss {x} at", "{a:d} {b} y", "{:w} y {x}", "{a},{b}!"]
)
@pytest.mark.parametrize("part", ["1", "1 ", "1,", "1.", ".1", "1,111", "1e1", "a", "-", "nan"])
def test_no_line_takes_long(pattern: str, part: str) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.find(("loss " + part * 4096)[:4096]) is None


def test_what_python_warns_of_is_no_matter_of_the_user() -> None:
    assert compile_pattern("re:[[a](?P<x>[0-9])").find("a3") == Found({"x": 3})


NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False, width=32)
)


@given(NUMBERS, st.integers(0, 10**9), st.sampled_from(["{:}", "{:e}", "{:.3f}"]))
def test_a_line_made_from_a_template_gives_its_values_back(
    value: float, step: int, form: str
) -> None:
    text = form.format(value)
    found = compile_pattern("at {step:d} the loss is {loss}").find(f"at {step} the loss is {text}")
    assert found == Found({"loss": float(text)}, None, step)


@given(st.text(max_size=80))
def test_no_line_raises(line: str) -> None:
    compile_pattern("a {x} {y:d}").find(line)


@given(st.text(max_size=40))
def test_a_text_is_a_pattern_or_is_refused_in_words(text: str) -> None:
    with suppress(RefusedError):
        compile_pattern(text).find("loss 0.5")
