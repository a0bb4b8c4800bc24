"""The order in which people expect names: layer2 before layer10, capitals no matter."""

import re

NaturalKey = tuple[tuple[int, int, str], ...]
_PARTS = re.compile(r"[0-9]+|[^0-9]+")


def natural_key(text: str) -> NaturalKey:
    """What to sort a text by."""
    return tuple(_part(part) for part in _PARTS.findall(text.lower()))


def _part(part: str) -> tuple[int, int, str]:
    """Of digits, the longer number is the larger one."""
    if part.isascii() and part.isdigit():
        number = part.lstrip("0")
        return 0, len(number), number
    return 1, 0, part
