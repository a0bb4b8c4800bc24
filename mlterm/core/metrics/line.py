"""A line's tokens, with what every look at them needs: neighbours, names, brackets."""

from bisect import bisect_left

from mlterm.core.metrics import vocabulary as words
from mlterm.core.metrics.tokens import Layout, Token, shown, tokenize

END = Token("end", "", 0, 0, 2)
"""What stands before the first token and behind the last."""
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_WRAPPERS = words.words_of("""
    tensor Tensor array Array asarray DeviceArray EagerTensor Decimal float int np.float64
    np.float32 np.float16 np.int64 np.int32 numpy.float64 numpy.float32 jnp.array
""")


class Line:
    """The tokens of one line, without ``tensor(…)`` and the like around numbers."""

    def __init__(self, layout: Layout) -> None:
        self.tokens = _unwrapped(tokenize(layout))
        self._layout = layout
        self.uses: set[int] = set()
        """Pieces whose digits became part of a name."""

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, i: int) -> Token:
        return self.tokens[i] if 0 <= i < len(self.tokens) else END

    def is_word(self, i: int) -> bool:
        """Whether a word stands there."""
        return self[i].kind == "word"

    def is_whole(self, i: int) -> bool:
        """Whether an integer without a unit stands there."""
        token = self[i]
        return token.kind == "number" and not token.unit and _is_int(token)

    def low(self, i: int) -> str:
        """The text there, in lower case."""
        return self[i].text.lower()

    def name(self, token: Token) -> str:
        """A word as a part of a name: as printed, in lower case where no capital is within."""
        text = self._of_this_line(token) if "0" in token.text else token.text
        text = shown(text)
        return cased(text if "__" in text else text.strip("_'*.").replace(" ", "_"))

    def closing(self, i: int) -> int:
        """The token that closes the brackets within which token ``i`` stands."""
        depth = 1
        for j in range(i, len(self.tokens)):
            kind = self.tokens[j].kind
            depth += (kind in _OPEN) - (kind in _CLOSE)
            if not depth:
                return j
        return len(self.tokens) - 1

    def leads_to_value(self, i: int) -> bool:
        """Whether the next two or three words name what comes behind them."""
        last = i + 3
        while i < last and self.is_word(i):
            i += 1
        return self[i].kind in ("sep", "number")

    def _of_this_line(self, token: Token) -> str:
        """The word with the digits of this very line: they belong to the name."""
        layout = self._layout
        out, at = [], token.start
        first = bisect_left(layout.places, token.start)
        for k in range(first, bisect_left(layout.places, token.end)):
            self.uses.add(layout.runs[k])
            out += [layout.shape[at : layout.places[k]], layout.pieces[layout.runs[k]]]
            at = layout.places[k] + 1
        return "".join([*out, layout.shape[at : token.end]])


def _is_int(token: Token) -> bool:
    return token.number is not None and token.number.is_int


def _unwrapped(tokens: list[Token]) -> list[Token]:
    kept: list[Token] = []
    skip = 0
    for token, opened, inner in zip(
        tokens, [*tokens[1:], END], [*tokens[2:], END, END], strict=False
    ):
        if skip:
            skip -= 1
        elif (
            token.text in _WRAPPERS
            and opened.kind == "("
            and not opened.gap
            and inner.kind in ("number", "[")
        ):
            skip = 1 + (inner.kind == "[")
        else:
            kept.append(token)
    return kept


def cased(text: str) -> str:
    """In lower case, but words that have capitals behind small letters (``mAP50``)."""
    return "/".join(
        word if words.has_inner_capital(word) else word.lower() for word in text.split("/")
    )


def has_phase(name: str) -> bool:
    """Whether a name says of which phase it is."""
    return bool(phase_in(name))


def phase_in(name: str) -> str:
    """The phase that a name says it is of, or nothing."""
    return next((phase for word in words.parts(name) if (phase := words.phase_of(word))), "")


def says_place(text: str) -> bool:
    """Whether a word tells an epoch, a step or a phase."""
    return bool(words.phase_of(text)) or words.is_epoch(text) or words.step_rank(text) is not None
