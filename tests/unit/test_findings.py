"""What the output tells of how far a run is."""

import pytest

from mlterm.core.metrics.findings import Progress


@pytest.mark.parametrize(
    ("rate", "unit", "seconds"),
    [(10, "it/s", 5.0), (10, "steps/s", 5.0), (10, "it/sec", 5.0), (2, "s/it", 100.0),
     (2, "s/step", 100.0), (100, "ms/step", 5.0), (100, "ms/batch", 5.0), (None, "", None),
     (0, "it/s", None)],
)  # fmt: skip
def test_what_is_left_is_reckoned_from_a_bars_rate(
    rate: float | None, unit: str, seconds: float | None
) -> None:
    assert Progress(50, 100, 0.5, "", rate, unit).eta_seconds == seconds
