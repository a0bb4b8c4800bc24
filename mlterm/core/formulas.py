"""Text that a spreadsheet would run as a formula: made harmless, and what it was again.

An apostrophe before it does (OWASP, "CSV Injection"); a text that begins as a guarded one does gets
one, too, so that nothing is lost on the way back.
"""

_BEGINNINGS = frozenset("=+-@＝＋－＠\t\r\n\0")


def guarded(text: str) -> str:
    """The text, which no spreadsheet runs."""
    return f"'{text}" if _is_risky(text) else text


def unguarded(text: str) -> str:
    """What was guarded; all else as it is."""
    return text[1:] if text[:1] == "'" and _is_risky(text[1:]) else text


def _is_risky(text: str) -> bool:
    return text.lstrip("'")[:1] in _BEGINNINGS if text else False
