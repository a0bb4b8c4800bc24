import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlterm.core.clean import clean_text
from mlterm.core.shell import command_line, quoted


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("train.py", "train.py"), ("--lr=0.1", "--lr=0.1"), ("", "''"), ("a b", "'a b'"),
        ("it's", "'it'\\''s'"), ("$HOME", "'$HOME'"), ("***", "'***'"), ("ü", "'ü'"),
        ("a\nb", "$'a\\x0ab'"), ("\x1b[2J'\\", "$'\\x1b[2J\\'\\\\'"), ("\udcff", "$'\\xff'"),
    ],
)  # fmt: skip
def test_a_word_is_quoted_where_it_has_to_be(word: str, shown: str) -> None:
    assert quoted(word) == shown


def test_a_command_is_told_with_its_folder() -> None:
    assert command_line(["python", "a b.py"], "/my runs") == "cd '/my runs' && python 'a b.py'"
    assert command_line(["true"]) == "true"


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=12).filter(lambda word: b"\0" not in word), max_size=4))
def test_bash_reads_what_was_meant_and_a_terminal_only_shows_it(words: list[bytes]) -> None:
    line = command_line(["printf", "%s\\0", *map(os.fsdecode, words)])
    assert clean_text(line) == line
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == b"".join(word + b"\0" for word in words or [b""])
