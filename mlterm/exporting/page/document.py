"""The page as bytes: its data, style and script in one document that loads nothing.

Whatever a run says is data: it stands in a block that no browser executes, escaped so that it
cannot end the block, and the script puts it on the page as text. Style and script are allowed by
their hashes alone, and every connection is forbidden.
"""

import html
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from mlterm.core.records import encode_own

_SCRIPTS = (
    "figures.js", "curves.js", "elements.js", "strokes.js", "cursor.js", "chart.js", "table.js",
    "sections.js", "page.js",
)  # fmt: skip
"""Each may use what those before it have."""
_ESCAPES = {
    b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029",
}  # fmt: skip


def document(page: Mapping[str, Any]) -> bytes:
    """The HTML document of a page's data (page.contents)."""
    style = _asset("page.css")
    script = '"use strict";\n(() => {\n' + "".join(map(_asset, _SCRIPTS)) + "})();\n"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}';"
        " base-uri 'none'; form-action 'none'"
    )
    parts = {
        b"policy": policy.encode(),
        b"title": html.escape(page["title"]).encode(),
        b"style": style.encode(),
        b"script": script.encode(),
        b"data": escaped(encode_own(page)),
    }
    template = _asset("page.html").encode()
    return re.sub(rb"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], template)


def escaped(data: bytes) -> bytes:
    """JSON that may stand in a script block, and means the same: these characters are only ever
    within its strings."""
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    return data


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline block."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
