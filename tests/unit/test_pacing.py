from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.metrics.findings import Finding
from mlterm.core.metrics.pacing import PAUSE_SECONDS, Pacer


def state(step: int, loss: float, total: int = 100, epoch: int | None = None) -> Finding:
    """A state of a bar that is redrawn."""
    return Finding(
        step, "bar", {"loss": loss}, {}, epoch, step, is_passing=True, bar=("train", total),
        fraction=step / total,
    )  # fmt: skip


def paced(*states: tuple[float | None, Finding]) -> list[tuple[int | None, float]]:
    """Step and loss of what becomes a record."""
    pacer = Pacer()
    out = [kept for now, found in states for kept in pacer.take(found, now)]
    return [(kept.step, kept.metrics["loss"]) for kept in [*out, *pacer.finish()]]


def test_the_first_state_counts_then_two_a_second_and_the_last() -> None:
    states = [(n * 0.1, state(n, 1.0 / (n + 1))) for n in range(13)]
    assert [step for step, _ in paced(*states)] == [0, 4, 9, 12]


def test_a_state_that_says_the_same_is_no_new_one() -> None:
    assert paced((0.0, state(1, 0.5)), (1.0, state(2, 0.5)), (2.0, state(3, 0.5))) == [(1, 0.5)]


def test_each_pass_of_a_bar_has_its_last_state() -> None:
    passes = [(0.001 * n, state(n % 10 + 1, 1 / (n + 1), 10)) for n in range(30)]
    assert [step for step, _ in paced(*passes)] == [1, 10, 10, 10]


def test_what_a_new_pass_still_shows_of_the_old_one_is_none_of_its() -> None:
    old, new = (0.0, state(10, 0.5, 10, epoch=1)), (0.01, state(0, 0.5, 10, epoch=2))
    assert paced(old, new, (0.02, state(3, 0.25, 10, epoch=2))) == [(10, 0.5), (3, 0.25)]


def test_without_a_clock_a_bar_tells_every_fiftieth() -> None:
    states = [(None, state(n, 1.0 / (n + 1), 1000)) for n in range(1001)]
    steps = [step or 0 for step, _ in paced(*states)]
    assert len(steps) == 51
    assert steps[-1] == 1000


def test_lines_that_are_no_bars_all_count() -> None:
    line = Finding(0, "names and values", {"loss": 0.5}, {}, 1, 1, bar=("loss",))
    assert len(paced(*[(0.0, line)] * 5)) == 5


def test_a_bar_that_has_ended_stands_before_what_follows() -> None:
    bar = state(10, 0.25, 10)
    bar.is_full = True
    line = Finding(0, "names and values", {"val_loss": 0.5}, {}, 1, None, bar=("val_loss",))
    pacer = Pacer()
    out = [*pacer.take(state(1, 0.5, 10), 0.0), *pacer.take(bar, 0.1), *pacer.take(line, 0.1)]
    assert [list(found.metrics.items()) for found in out] == [
        [("loss", 0.5)], [("loss", 0.25)], [("val_loss", 0.5)],
    ]  # fmt: skip


def test_memory_is_bounded_however_many_bars_there_are() -> None:
    pacer = Pacer()
    for n in range(1000):
        pacer.take(state(1, 0.5, 100 + n), 0.0)
    assert len(pacer._bars) <= 64


@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.integers(0, 20), st.integers(0, 9)), max_size=60),
    st.data(),
)
def test_how_often_it_is_asked_plays_no_part(
    steps: list[tuple[float, int, int]], draw: st.DataObject
) -> None:
    """So that an observer that was killed finds again what it had recorded."""
    quiet, asked = Pacer(), Pacer()
    one: list[Finding] = []
    other: list[Finding] = []
    now = 0.0
    for pause, step, loss in steps:
        for at in draw.draw(st.lists(st.floats(now, now + pause), max_size=3)):
            other += asked.tick(at) if at < now + pause else []
        now += pause
        one += quiet.take(state(step, float(loss)), now)
        other += asked.take(state(step, float(loss)), now)
    one, other = [*one, *quiet.finish()], [*other, *asked.finish()]
    assert [(f.step, f.metrics) for f in one] == [(f.step, f.metrics) for f in other]
    assert len(one) <= 2 * now / PAUSE_SECONDS + 2 * len(steps)
