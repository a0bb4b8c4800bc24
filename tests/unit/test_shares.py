from typing import Any

from mlterm.core.shares import Shares


def sample(pss: float | None, *processes: tuple[int, int, float | None]) -> dict[str, Any]:
    rows = [{"pid": pid, "ppid": parent, "pss_bytes": own, "uss_bytes": own}
            for pid, parent, own in processes]  # fmt: skip
    return {"job": {"pss_bytes": pss}, "processes": rows}


def own(of: dict[str, Any]) -> list[float | None]:
    return [process["pss_bytes"] for process in of["processes"]]


def test_between_two_readings_the_last_one_stands() -> None:
    shares = Shares()
    for pss, shown in ((3.0, 3.0), (None, 3.0), (4.0, 4.0), (None, 4.0)):
        now = sample(pss, (1, 0, pss))
        shares.fill(now)
        assert (now["job"]["pss_bytes"], own(now)) == (shown, [shown])


def test_what_was_never_read_stays_unknown() -> None:
    shares, now = Shares(), sample(None, (1, 0, None))
    shares.fill(now)
    assert (now["job"]["pss_bytes"], own(now)) == (None, [None])


def test_one_that_is_gone_is_forgotten_and_a_pid_may_come_again() -> None:
    shares = Shares()
    shares.fill(sample(5.0, (1, 0, 5.0)))
    shares.fill(sample(None))
    again = sample(None, (1, 0, None))
    shares.fill(again)
    assert own(again) == [None]


def test_a_sample_of_another_shape_is_let_be() -> None:
    odd: dict[str, Any] = {"job": None, "processes": ["x"]}
    Shares().fill(odd)
    assert odd == {"job": None, "processes": ["x"]}
