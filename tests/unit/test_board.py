import os

import pytest

from mlterm.core.lifecycle import Cause
from mlterm.system.board import Board

FIELDS: dict[str, tuple[float, float]] = {  # name: two values that differ in every byte
    "exit_known": (False, True),
    "wait_status": (0, -1),
    "cause": (0, 255),
    "finished": (False, True),
    "stopping": (False, True),
    "backlog_bytes": (0, 2**64 - 1),
    "gap_offset": (0, 2**64 - 1),
    "gap_bytes": (0, 2**64 - 1),
    "lost_bytes": (0, 2**64 - 1),
    "tail_from": (0, 2**64 - 1),
    "read_offset": (0, 2**64 - 1),
    "output_whole": (False, True),
    "sampling": (False, True),
    "own_cpu_seconds": (0.0, -1.2345678901234567),
    "own_read_bytes": (0, -1),
    "own_written_bytes": (0, -1),
}


def test_these_are_all_fields() -> None:
    assert set(FIELDS) == set(Board.__annotations__)


def test_a_new_board_is_blank() -> None:
    board = Board()
    assert not any(getattr(board, name) for name in FIELDS)
    assert board.cause == Cause.NONE


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("turn", [0, 1])
def test_no_field_touches_another(name: str, turn: int) -> None:
    board = Board()
    for other, values in FIELDS.items():
        setattr(board, other, values[turn])
    setattr(board, name, FIELDS[name][1 - turn])
    for other, values in FIELDS.items():
        assert getattr(board, other) == values[turn if other != name else 1 - turn], other


@pytest.mark.parametrize("name", FIELDS)
def test_what_a_fork_writes_outlives_it(name: str) -> None:
    board = Board()
    before, after = FIELDS[name]
    setattr(board, name, before)
    pid = os.fork()
    if not pid:
        try:
            setattr(board, name, after)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert getattr(board, name) == after


def test_two_boards_are_two() -> None:
    one, other = Board(), Board()
    one.lost_bytes = 7
    assert other.lost_bytes == 0
