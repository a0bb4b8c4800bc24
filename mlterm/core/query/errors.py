"""What is wrong with an expression, and where."""

from mlterm.core.errors import RefusedError
from mlterm.core.pointing import pointed


class MistakeError(Exception):
    """Something else was expected at a place; whoever knows the whole text makes a QueryError."""

    def __init__(self, at: int, words: str) -> None:
        super().__init__(words)
        self.at, self.words = at, words


class QueryError(RefusedError):
    """An expression, or a name, that cannot be used: its message shows the place."""

    def __init__(self, what: str, text: str, mistake: MistakeError) -> None:
        end = "" if mistake.words.endswith("?") else "."
        super().__init__(
            f"the {what}\n{pointed(text, mistake.at)}\ncannot be used: {mistake.words}{end}"
        )
        self.words = mistake.words
        """The message without the text, for one line."""
        self.at = mistake.at
        """An index of the text."""
