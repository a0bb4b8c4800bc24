import click
import pytest

from mlterm.cli.group import cli
from mlterm.core.errors import RefusedError


def parse(name: str, *words: str) -> dict[str, object]:
    """What a command makes of its options."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command.make_context(name, list(words)).params


@pytest.mark.parametrize("name", ["run", "stop"])
@pytest.mark.parametrize(("word", "seconds"), [("0", 0.0), ("2.5", 2.5), ("3600", 3600.0)])
def test_a_grace_is_a_number_of_seconds(name: str, word: str, seconds: float) -> None:
    assert parse(name, "--grace", word, "--", "x")["grace"] == seconds


@pytest.mark.parametrize("name", ["run", "stop"])
@pytest.mark.parametrize("word", ["nan", "inf", "-1", "x", ""])
def test_a_grace_that_never_ends_is_refused(name: str, word: str) -> None:
    """With NaN no deadline is ever past: mlterm stop would wait for ever."""
    with pytest.raises((click.UsageError, RefusedError)):
        parse(name, "--grace", word, "--", "x")


@pytest.mark.parametrize("name", ["run", "wait"])
def test_a_timeout_is_a_duration(name: str) -> None:
    assert parse(name, "--timeout", "2h30m", "--", "x")["timeout"] == 9000.0
    assert parse(name, "--", "x")["timeout"] is None
    with pytest.raises(RefusedError, match="2h30m"):
        parse(name, "--timeout", "soon", "--", "x")


@pytest.mark.parametrize(
    "words", [["--", "a", "--quiet"], ["a", "--quiet"], ["--plain", "a", "-q"]]
)
def test_what_follows_the_command_is_the_commands(words: list[str]) -> None:
    parsed = parse("run", *words)
    assert parsed["quiet"] is False
    assert parsed["command"] == tuple(words[1:] if words[0].startswith("--") else words)


@pytest.mark.parametrize("name", ["run", "stop", "wait", "logs"])
def test_what_has_to_be_named_is_asked_for(name: str) -> None:
    with pytest.raises(click.MissingParameter):
        parse(name)
