"""How many bytes files have, as far as they can be looked at; links are not followed."""

import os
from contextlib import suppress

_Path = str | os.PathLike[str]


def size_of_file(path: _Path) -> int:
    """0 of what is not there."""
    with suppress(OSError):
        return os.lstat(path).st_size
    return 0


def size_of_folder(folder: _Path) -> int:
    """Of all files in it, however deep."""
    inside = ((where, name) for where, _, names in os.walk(folder) for name in names)
    return sum(size_of_file(os.path.join(where, name)) for where, name in inside)
