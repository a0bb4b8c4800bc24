import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.backtracking import find_risk, least_width


@pytest.mark.parametrize(
    "source",
    [
        "(a+)+", "(a|a)*", "(.*)*", "(?:a?){40}", "(?:a|a){60}", r"(\d+,?)+", r"(?:\w+\s?)*",
        r"(?:\d+(?:\.\d+)?\s*)+", r"(\d{1,3})+", "(.*,)*", r"(x\w+)+", "((a*)*)*", "((?:a+){5})",
        "(?:损+)+", "(?i:x)(?i:(?:a|b|)*)", "(?=(a+)+)", "(?>(a+)+b)", "(?:(?:a+)+){2}",
        r"(\w)(?:\1|b)+", "(?:step|stop|s[a-z]+ )+", "(?:a*?)*?",
    ],
)  # fmt: skip
def test_several_ways_through_a_repetition_are_found_at_its_end(source: str) -> None:
    place = find_risk(f"x{source}y")
    assert place is not None
    assert f"x{source}y"[place] in "*+?}"


@pytest.mark.parametrize(
    "source",
    [
        "", "a", "a+b*", r"(?P<x>\d*\.?\d+)", r"(?:\d+,)+", "(?:ab|cd)+", "(?:ab|a)*c", r"(\d{3})+",
        "(a++)+", "(?>a+)+", "(a+){2}", r"(?:[a-z ]+: \d+)+", r"(?:(?:lr|wd)=\S+ )*", "^(?:a|b)*$",
        r"(?:(?=a)a|b)*", "(a)?(?(1)b|c)+", r".*loss.*?(?P<x>\d+)", "(?:,[^,]*)*",
    ],
)  # fmt: skip
def test_one_way_is_enough(source: str) -> None:
    assert find_risk(source) is None


def test_case_is_no_difference_where_it_is_ignored() -> None:
    assert find_risk("(?:aX|Ay)*") is None
    assert find_risk("(?i)(?:aX|Ay)*") == 13


@pytest.mark.parametrize(
    ("source", "width"), [("", 0), ("a*", 0), (r"\b", 0), ("(?=a)", 0), ("a|bc", 1), ("(?<=a)b", 1)]
)
def test_the_least_width(source: str, width: int) -> None:
    assert least_width(source) == width


PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", r"\w", "", "c"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{5}", "{1,9}", "*?", "++"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"(?>{part})"),
    ),
    max_leaves=5,
)


@pytest.mark.timeout(60)
@given(PIECES, st.sampled_from(["a", "ab", "aab", "b"]))
def test_what_is_let_pass_comes_to_its_end(source: str, part: str) -> None:
    """Of as many characters as take long where each doubles the ways, and not where it adds."""
    if find_risk(source) is None:
        re.search(f"{source}!", (part * 30)[:30])


@pytest.mark.filterwarnings("ignore:Possible (nested )?set:FutureWarning")
@given(st.text("ab()|*+?{}[]^\\d1,", max_size=12))
def test_any_text_is_looked_at_or_no_expression(source: str) -> None:
    try:
        place = find_risk(source)
    except (re.error, OverflowError):
        return
    assert place is None or 0 <= place < len(source)
