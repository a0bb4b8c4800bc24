"""Lightning's bar by rich, and the table of a test (lightning 2.6, rich 15)."""

from lightning_task import run

run(rich=True)
