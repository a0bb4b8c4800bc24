"""What is wrong with an expression is told with its place."""

import pytest

from mlterm.core.query import (
    QueryError,
    is_expression,
    parse_key,
    parse_order,
    parse_query,
    tell_unknown,
)
from mlterm.core.query.grammar import DEEPEST
from tests.unit.querying import NOW, accepts, refusal, run

WRONG = [
    ("failed", 6, "did you mean status = failed?"),
    ("lr", 2, "has:lr asks whether a run has it"),
    ("lr and name = x", 3, "one of =, !=, <, <=, >, >= or ~ is expected behind lr"),
    ("status = faild", 9, "no status is called 'faild'; did you mean failed?"),
    ("status != xyz", 10, "no status is called 'xyz': running, cancelled, completed, failed, lost"),
    ("status = FAILED", 9, "did you mean failed?"),
    ("a =", 3, "a value is expected behind ="),
    ("a = 1 or", 8, "a name, 'not', has: or ( is expected here"),
    ("or a = 1", 0, "what is called 'or' is put in quotes"),
    ("= 1", 0, "a name, 'not', has: or ( is expected here, not ="),
    ("a = and", 4, "put it in quotes if this belongs to it"),
    ("a < > 3", 4, "a value is expected behind <"),
    ("not", 3, "is expected here"),
    ("has:", 4, "the name of what a run shall have is expected here"),
    ("has:not", 4, "put in quotes"),
    ("(a = 1", 6, "'and', 'or' or ) is expected here"),
    ("a = 1)", 5, "this ) closes nothing"),
    ("()", 1, "is expected here, not )"),
    ("a = 1 b = 2", 6, "'and', 'or' or the end is expected here; a text with blanks"),
    ("name = my run", 10, "a text with blanks or parentheses is put in quotes"),
    ("name ~ res(18|50)", 10, "a text with blanks or parentheses is put in quotes"),
    ("a = 1 && b = 2", 6, "write 'and'"),
    ("a = 1 || b = 2", 6, "write 'or'"),
    ("name contains x", 5, "~ searches"),
    ("status is failed", 7, "equal is written ="),
    ("status in failed,lost", 7, "one comparison for each value"),
    ("a =~ b", 2, "a search is written ~"),
    ("a => b", 2, "this is written >="),
    ("a <> b", 2, "this is written !="),
    ("a !~ b", 2, "write 'not' in front of the name"),
    ("!a = 1", 0, "write 'not' in front of a comparison"),
    ("a === 1", 2, "'===' is no sign of this language"),
    ("0.1 < lr", 0, "a name is expected in front of <"),
    ('name = "x', 7, "this quote is not closed"),
    ("name = x'y", 8, "this quote is not closed"),
    ("name = x'y'", 8, "all of a value, or nothing, is put in quotes"),
    ('"a"b = 1', 3, "a dot, or a blank, is expected before and behind what is in quotes"),
    ('a"b" = 1', 1, "a dot, or a blank, is expected before and behind what is in quotes"),
    ("a..b = 1", 2, "a part of a name is expected in front of this dot"),
    (".a = 1", 0, "a part of a name is expected in front of this dot"),
    ("metric. = 1", 7, "a part of a name is expected behind this dot"),
    ('metric."x".. = 1', 11, "a part of a name is expected in front of this dot"),
    ("system.peak_memry_bytes > 1", 7, "did you mean peak_memory_bytes"),
    ("system.zzz = 1", 7, "system has no 'zzz': not_sampled, samples"),
    ("system.peak_memory_bytes > 3XB", 27, "an amount of bytes, such as 3GB"),
    ("duration > 2 days", 13, "is expected here"),
    ("duration > soon", 11, "a duration, such as 90m"),
    ("started > soon", 10, "a time is expected here: 2026-11-24"),
    ("started > 2026-13-01", 10, "a time is expected here"),
    ("started > '3 fortnights ago'", 10, "a time is expected here"),
    ("exit_code = one", 12, "a number is expected here"),
    ("metric.loss < low", 14, "a number is expected here"),
    ("git.dirty = maybe", 12, "a number is expected here"),
    ("name ~ [a", 7, "it is no regular expression: unterminated character set"),
    ("name ~ 'it''s ['", 14, "unterminated character set"),
    ('name ~ "(a+)+"', 12, "trying them all would take for ever"),
    (f"name ~ {'x' * 1001}", 7, "1000 are the most"),
    ("name ~ a{99999999999}", 7, "it is no regular expression"),
]


