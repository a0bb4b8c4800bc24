"""For the scripts that show how people print: a real, very small training in NumPy."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SAMPLES, FEATURES, BATCH = 320, 8, 32


@dataclass
class Batch:
    """What one step told."""

    epoch: int
    step: int
    """Within the epoch, from 0 on."""
    loss: float
    accuracy: float
    lr: float
    norm: float
    seconds: float
    """How long it took."""

    @property
    def speed(self) -> float:
        """Samples a second."""
        return BATCH / self.seconds


class Regression:
    """Logistic regression by gradient descent; deterministic by its seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        truth = self._random.normal(size=FEATURES)
        self._x = self._random.normal(size=(2 * SAMPLES, FEATURES))
        noise = self._random.normal(scale=0.7, size=2 * SAMPLES)
        self._y = (self._x @ truth + noise > 0).astype(float)
        self._weights = np.zeros(FEATURES)
        self.steps = SAMPLES // BATCH

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, trained on as they are asked for."""
        order = self._random.permutation(SAMPLES)
        lr = 0.5 * 0.8**number
        for step in range(self.steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            begin = time.perf_counter()
            loss, accuracy, gradient = self._measure(rows)
            self._weights -= lr * gradient
            seconds = time.perf_counter() - begin
            yield Batch(number, step, loss, accuracy, lr, float(np.linalg.norm(gradient)), seconds)

    def evaluate(self) -> tuple[float, float]:
        """Loss and accuracy (a fraction) on the other half of the data."""
        loss, accuracy, _ = self._measure(np.arange(SAMPLES, 2 * SAMPLES))
        return loss, accuracy

    def _measure(self, rows: np.ndarray) -> tuple[float, float, np.ndarray]:
        x, y = self._x[rows], self._y[rows]
        guess = 1 / (1 + np.exp(-x @ self._weights))
        loss = -np.mean(y * np.log(guess + 1e-9) + (1 - y) * np.log(1 - guess + 1e-9))
        return float(loss), float(np.mean((guess > 0.5) == y)), x.T @ (guess - y) / len(rows)


def mean(values: list[float]) -> float:
    """The average."""
    return sum(values) / len(values)
