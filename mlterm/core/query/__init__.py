"""The language in which runs are asked for: ``status = failed and val_loss.min < 0.2``.

Expressions choose runs; names alone are columns, and what runs are sorted by. mlterm(1), FILTERS,
is what a person reads of it.
"""

from mlterm.core.query.errors import QueryError
from mlterm.core.query.grammar import is_expression, parse_query
from mlterm.core.query.keys import Key, Order, parse_key, parse_order
from mlterm.core.query.tree import Query
from mlterm.core.query.unknown import tell_unknown

__all__ = [
    "Key", "Order", "Query", "QueryError", "is_expression", "parse_key", "parse_order",
    "parse_query", "tell_unknown",
]  # fmt: skip
