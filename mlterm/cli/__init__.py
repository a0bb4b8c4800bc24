"""The command line: ``main`` is the only place that prints errors and picks exit codes."""

import errno
import gc
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from mlterm.core.errors import MltermError

if TYPE_CHECKING:
    from mlterm.session import Launch

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> NoReturn:
    """Run the command line and exit."""
    if sys.platform == "win32":
        print("mlterm needs Linux or macOS: it runs commands on Unix terminals.", file=sys.stderr)
        sys.exit(2)
    for fd in (0, 1, 2):  # a closed one would be taken by the next file that is opened
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, closefd=False)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # None, if it was closed
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # lest errors go to stdout
    if isinstance(sys.stdout, io.TextIOWrapper):  # as stderr: a locale may lack letters of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _leave(_start())
    except KeyboardInterrupt:
        os._exit(130)


def _start() -> int:
    launch = None
    if sys.argv[1:2] == ["run"]:
        # The supervisor of a run gets ready while click is imported and reads the options.
        from mlterm.session import Launch

        launch = Launch()
    return _run(launch)


def _run(launch: "Launch | None") -> int:
    gc.disable()  # imports leave no garbage; looking for it took a twentieth of a start
    import click

    from mlterm.cli.group import cli

    try:
        code = cli.main(standalone_mode=False, obj=launch)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except MltermError as error:
        return _tell(error)
    except OSError as error:
        print(f"Error: {_in_words(error)}", file=sys.stderr)
        return 1 if launch is None else 125
    return code if isinstance(code, int) else 0


def _tell(error: MltermError) -> int:
    from mlterm.core.clean import clean_text

    print("\n".join(clean_text(line) for line in f"Error: {error}".split("\n")), file=sys.stderr)
    return error.exit_code


def _in_words(error: OSError) -> str:
    """Of a file, with its name; what has none and finds no room is standard output."""
    if error.filename is None and error.errno in _NO_ROOM:
        return f"cannot write standard output: {error.strerror}"
    return str(error)


def _leave(code: int) -> NoReturn:
    """Exit without tearing the interpreter down, which takes 14 ms and nobody misses."""
    with suppress(OSError):
        try:
            sys.stdout.flush()
        except OSError as error:
            code = code or 1
            if not isinstance(error, BrokenPipeError):
                print(f"Error: {_in_words(error)}", file=sys.stderr)
        sys.stderr.flush()
    os._exit(code)
