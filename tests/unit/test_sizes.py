"""Amounts as people write them."""

import pytest

from mlterm.core.sizes import parse_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [("3GB", 3 * 2**30), ("1.5 GiB", 1.5 * 2**30), ("512mb", 512 * 2**20), (" .5kb ", 512),
     ("7B", 7), ("2TB", 2**41), ("1PB", 2**50)],
)  # fmt: skip
def test_units_are_powers_of_1024(text: str, count: float) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "3", "GB", "-3GB", "3 G", "3XB", "3GBs", "1e3GB", "3  GB"])
def test_anything_else_is_none(text: str) -> None:
    assert parse_bytes(text) is None
