"""Small tables of words for papers and READMEs: Markdown, HTML."""

import re
from collections.abc import Sequence
from html import escape

Cells = Sequence[str]
_MARKED = re.compile(r"[\\`*\[\]<|]|(?<!\w)_|_(?!\w)")
"""What Markdown would take for its own."""


def as_markdown(head: Cells, lines: Sequence[Cells], bold: Sequence[set[int]] = ()) -> str:
    """A pipe table as GitHub and Pandoc have it: the first column flush left, all others flush
    right. ``bold`` has the places of the cells of each line that stand out; a line of one cell is
    a heading."""
    marks = bold or [set()] * len(lines)
    rows = [list(map(_marked, head))]
    for line, places in zip(lines, marks, strict=True):
        cells = list(map(_marked, line))
        if len(line) == 1:
            cells = [f"*{cells[0]}*", *[""] * (len(head) - 1)]
        rows.append([f"**{cell}**" if i in places else cell for i, cell in enumerate(cells)])
    rule = "|".join(["", ":--", *["--:"] * (len(head) - 1), ""])
    shown = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([shown[0], rule, *shown[1:]]) + "\n"


def _marked(text: str) -> str:
    return " ".join(_MARKED.sub(r"\\\g<0>", text).split())


def as_html(title: str, head: Cells, lines: Sequence[Cells], bold: Sequence[set[int]] = ()) -> str:
    """A page of its own that needs nothing else; a line of one cell is a heading."""
    marks = bold or [set()] * len(lines)
    parts = [_tag("th", cell) for cell in head]
    body = [f"<tr>{''.join(parts)}</tr>"]
    for line, places in zip(lines, marks, strict=True):
        if len(line) == 1:
            body.append(f'<tr><th class="s" colspan="{len(head)}">{escape(line[0])}</th></tr>')
            continue
        cells = [_tag("th", line[0])]
        cells += [_tag("td", cell, "b" if i in places else "") for i, cell in enumerate(line) if i]
        body.append(f"<tr>{''.join(cells)}</tr>")
    return _PAGE.format(title=escape(title), body="\n".join(body))


def _tag(name: str, text: str, of: str = "") -> str:
    named = f' class="{of}"' if of else ""
    return f"<{name}{named}>{escape(text)}</{name}>"


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; }}
th:first-child {{ text-align: left; font-weight: normal; }}
th.s {{ padding-top: 1.25rem; opacity: .6; font-size: 85%; text-transform: uppercase; }}
td.b {{ color: #1a7f37; font-weight: bold; }}
</style>
</head>
<body>
<h1>{title}</h1>
<table>
{body}
</table>
</body>
</html>
"""
