"""Runs to ask for, and expressions to ask with."""

from datetime import UTC, datetime
from typing import Any

from mlterm.core.query import QueryError, parse_query
from mlterm.core.summary import RunSummary

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)


def run(**changes: Any) -> RunSummary:
    made: dict[str, Any] = {
        "project": "digits", "run_id": "resnet-1", "status": "failed", "path": "/logs/r.jsonl",
    }  # fmt: skip
    return RunSummary(**{**made, **changes})


def accepts(text: str, of: RunSummary) -> bool:
    return parse_query(text, NOW).accepts(of)


def refusal(text: str) -> QueryError:
    try:
        parse_query(text, NOW)
    except QueryError as error:
        return error
    raise AssertionError(f"{text} was understood")