@pytest.mark.parametrize(("text", "at", "words"), WRONG, ids=[text[:30] for text, *_ in WRONG])
def test_a_mistake_is_told_with_its_place(text: str, at: int, words: str) -> None:
    error = refusal(text)
    assert words in error.words
    assert error.at == at
    shown = str(error).split("\n")
    assert shown[0] == "the filter"
    if len(text) < 400:
        assert shown[1] == f"  {text}"
        assert shown[2] == f"  {' ' * at}^"
    assert shown[3].startswith("cannot be used: ")
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "shown", "columns"),
    [("漢字 = 'x", "漢字 = 'x", 7), ("é = [ b", "é = [ b", 6), ("a\x1b = 1 b", "a\\x1b = 1 b", 10),
     ("a = 1\nb = 2", "a = 1\\nb = 2", 7)],
)  # fmt: skip
def test_the_caret_stands_under_the_place_whatever_stands_before_it(
    text: str, shown: str, columns: int
) -> None:
    assert str(refusal(text)).split("\n")[1:3] == [f"  {shown}", f"  {' ' * columns}^"]


def test_of_a_long_expression_what_is_around_the_place_is_shown() -> None:
    text = " or ".join(f"lr = {i}" for i in range(1000)) + " or lr 3 or " + "x" * 500
    _, shown, caret, _ = str(refusal(text)).split("\n")
    assert len(shown) < 200
    assert shown[caret.index("^") :].startswith("3 or x")
    assert shown.strip().startswith("…")
    assert shown.endswith("…")


@pytest.mark.parametrize("word", ["(", "not ", "not (", "( not not "])
def test_what_is_nested_very_deep_is_refused_politely(word: str) -> None:
    error = refusal(word * 10_000 + "a = 1")
    assert f"more than {DEEPEST} stand within one another" in error.words
    closed = "(" * DEEPEST + "status = failed" + ")" * DEEPEST
    assert accepts(closed, run())


def test_a_long_row_of_comparisons_is_not_deep() -> None:
    assert accepts(" or ".join(["exit_code = 1"] * 10_000 + ["has:name"]), run())


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("lr=0.1", True), ("a < b", True), ("name ~ x", True), ("has:lr", True), ("(HAS:lr", True),
     ("resnet failed", False), ("", False), ("what has: nothing", True), ("(x) 'y", False),
     ("xhas:y", False), ("failed!", False)],
)  # fmt: skip
def test_an_expression_has_a_sign_or_asks_what_there_is(text: str, is_one: bool) -> None:
    assert is_expression(text) == is_one


@pytest.mark.parametrize(
    ("text", "at"),
    [("", 0), ("a b", 1), ("a = 1", 1), ("=", 0), ("has:x", 0), ("a.", 2), ("system.x", 7),
     ("'a", 0)],
)  # fmt: skip
def test_a_name_that_is_none_is_refused_with_its_place(text: str, at: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse_key(text)
    assert caught.value.at == at
    assert str(caught.value).startswith("the name\n")
    with pytest.raises(QueryError) as caught:
        parse_order(f"-{text}")
    assert caught.value.at == at + 1
    assert str(caught.value).startswith("the key\n")


def test_names_that_no_run_has_are_told_with_the_nearest() -> None:
    runs = [
        run(metrics={"val_loss": {"last": 1.0}}, tags={"team": "x"}, hyperparameters={"batch": 1}),
        run(hyperparameters={"optim": {"lr": 1}}, cost={"gpus": []}),
    ]
    text = ("vall_loss < 1 and tag.taem = x and param.optm.lr = 1 and staus = 1 and has:zzz and"
            " system.gpus.x = 1 and val_loss.min = 1 and signal = x and has:optim.lr and"
            " metric.val_los.last = 1 and tag.x = 1 and batch = 1")  # fmt: skip
    assert tell_unknown(parse_query(text, NOW).names, runs) == [
        "no run has 'vall_loss'; did you mean val_loss?",
        "no run has 'tag.taem'; did you mean tag.team?",
        "no run has 'param.optm.lr'; did you mean param.optim.lr or param.optim?",
        "no run has 'staus'; did you mean status?",
        "no run has 'zzz'",
        "no run has 'system.gpus.x'; did you mean system.gpus?",
        "no run has 'val_loss.min'",
        "no run has 'metric.val_los.last'; did you mean metric.val_loss.last?",
        "no run has 'tag.x'",  # that both are tags makes them no more alike
    ]
