"""Lightning's tqdm bar with metrics in it, and the table of a test (lightning 2.6)."""

from lightning_task import run

run(rich=False)
