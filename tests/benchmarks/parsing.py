"""How fast, and how truly, metrics are read out of output."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from mlterm.core.metrics.reader import OutputReader
from tests.benchmarks.harness import Corner, Ratio, Row, interleave, ratio
from tests.outputs.scoring import NEGATIVES, Score, read, samples, score

CHUNK = 64 * 1024
MEGABYTES = 6
PEAK_MEGABYTES = (4, 40)
WORDS = b"some ordinary words of a program that tells what it does, and no figure in them\n"
_PEAK = """
import sys
from mlterm.core.metrics.reader import OutputReader
from tests.benchmarks.parsing import blocks, corpus
reader = OutputReader()
count = 0
for data in blocks(corpus(), int(sys.argv[1])):
    count += sum(1 for found in reader.feed(data, count / 1e4))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def measure(corner: Corner, rounds: int) -> list[Row]:
    """Speed against a loop over the lines in the same process, then memory; recall and precision
    of every sample are printed above the table."""
    print(table_of_samples())
    rows = [
        _speed("ordinary training output", ordinary(), MEGABYTES, rounds, 5.0),
        _speed("the samples, one after the other", corpus(), MEGABYTES, rounds, None),
        _speed("output without digits", WORDS, 20 * MEGABYTES, rounds, 50.0),
    ]
    for name, line in ODD_LINES.items():
        rows.append(_growth(f"a line of {name}, of 4,000 against 1,000 characters", line, rounds))
    short, long = (_peak(corner, megabytes) for megabytes in PEAK_MEGABYTES)
    name = "peak memory, of {1} MB against {0} MB".format(*PEAK_MEGABYTES)
    rows.append(Row(name, f"{long:.1f} MB", f"{short:.1f} MB", ratio([long], [short]), 1.1))
    return rows


def ordinary() -> bytes:
    """What long runs print: logged lines, meters, dicts, JSON, a table, a bar; some 1.6 MB."""
    chance = random.Random(0)
    parts: list[str] = []
    for form in FORMS:
        if form is FORMS[-2]:
            parts.append("epoch     train_loss  valid_loss  accuracy  time\n")
        for n in range(2500):
            loss, acc = 7 * chance.random(), chance.random()
            parts.append(form(n, loss, acc, chance.random() * 1e-3))
    return "".join(parts).encode()


FORMS: tuple[Callable[[int, float, float, float], str], ...] = (
    lambda n, loss, acc, lr: (
        f"2026-11-20 10:{n // 60 % 60:02}:{n % 60:02},{n % 1000:03} - train - INFO - Epoch "
        f"{n // 500} step {n} loss: {loss:.4f} acc: {acc:.4f} lr: {lr:.2e}\n"
    ),
    lambda n, loss, acc, lr: (
        f"Epoch: [{n // 500}][{n % 500:3d}/500]\tTime {acc:6.3f} ({acc:6.3f})\tData {lr:6.3f} "
        f"({lr:6.3f})\tLoss {loss:.4e} ({loss:.4e})\tAcc@1 {100 * acc:6.2f} ({100 * acc:6.2f})\n"
    ),
    lambda n, loss, acc, lr: (
        f"{{'loss': {loss:.4f}, 'grad_norm': {acc:.4f}, 'learning_rate': {lr:.3e}, 'epoch': "
        f"{n / 500:.2f}}}\n"
    ),
    lambda n, loss, acc, lr: (
        f'{{"epoch": {n // 500}, "step": {n}, "loss": {loss:.4f}, "acc": {acc:.4f}, "lr": {lr}}}\n'
    ),
    lambda n, loss, acc, lr: f"{n:<9} {loss:.6f}    {loss / 2:.6f}    {acc:.6f}  00:{n % 60:02}\n",
    lambda n, loss, acc, lr: (
        f"\rEpoch {n // 500}: {n % 500 // 5:3}%|{'█' * (n % 500 // 50):10}| {n % 500}/500 "
        f"[00:{n % 60:02}<00:{59 - n % 60:02}, {100 * acc:.2f}it/s, loss={loss:.4f}, lr={lr:.2e}]"
    ),
)


def corpus() -> bytes:
    """All samples, one after the other."""
    return b"\n".join(path.read_bytes() for path in samples()) + b"\n"


def blocks(text: bytes, megabytes: int) -> Iterator[bytes]:
    """A text again and again, in the pieces in which a reader gets it."""
    text *= CHUNK // len(text) + 1
    size = len(text)
    text += text[:CHUNK]
    for at in range(0, megabytes * 10**6, CHUNK):
        yield text[at % size : at % size + CHUNK]


ODD_LINES: dict[str, Callable[[int], bytes]] = {
    "brackets": lambda n: b"{[(" * (n // 3),
    "names and signs": lambda n: b"a=b:c=d," * (n // 8),
    "numbers": lambda n: b"1.5e-3 2,000 " * (n // 13),
    "words": lambda n: b"loss of the val at step 1 " * (n // 26),
    "quotes": lambda n: b"{'a': \"b" * (n // 8),
    "bars": lambda n: "▌█ ".encode() * (n // 7),
}
"""What could take a careless parser for ever."""


def _speed(name: str, text: bytes, megabytes: int, rounds: int, target: float | None) -> Row:
    pieces = list(blocks(text, megabytes))

    def ours() -> float:
        reader = OutputReader()
        return _seconds(lambda: [list(reader.feed(data, n / 10)) for n, data in enumerate(pieces)])

    def floor() -> float:
        return _seconds(lambda: [data.splitlines() for data in pieces])

    taken = interleave({"ours": ours, "floor": floor}, rounds)
    each: Ratio = ratio(taken["ours"], taken["floor"])
    rate, peer = (megabytes / sorted(times)[len(times) // 2] for times in taken.values())
    told = f"{rate:.1f} MB/s" + (f" (≥ {target:.0f})" if target else "")
    return Row(f"{name}, against splitting it into lines", told, f"{peer:.0f} MB/s", each, None)


def _growth(name: str, line: Callable[[int], bytes], rounds: int) -> Row:
    """Linear would be 4."""

    def take(size: int) -> float:
        data = line(size) + b"\n"
        return min(
            _seconds(lambda: list(OutputReader().feed(data + b"loss: 0.5\n"))) for _ in range(5)
        )

    taken = interleave({"long": lambda: take(4000), "short": lambda: take(1000)}, rounds)
    each: Ratio = ratio(taken["long"], taken["short"])
    long, short = (f"{1e3 * min(times):.2f} ms" for times in taken.values())
    return Row(name, long, short, each, 6.0)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _peak(corner: Corner, megabytes: int) -> float:
    words = [sys.executable, "-c", _PEAK, str(megabytes)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def table_of_samples() -> str:
    """A line a sample, then all of them together, and what was found where nothing is."""
    head = f"{'sample':34}{'metrics':>9}{'recall':>9}{'precision':>11}{'steps':>8}"
    scores = [score(path) for path in samples()]
    total = Score("all")
    for each in scores:
        for name in ("needed", "hit", "found", "true", "placed", "placed_right"):
            setattr(total, name, getattr(total, name) + getattr(each, name))
    lines = [
        f"{s.name:34}{s.needed:9}{s.recall:9.3f}{s.precision:11.3f}{s.steps:8.3f}"
        for s in (*scores, total)
    ]
    negatives = sorted(NEGATIVES.glob("*.log"))
    loud = [path.stem for path in negatives if any(found.metrics for found in read(path))]
    silence = f"{len(negatives) - len(loud)} of {len(negatives)} negatives silent"
    return "\n".join([head, *lines, silence + (f"; not: {', '.join(loud)}" if loud else ""), ""])
