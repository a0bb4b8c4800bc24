import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlterm.core.errors import RefusedError
from mlterm.core.names import as_name, check_name, check_pair, file_stem, split_stem

NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}", fullmatch=True)


@pytest.mark.parametrize(
    "name", ["a", "A9", "_", "-", "run_001", "v1.2", "a..b", "baseline-2", "x" * 128]
)
def test_a_name_that_keeps_the_rule_is_taken_as_it_is(name: str) -> None:
    assert check_name("run id", name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "a b", "a\n", "a\0", "ä", "٣", "a\udc80", "a:b", "x" * 129],
)
def test_any_other_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(RefusedError, match="letters, digits") as caught:
        check_name("run id", name)
    assert "run id" in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_refusal_is_short_and_safe_to_print() -> None:
    with pytest.raises(RefusedError) as caught:
        check_name("project", "\x1b[31m" * 10_000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(("project", "run"), [("a", "b"), ("p" * 100, "r" * 100), ("p" * 128, "r")])
def test_a_pair_of_200_bytes_is_taken(project: str, run: str) -> None:
    check_pair(project, run)


@pytest.mark.parametrize(
    ("project", "run"), [("p" * 100, "r" * 101), ("p" * 128, "r" * 128), (".p", "r"), ("p", ".r")]
)
def test_a_longer_pair_or_one_with_a_bad_name_is_refused(project: str, run: str) -> None:
    with pytest.raises(RefusedError, match="200"):
        check_pair(project, run)


@given(st.text(max_size=300))
@example("..-.x")
@example("-.-.x")
@example("." * 200)
def test_any_text_has_a_nearest_name_that_keeps_the_rule(text: str) -> None:
    name = as_name(text, "fallback")
    assert check_name("project", name) == name
    check_pair(name, as_name(text, "run") + "-20261123-043101-12345")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("train", "train"),
        ("My Project", "My-Project"),
        ("über/ding", "ber-ding"),
        (".config", "config"),
        ("v1.2_x-y", "v1.2_x-y"),
        ("", "fallback"),
        ("...", "fallback"),
        ("日本", "fallback"),
    ],
)
def test_the_nearest_name(text: str, name: str) -> None:
    assert as_name(text, "fallback") == name


def test_two_pairs_may_share_a_file_name() -> None:
    assert file_stem("a", "b_c") == file_stem("a_b", "c")


@pytest.mark.parametrize(
    ("stem", "project", "run"),
    [
        ("my_project_run_001", "my_project", "run_001"),
        ("my_ml_project_experiment_001", "my_ml_project", "experiment_001"),
        ("sweep_trial_7", "sweep", "trial_7"),
        ("digits_baseline", "digits", "baseline"),
        ("project_baseline_model", "project_baseline", "model"),
        ("a_exp_1_run_2", "a", "exp_1_run_2"),
        ("alone", "alone", "alone"),
        ("_x", "_x", "_x"),
    ],
)
def test_a_stem_of_an_unknown_project_is_split_at_its_marks(
    stem: str, project: str, run: str
) -> None:
    assert split_stem(stem, ()) == (project, run)


@pytest.mark.parametrize(
    ("stem", "project", "run"),
    [
        ("sklearn_experiment_rf_001", "sklearn_experiment", "rf_001"),
        ("pytorch_experiment_cnn_001", "pytorch_experiment", "cnn_001"),
        ("my_project_run_001", "my_project", "run_001"),
        ("my_ml_project_experiment_001", "my_ml_project", "experiment_001"),
    ],
)
def test_the_guides_files_belong_to_the_longest_known_project(
    stem: str, project: str, run: str
) -> None:
    others = ["my", "my_ml", "sklearn", "pytorch", "project"]
    assert split_stem(stem, [*others, project, *others]) == (project, run)


def test_a_project_whose_name_only_begins_the_stem_is_not_meant() -> None:
    assert split_stem("digits2_run_1", ["digits"]) == ("digits2", "run_1")


@given(NAMES, NAMES)
def test_a_known_project_gives_back_the_pair(project: str, run: str) -> None:
    assert split_stem(file_stem(project, run), [project]) == (project, run)


@given(st.text(max_size=40), st.lists(NAMES, max_size=3))
def test_any_stem_is_split_and_nothing_but_an_underscore_is_lost(
    stem: str, known: list[str]
) -> None:
    project, run = split_stem(stem, known)
    assert stem in (f"{project}_{run}", project)
