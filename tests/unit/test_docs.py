"""What a person can read about mlterm is what mlterm has."""

import re
from collections.abc import Iterator

import click
import pytest

from mlterm import __version__
from mlterm.cli.group import cli
from tests.support import REPOSITORY

MANUAL = (REPOSITORY / "man" / "mlterm.1").read_text()
README = (REPOSITORY / "README.md").read_text()
COMMON = {"--project", "--log-dir", "--help", "-h"}
"""Described once, for all commands."""


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


COMMANDS = commands()


def options(command: click.Command) -> set[str]:
    """Every spelling of every option of a command."""
    return {
        spelling
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }


def sections() -> dict[str, str]:
    """The manual's sections by their headings."""
    parts = re.split(r"^\.SH +(.*)$", MANUAL, flags=re.MULTILINE)[1:]
    return {
        heading.replace("\\-", "-").strip('"'): plain(body)
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }


def plain(roff: str) -> str:
    """The words alone, without fonts, macros' quotes and escaped minus signs."""
    text = re.sub(r"\\f[BIRP]", "", roff).replace("\\-", "-")
    return re.sub(r"^\.[A-Z]+ ?", "", text, flags=re.MULTILINE).replace('"', "")


SECTIONS = sections()


def section_of(name: str) -> str:
    return SECTIONS[f"MLTERM {name.upper()}"]


def headings_of(name: str) -> set[str]:
    """The options that a command's section describes: those in the tag of a list."""
    roff = re.split(r"^\.SH +", MANUAL, flags=re.MULTILINE)
    (body,) = [
        part for part in roff if part.replace("\\-", "-").startswith(f"MLTERM {name.upper()}\n")
    ]
    tags = re.findall(r"^\.T[PQ]\n(.*)$", body, flags=re.MULTILINE)
    return {option for tag in tags for option in spelled(plain(tag))}


def spelled(text: str) -> Iterator[str]:
    """The options that a text names."""
    for match in re.finditer(r"(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z])(?![\w-])", text):
        yield match[1]


def test_the_manual_names_this_version() -> None:
    assert f'"mlterm {__version__}"' in MANUAL.splitlines()[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_stands_in_the_manual_and_in_the_readme(name: str) -> None:
    assert f"mlterm {name}" in SECTIONS["SYNOPSIS"]
    assert section_of(name)
    assert f"mlterm {name}" in README


def test_every_command_in_the_manual_exists() -> None:
    described = {h.removeprefix("MLTERM ").lower() for h in SECTIONS if h.startswith("MLTERM ")}
    assert described == set(COMMANDS)
    named = set(re.findall(r"^mlterm ([a-z-]+)", SECTIONS["SYNOPSIS"], flags=re.MULTILINE))
    assert {name for name in named if not name.startswith("--")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_in_the_manuals_section_of_its_command(name: str) -> None:
    assert options(COMMANDS[name]) - headings_of(name) - {"--help", "-h"} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_the_manual_describes_for_a_command_exists(name: str) -> None:
    assert headings_of(name) - options(COMMANDS[name]) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_a_section_mentions_is_some_commands(name: str) -> None:
    """In examples others are named too: those of seq, of python, of this command's command."""
    prose = re.sub(r"^EX$.*?^EE$|EX.*?EE", "", section_of(name), flags=re.DOTALL)
    prose = re.sub(r"wc -l|systemd-run .*", "", prose)
    known = set().union(*map(options, COMMANDS.values())) | COMMON
    assert set(spelled(prose)) - known == set()


def test_the_common_options_are_those_that_every_command_takes() -> None:
    for option in COMMON - {"-h"}:
        assert option in SECTIONS["COMMON OPTIONS"]
    for name, command in COMMANDS.items():
        assert {"--project", "--log-dir"} <= options(command), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_command_explains_itself(name: str) -> None:
    assert COMMANDS[name].help
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    "block", re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL), ids=lambda _: "block"
)
def test_every_command_and_option_in_the_readme_exists(block: str) -> None:
    for words in re.findall(r"mlterm +([a-z-]+ ?[^|&#\n]*)", block):
        name, *rest = words.split(" -- ")[0].split()
        name = "list-runs" if name == "ls" else name
        assert name in COMMANDS, words
        assert set(spelled(" ".join(rest))) <= options(COMMANDS[name]), words


@pytest.mark.parametrize(
    "words", re.findall(r"^mlterm (.*)$", SECTIONS["EXAMPLES"], flags=re.MULTILINE)
)
def test_every_example_of_the_manual_is_understood(words: str) -> None:
    name, *rest = words.split(" && ")[0].split()
    assert set(spelled(" ".join(rest).split(" -- ")[0])) <= options(COMMANDS[name])


@pytest.mark.parametrize(
    "word",
    ["MLTERM_LOG_DIR", "MLTERM_PROJECT", "MLTERM_RUN_ID", "MLTERM_RUN_FILE", "MLTERM_PARENT_RUN",
     "MLTERM_RUNTIME_DIR", "XDG_RUNTIME_DIR", "TMPDIR"],
)  # fmt: skip
def test_every_variable_stands_in_the_manual(word: str) -> None:
    assert word in SECTIONS["ENVIRONMENT"]


@pytest.mark.parametrize(
    "name", ["output.log", "output.idx", "source.patch", "packages.txt", "mlterm-crash.log"]
)
def test_every_file_stands_in_the_manual(name: str) -> None:
    assert name in SECTIONS["FILES"]
