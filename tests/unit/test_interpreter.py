import os
import platform
import sys
from pathlib import Path

import pytest

from mlterm.system.interpreter import at_start, interpreter_of, which


def program(path: Path, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return program(tmp_path / "bin" / "python3")


def test_a_python_that_is_named_is_looked_for_as_the_shell_does(
    tmp_path: Path, python: Path
) -> None:
    environ = {"PATH": f"{tmp_path}/none:{python.parent}"}
    assert interpreter_of(["python3", "train.py"], environ, "/") == str(python)
    assert interpreter_of(["env", "A=1", "python3", "-u", "x.py"], environ, "/") == str(python)


def test_a_python_with_a_path_is_that_one(tmp_path: Path, python: Path) -> None:
    for word in (str(python), "bin/python3", "./bin/python3"):
        found = interpreter_of([word, "x.py"], {"PATH": ""}, str(tmp_path))
        assert found is not None
        assert Path(found).samefile(python)


def test_an_empty_or_relative_folder_of_the_path_is_the_commands_own(
    tmp_path: Path, python: Path
) -> None:
    assert which("python3", {"PATH": ":/none"}, str(python.parent)) == str(python)
    assert which("python3", {"PATH": "bin"}, str(tmp_path)) == str(python)


def test_what_may_not_be_executed_is_passed_over(tmp_path: Path, python: Path) -> None:
    program(tmp_path / "first" / "python3", mode=0o644)
    path = f"{tmp_path}/first:{python.parent}"
    assert which("python3", {"PATH": path}, "/") == str(python)


def test_a_folder_of_that_name_is_no_program(tmp_path: Path, python: Path) -> None:
    (tmp_path / "first" / "python3").mkdir(parents=True)
    path = f"{tmp_path}/first:{python.parent}"
    assert which("python3", {"PATH": path}, "/") == str(python)


def test_what_is_nowhere_is_nothing(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    assert which("python3", environ, "/") is None
    assert interpreter_of(["python3", "x.py"], environ, "/") is None
    assert interpreter_of(["no-such-program"], environ, "/") is None
    assert at_start(["no-such-program"], environ, "/") is None


@pytest.mark.parametrize(
    "line", ["#!{}\n", "#! {}\n", "#!{} -u\n", "#!{}  \n", "#!{} -sE\nimport sys\n"]
)
def test_the_first_line_of_a_program_names_its_python(
    tmp_path: Path, python: Path, line: str
) -> None:
    program(tmp_path / "bin" / "torchrun", line.format(python))
    environ = {"PATH": str(python.parent)}
    assert interpreter_of(["torchrun", "--nproc=2", "train.py"], environ, "/") == str(python)


@pytest.mark.parametrize(
    "line",
    [
        "#!/usr/bin/env python3\n",
        "#! /usr/bin/env python3\n",
        "#!/usr/bin/env -S python3 -u\n",
    ],
)
def test_a_first_line_with_env_means_the_python_of_the_path(
    tmp_path: Path, python: Path, line: str
) -> None:
    program(tmp_path / "train.py", line)
    environ = {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    assert interpreter_of(["./train.py"], environ, str(tmp_path)) == str(python)


@pytest.mark.parametrize(
    "text",
    ["", "#!/bin/sh\n", "#!/bin/sh # python\n", "\x7fELF python\n", "python\n", "#!\n",
     "#!/no/such/python3\n", "#!/usr/bin/pythonic\n"],
)  # fmt: skip
def test_any_other_program_names_none(tmp_path: Path, text: str) -> None:
    program(tmp_path / "tool", text)
    assert interpreter_of(["./tool"], {"PATH": ""}, str(tmp_path)) is None


@pytest.mark.parametrize("length", [250, 254, 300])
def test_a_long_first_line_is_read_whole_or_not_at_all(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("x" * 100)
    python = program(folder / "python3")
    line = f"#!{python}"
    program(tmp_path / "tool", line.ljust(length) + "\n")
    assert interpreter_of(["./tool"], {"PATH": ""}, str(tmp_path)) in (None, str(python))


def test_this_python_is_told_with_its_version() -> None:
    assert at_start([sys.executable, "x.py"], {}, "/") == {
        "version": platform.python_version(),
        "executable": sys.executable,
    }


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("home = /usr/bin\nversion = 3.12.1\n", "3.12.1"),
        ("home = /usr/bin\nversion_info = 3.10.4.final.0\n", "3.10.4"),
        ("uv = 0.4\nversion_info = 3.13.0\n", "3.13.0"),
        ("implementation = CPython\nversion=3.11.9\n", "3.11.9"),
        ("home = /usr/bin\n", None),
    ],
)
def test_a_virtual_environment_tells_its_version(
    tmp_path: Path, python: Path, text: str, version: str | None
) -> None:
    (tmp_path / "pyvenv.cfg").write_text(text)
    assert at_start(["bin/python3", "x.py"], {"PATH": ""}, str(tmp_path)) == {
        "version": version,
        "executable": str(tmp_path / "bin/python3"),
    }


def test_a_python_outside_of_any_is_told_without_version(python: Path) -> None:
    assert at_start([str(python), "x.py"], {}, "/") == {"version": None, "executable": str(python)}
