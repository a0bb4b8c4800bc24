import os

import pytest

from mlterm.core.lifecycle import CANCELLED, COMPLETED, FAILED, Cause, Exit, outcome

EXITS = {
    "exit 0": Exit(code=0),
    "exit 1": Exit(code=1),
    "exit 130": Exit(code=130),
    "SIGINT": Exit(signal=2),
    "SIGKILL": Exit(signal=9),
    "SIGTERM": Exit(signal=15),
    "unknown": Exit(),
}
C, F, X = COMPLETED, FAILED, CANCELLED
TABLE = {
    #                 exit 0, exit 1, exit 130, SIGINT, SIGKILL, SIGTERM, unknown
    Cause.NONE:      (C,      F,      F,        F,      F,       F,       F),
    Cause.INTERRUPT: (C,      F,      X,        X,      F,       F,       F),
    Cause.PASSED_ON: (X,      X,      X,        X,      X,       X,       X),
    Cause.STOP:      (X,      X,      X,        X,      X,       X,       X),
    Cause.TIMEOUT:   (X,      X,      X,        X,      X,       X,       X),
}  # fmt: skip
CASES = [
    pytest.param(cause, how, status, id=f"{cause.name} {name}")
    for cause, row in TABLE.items()
    for (name, how), status in zip(EXITS.items(), row, strict=True)
]
WORDS = {
    Cause.INTERRUPT: "Ctrl-C",
    Cause.PASSED_ON: "passed the signal on",
    Cause.STOP: "mlterm stop",
    Cause.TIMEOUT: "timeout",
}


def test_the_table_has_every_cause() -> None:
    assert set(TABLE) == set(Cause)


@pytest.mark.parametrize(("cause", "how", "status"), CASES)
def test_every_cause_with_every_exit_has_its_status(cause: Cause, how: Exit, status: str) -> None:
    assert outcome(how, cause).status == status


@pytest.mark.parametrize(("cause", "how", "status"), CASES)
def test_a_cancelled_run_says_who_asked_and_how_it_ended(
    cause: Cause, how: Exit, status: str
) -> None:
    reason = outcome(how, cause).reason
    alone = outcome(how, Cause.NONE).reason
    assert reason.endswith(alone)
    if status == CANCELLED:
        assert WORDS[cause] in reason
    else:
        assert reason == alone


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Exit(code=0), "exit code 0"),
        (Exit(code=255), "exit code 255"),
        (Exit(signal=9), "killed by SIGKILL"),
    ],
)
def test_the_end_is_told_in_words(how: Exit, words: str) -> None:
    assert outcome(how, Cause.NONE, signal_name="SIGKILL").reason == words


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert outcome(Exit(signal=40), Cause.NONE).reason == "killed by signal 40"


def test_an_end_that_nobody_knows_is_said_to_be_unknown() -> None:
    assert "unknown" in outcome(Exit(), Cause.NONE).reason


def test_the_oom_killer_is_named_first() -> None:
    end = outcome(Exit(signal=9), Cause.NONE, signal_name="SIGKILL", oom="it ended 1 process")
    assert end.status == FAILED
    assert end.reason == "out of memory: it ended 1 process; killed by SIGKILL"


def test_a_success_is_no_failure_for_want_of_memory() -> None:
    end = outcome(Exit(code=0), Cause.NONE, oom="it ended 1 worker")
    assert (end.status, end.reason) == (COMPLETED, "exit code 0")


def test_a_stop_outranks_the_keys_before_it() -> None:
    assert Cause.NONE < Cause.INTERRUPT < Cause.PASSED_ON < Cause.STOP < Cause.TIMEOUT


@pytest.mark.parametrize("code", range(256))
def test_every_exit_code_is_read_from_a_wait_status(code: int) -> None:
    end = Exit.from_wait_status(code << 8)
    assert (end.code, end.signal, end.shell_code) == (code, None, code)
    assert os.waitstatus_to_exitcode(code << 8) == code


@pytest.mark.parametrize("core_dumped", [0, 0x80])
@pytest.mark.parametrize("number", [*range(1, 32), *range(34, 65)])
def test_every_signal_is_read_from_a_wait_status(number: int, core_dumped: int) -> None:
    end = Exit.from_wait_status(number | core_dumped)
    assert (end.code, end.signal, end.shell_code) == (None, number, 128 + number)


def test_an_unknown_end_is_125_to_a_shell() -> None:
    assert Exit().shell_code == 125
