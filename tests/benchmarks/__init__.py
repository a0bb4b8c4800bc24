"""How fast mlterm is, as ratios: `python -m tests.benchmarks` prints a table."""
