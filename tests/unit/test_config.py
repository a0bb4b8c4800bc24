from pathlib import Path

import pytest

from mlterm.core.errors import RefusedError
from mlterm.system.config import Settings, settings

OURS = '[tool.mlterm]\npatterns = ["a {x}"]\nignore = ["lr"]\nparse = false\n'


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert settings(str(tmp_path)) == Settings()


def test_a_section_of_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(OURS)
    path = str(tmp_path / "pyproject.toml")
    assert settings(str(tmp_path)) == Settings(("a {x}",), ("lr",), False, path)


def test_mlterm_toml_wins_and_has_no_heading(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(OURS)
    (tmp_path / "mlterm.toml").write_text('ignore = ["a", "b*"]\n')
    assert settings(str(tmp_path)).ignore == ("a", "b*")


def test_the_nearest_folder_counts_up_to_the_repositorys_top(tmp_path: Path) -> None:
    (tmp_path / "mlterm.toml").write_text('ignore = ["far"]\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert settings(str(inner)).ignore == ("far",)
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.mlterm]\nignore = ["near"]\n')
    assert settings(str(inner)).ignore == ("near",)
    (inner / ".git").mkdir()
    assert settings(str(inner)) == Settings()


@pytest.mark.parametrize("text", ["[project]\nname = 'mlterm'\n", "not toml, mlterm\n", "[tool]\n"])
def test_a_pyproject_that_is_not_about_us_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text(text)
    assert settings(str(tmp_path)) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "no TOML"),
        ("paterns = []", "did you mean 'patterns'"),
        ("zzz = 1", "it knows patterns, ignore, parse"),
        ("patterns = 'a'", "a list of patterns"),
        ("ignore = [1]", "a list of names"),
        ("parse = 1", "true or false"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mlterm.toml").write_text(text)
    with pytest.raises(RefusedError, match=words) as caught:
        settings(str(tmp_path))
    assert str(tmp_path / "mlterm.toml") in str(caught.value)


def test_a_broken_pyproject_that_is_about_us_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mlterm]\nignore = [\n")
    with pytest.raises(RefusedError, match="no TOML"):
        settings(str(tmp_path))


def test_options_come_before_what_the_file_says() -> None:
    both = Settings(("b",), ("y",)).with_options(("a",), ("x",))
    assert (both.patterns, both.ignore) == (("a", "b"), ("x", "y"))
