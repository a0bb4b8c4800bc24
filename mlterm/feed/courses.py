"""Every metric of a run at once, folded: from what others have folded already where that is
there, else from the whole file, or from samples of a large one where a sketch will do."""

import os
from collections.abc import Callable, Mapping

from mlterm.core.records import decode_batch
from mlterm.core.series import Series, SeriesFold
from mlterm.feed.metrics import read_metrics
from mlterm.system.checkpoint import read_fields
from mlterm.system.paths import RunFiles

READ_WHOLE_BYTES = 16 * 1024 * 1024
"""Of a file, or of its end that nobody has folded: some 80,000 records, a tenth of a second."""
_SAMPLES, _SAMPLE_BYTES = 96, 16 * 1024


def courses(
    files: RunFiles, look: Callable[[], object] = lambda: None, *, sketch: bool = False
) -> tuple[Mapping[str, Series], bool]:
    """The series by name, and whether they are exact. Not so where there is much to read and a
    ``sketch`` will do. ``look`` is called whenever a BLOCK was read. Raises OSError."""
    size = os.stat(files.run).st_size
    folded = read_fields(files.summary).get("records_offset")
    if sketch and size - (folded if type(folded) is int else 0) > READ_WHOLE_BYTES:
        return _sampled(files, size), False
    return read_metrics(files, look).series, True


def _sampled(files: RunFiles, size: int) -> Mapping[str, Series]:
    """Of records here and there in the file, at even distances."""
    fold = SeriesFold()
    with files.run.open("rb", buffering=0) as file:
        for number in range(_SAMPLES):
            at = (size - _SAMPLE_BYTES) * number // (_SAMPLES - 1)
            data = os.pread(file.fileno(), _SAMPLE_BYTES, at)
            begin = data.find(b"\n") + 1 if at else 0
            fold.add_batch(decode_batch(data[begin : data.rfind(b"\n") + 1])[0])
    return fold.series
