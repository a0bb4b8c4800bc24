"""A client's connection to a keeper."""

import os
from pathlib import Path

from mlterm.link import Link
from mlterm.system import lock
from mlterm.system.paths import RunFiles


def test_a_run_whose_file_was_removed_is_not_over_while_somebody_owns_it(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "p_r.jsonl")
    link = Link(files)
    assert link.is_over()
    held = lock.take(files.lock)
    assert held is not None
    assert not link.is_over()
    files.run.write_text('{"type": "finish", "status": "completed"}\n')
    assert link.is_over()
    os.close(held)
