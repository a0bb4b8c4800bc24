"""An exported page, taken apart as a browser would."""

import json
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """Its elements by name, the texts of style and script, the policy and the data."""

    def __init__(self, document: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        kind = dict(attrs).get("type")
        self._open = f"{tag} {kind}" if kind else tag
        self.texts.setdefault(self._open, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data

    @property
    def data(self) -> dict[str, Any]:
        (text,) = self.texts["script application/json"]
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def policy(self) -> dict[str, str]:
        (told,) = (
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        )
        rules = (rule.split(" ", 1) for rule in (told or "").split("; "))
        return dict(rules)


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
