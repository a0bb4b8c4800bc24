"""Train a small classifier on digits that this script draws itself.

Each digit is lit as on a seven-segment display, placed somewhere in an 8x8 image and
covered with noise. A network with one hidden layer learns to read it, by stochastic
gradient descent. Standard library only; takes some six seconds.

    python examples/digits.py --epochs 10 --lr 0.02
"""

import argparse
import math
import random
import sys
import time
from operator import mul

SIZE = 8
NOISE = 0.3
HIDDEN = 24

# The pixels (row, column) of the segments a to g, and the segments that are lit for 0 to 9.
SEGMENTS = {
    "a": [(0, 1), (0, 2)],
    "b": [(1, 3), (2, 3)],
    "c": [(4, 3), (5, 3)],
    "d": [(6, 1), (6, 2)],
    "e": [(4, 0), (5, 0)],
    "f": [(1, 0), (2, 0)],
    "g": [(3, 1), (3, 2)],
}
LIT = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]


def draw(digit: int, rng: random.Random) -> list[float]:
    """Return one noisy image of the digit, as a flat list of pixels."""
    image = [rng.gauss(0, NOISE) for _ in range(SIZE * SIZE)]
    top, left = rng.randint(0, 1), rng.randint(1, 3)
    for segment in LIT[digit]:
        for row, column in SEGMENTS[segment]:
            image[(top + row) * SIZE + left + column] += 1
    return image


def make_data(count: int, rng: random.Random) -> list[tuple[list[float], int]]:
    return [(draw(digit, rng), digit) for digit in (rng.randrange(10) for _ in range(count))]


class Network:
    """One hidden layer of rectified units, a softmax over the ten digits."""

    def __init__(self, rng: random.Random) -> None:
        pixels = SIZE * SIZE + 1  # the last weight of each row is its bias
        self.hidden = [[rng.gauss(0, 0.15) for _ in range(pixels)] for _ in range(HIDDEN)]
        self.output = [[rng.gauss(0, 0.15) for _ in range(HIDDEN + 1)] for _ in LIT]

    def forward(self, image: list[float]) -> tuple[list[float], list[float]]:
        """Return the hidden activations and the probabilities of the digits."""
        inputs = [*image, 1.0]
        active = [max(0.0, sum(map(mul, row, inputs))) for row in self.hidden]
        scores = [sum(map(mul, row, [*active, 1.0])) for row in self.output]
        top = max(scores)
        exps = [math.exp(score - top) for score in scores]
        total = sum(exps)
        return active, [value / total for value in exps]

    def learn(self, image: list[float], digit: int, lr: float) -> float:
        """Take one step of gradient descent; return the loss before it."""
        active, probabilities = self.forward(image)
        errors = [p - (label == digit) for label, p in enumerate(probabilities)]
        back = [sum(map(mul, errors, column)) for column in zip(*self.output, strict=True)]
        for row, error in zip(self.output, errors, strict=True):
            row[:] = [w - lr * error * a for w, a in zip(row, [*active, 1.0], strict=True)]
        for row, a, error in zip(self.hidden, active, back[:-1], strict=True):
            if a > 0:
                row[:] = [w - lr * error * x for w, x in zip(row, [*image, 1.0], strict=True)]
        return -math.log(max(probabilities[digit], 1e-12))


def evaluate(network: Network, data: list[tuple[list[float], int]]) -> tuple[float, float]:
    """Return the mean loss and the accuracy."""
    loss, right = 0.0, 0
    for image, digit in data:
        _, probabilities = network.forward(image)
        loss -= math.log(max(probabilities[digit], 1e-12))
        right += probabilities.index(max(probabilities)) == digit
    return loss / len(data), right / len(data)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small classifier on drawn digits.")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.02, help="learning rate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds to rest after an epoch")
    args = parser.parse_args()

    rng = random.Random(args.seed)
    train, validation = make_data(2000, rng), make_data(400, rng)
    network = Network(rng)
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        loss = 0.0
        for step, (image, digit) in enumerate(train, 1):
            loss += network.learn(image, digit, args.lr)
            if sys.stdout.isatty() and step % 20 == 0:
                bar = ("=" * (30 * step // len(train))).ljust(30)
                state = f"{step:4}/{len(train)} [{bar}] loss: {loss / step:.4f}"
                print(f"\r{state}", end="", flush=True)
        if sys.stdout.isatty():
            print("\r\x1b[K", end="")
        val_loss, accuracy = evaluate(network, validation)
        losses = f"train_loss: {loss / len(train):.4f} - val_loss: {val_loss:.4f}"
        print(f"epoch {epoch}/{args.epochs} - {losses} - val_accuracy: {accuracy:.4f}", flush=True)
        time.sleep(args.pause)


if __name__ == "__main__":
    main()
