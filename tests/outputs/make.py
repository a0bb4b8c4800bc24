"""`python -m tests.outputs.make NAME…`: run scripts of this folder, keep what they print.

Each script is run twice, on a terminal of 100x30 (no output processing, as mlterm gives it
to a command) and into a pipe. What it printed becomes samples/NAME.tty.log and
NAME.pipe.log, what it said through truth.py becomes the .jsonl beside each.
"""

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
SIZE = (30, 100)
LONGEST_SECONDS = 900


def main() -> int:
    """Run what is named; 1 where a script failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.outputs.make", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--python", default=sys.executable, help="one that has the framework")
    parser.add_argument("--only", choices=("tty", "pipe"), help="one of the two")
    options = parser.parse_args()
    worst = 0
    for name in options.names:
        script = HERE / "scripts" / f"{name}.py"
        for way, run in (("tty", on_terminal), ("pipe", into_pipe)):
            if options.only in (None, way):
                worst |= bool(keep(name, way, run, [options.python, str(script)]))
    return worst


def keep(name, way, run, command) -> int:  # type: ignore[no-untyped-def] # four words, one use
    """Run a command in an empty folder; keep its output and its truth."""
    truth = HERE / "samples" / f"{name}.{way}.jsonl"
    truth.unlink(missing_ok=True)
    environ = dict(os.environ) | {
        "OUTPUT_TRUTH": str(truth),
        "PYTHONPATH": str(HERE),
        "TERM": "xterm-256color",
        "PYTHONUNBUFFERED": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        output, code = run(command, folder, environ)
    (HERE / "samples" / f"{name}.{way}.log").write_bytes(output)
    print(f"{name}.{way}: exit {code}, {len(output)} bytes, truth: {truth.exists()}")
    return code


def on_terminal(command: list[str], folder: str, environ: dict[str, str]) -> tuple[bytes, int]:
    """On a pseudo-terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environ,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    chunks = []
    with suppress(OSError):  # EIO: the last that held it has ended
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
    os.close(master)
    return b"".join(chunks), process.wait(LONGEST_SECONDS)


def into_pipe(command: list[str], folder: str, environ: dict[str, str]) -> tuple[bytes, int]:
    """stdout and stderr into one pipe."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=folder, env=environ, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    return done.stdout, done.returncode


if __name__ == "__main__":
    sys.exit(main())
