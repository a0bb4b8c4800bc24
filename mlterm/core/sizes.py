"""Amounts as a person reads them."""

import re

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?([KMGTP]?)i?B", re.IGNORECASE)


def format_bytes(count: float, unit: str | None = None) -> str:
    """``3.1 GB``, in powers of 1,024 as memory is sold (JEDEC 100B.01): a card of 80 GB has 80."""
    unit = unit or unit_of(count)
    return f"{figure_in(unit, count)} {unit}"


def format_share(count: float, total: float) -> str:
    """``14.2/80 GB``."""
    unit = unit_of(total)
    return f"{figure_in(unit, count)}/{format_bytes(total, unit)}"


def unit_of(count: float) -> str:
    """The unit in which an amount of bytes has one to three digits before the point."""
    power = 0
    while count >= 999.5 * 1024**power and power < len(_UNITS) - 1:
        power += 1
    return _UNITS[power]


def figure_in(unit: str, count: float) -> str:
    """An amount of bytes in a unit, without it."""
    return format_figure(count / 1024 ** _UNITS.index(unit))


def format_figure(value: float) -> str:
    """Three digits, without zeros behind the point: ``14.2``, ``80``, ``0.42``."""
    digits = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_bytes(text: str) -> float | None:
    """``3GB``, ``1.5 GiB``, ``512 kb``: powers of 1,024 all; None of what is no such amount."""
    found = _AMOUNT.fullmatch(text.strip())
    return float(found[1]) * 1024 ** _UNITS.index(f"{found[2].upper()}B") if found else None
