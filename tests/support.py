"""What whole-program tests share: mlterm in a folder of its own, terminals, waiting."""

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from textwrap import dedent
from typing import IO, Any

import psutil
import pyte

from tests.template import COMMANDS, Template

PATIENCE = 30.0
MIB = 1024 * 1024
MLTERM = [sys.executable, "-m", "mlterm"]
REPOSITORY = Path(__file__).parent.parent


def wait_until(
    true: Callable[[], Any], what: str = "the condition", seconds: float = PATIENCE
) -> Any:
    """Wait for a condition; its value. Fails the test where it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        select.select([], [], [], 0.01)
    return value


def differing(got: bytes, wanted: bytes) -> str:
    """Where two long outputs part, in words; empty where they are the same."""
    if got == wanted:
        return ""
    pairs = enumerate(zip(got, wanted, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(got), len(wanted)))
    near = slice(max(0, at - 30), at + 30)
    return f"{len(got)} bytes, not {len(wanted)}; at {at}: {got[near]!r}, not {wanted[near]!r}"


def stream(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe of a process that was started with it."""
    assert pipe is not None
    return pipe


@contextmanager
def started(command: list[str], home: "Home") -> Iterator[subprocess.Popen[bytes]]:
    """A program that goes on while the test does; killed at the block's end if it still is."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    null = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=home.path, env=home.environ, stdin=null, **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@dataclass
class Run:
    """A run's files, read as any reader would."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path.with_suffix("")

    @property
    def records(self) -> list[dict[str, Any]]:
        text = self.path.read_text() if self.path.exists() else ""
        *lines, _ = text.split("\n")  # a last one without its end is just being written
        return [json.loads(line) for line in lines]

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Of system.jsonl; none, as long as nothing was sampled."""
        path = self.folder / "system.jsonl"
        *lines, _ = (path.read_text() if path.exists() else "").split("\n")
        return [json.loads(line) for line in lines]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["type"] == kind]

    @property
    def start(self) -> dict[str, Any]:
        return self.of_type("run")[0]

    @property
    def finish(self) -> dict[str, Any]:
        """The finish record, waited for."""
        return wait_until(lambda: self.of_type("finish"), f"the finish of {self.path.name}")[-1]

    @property
    def output(self) -> bytes:
        """Nothing, as long as the run has not begun."""
        path = self.folder / "output.log"
        return path.read_bytes() if path.exists() else b""


@dataclass
class Home:
    """A person's own corner: folders, environment, and every process started from there."""

    path: Path
    environ: dict[str, str]
    template: Template
    terminals: list["Terminal"] = field(default_factory=list)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def command(self, *args: str | os.PathLike[str]) -> list[str]:
        return [*MLTERM, *(os.fspath(arg) for arg in args)]

    def mlterm(
        self, *args: str | os.PathLike[str], check: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run mlterm to its end, stdin /dev/null and output captured unless said otherwise."""
        if not options and args and args[0] in COMMANDS:
            return self._forked(list(map(os.fspath, args)), check=check)
        options = {
            "stdin": None if "input" in options else subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": self.path,
            "env": self.environ,
            "timeout": PATIENCE,
        } | options
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(self.command(*args), check=False, **options)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def _forked(self, words: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        """The same, without waiting for its imports."""
        with open(os.devnull, "rb") as null, TemporaryFile() as out, TemporaryFile() as error:
            streams = [file.fileno() for file in (null, out, error)]
            where = str(self.path)
            code = self.template.run(words, streams, where, self.environ, PATIENCE)
            texts = [os.pread(fd, os.fstat(fd).st_size, 0) for fd in streams[1:]]
        assert not check or code == 0, texts[1]
        return subprocess.CompletedProcess(self.command(*words), code, *texts)

    def script(self, code: str, name: str = "train.py") -> list[str]:
        """A script in this corner, as the words that run it."""
        path = self.path / name
        path.write_text(dedent(code))
        return [sys.executable, str(path)]

    def python(
        self, code: str, *args: str, name: str = "train.py", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        settings: dict[str, Any] = {"cwd": self.path, "env": self.environ, "timeout": PATIENCE}
        settings |= {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        words = [*self.script(code, name), *args]
        return subprocess.run(words, check=False, **{**settings, **options})

    def listed(self) -> dict[str, dict[str, Any]]:
        """What list-runs --json says, by project/run_id."""
        lines = self.mlterm("list-runs", "--json", check=True).stdout.splitlines()
        runs = [json.loads(line) for line in lines]
        return {f"{run['project']}/{run['run_id']}": run for run in runs}

    def start(self, *args: str | os.PathLike[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start mlterm and go on."""
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": self.path,
            "env": self.environ,
        } | options
        return subprocess.Popen(self.command(*args), **options)

    def terminal(
        self, *args: str | os.PathLike[str], rows: int = 24, columns: int = 80
    ) -> "Terminal":
        """mlterm on a real terminal."""
        terminal = Terminal(self.command(*args), self.path, self.environ, rows, columns)
        self.terminals.append(terminal)
        return terminal

    def detached(self, *command: str | os.PathLike[str], run_id: str = "r") -> Run:
        """Start ``command`` with run -d as project p, run r; the run."""
        self.mlterm("run", "-d", "--project", "p", "--run-id", run_id, "--", *command, check=True)
        return self.run("p", run_id)

    def run(self, project: str = "p", run_id: str = "r") -> Run:
        return Run(self.logs / f"{project}_{run_id}.jsonl")

    def only_run(self) -> Run:
        (path,) = self.logs.glob("*.jsonl")
        return Run(path)

    def parts(self, part: str) -> list[psutil.Process]:
        """The live guard, keeper, observer, client, stop processes of this corner."""
        return [p for p in self._processes() if _title(p).startswith(f"mlterm {part} ")]

    def part(self, part: str) -> psutil.Process:
        return wait_until(lambda: self.parts(part), f"a live {part}")[0]

    def _processes(self) -> Iterator[psutil.Process]:
        """Everything whose environment names this corner's runtime folder."""
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("HOME") == str(self.path):
                    yield process

    def clear(self) -> None:
        """Kill everything that was started from here."""
        for terminal in self.terminals:
            terminal.close()
        for _ in range(3):
            for process in self._processes():
                with suppress(psutil.Error):
                    process.kill()


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class Disk:
    """A small file system of its own for the log folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, size: int) -> None:
        self.folder.mkdir()
        self._call("mount", "-t", "tmpfs", "-o", f"size={size}", "mlterm-test", str(self.folder))

    def grow(self) -> None:
        """Make room, as somebody does who deletes other files."""
        self._call("mount", "-o", f"remount,size={64 * MIB}", str(self.folder))

    def unmount(self) -> None:
        self._call("umount", "-l", str(self.folder))

    def fill(self) -> None:
        """Leave not one byte."""
        with (self.folder / "others").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def _call(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)


class Terminal:
    """A program on a real PTY, its screen read through an emulator."""

    def __init__(
        self, command: list[str], cwd: Path, environ: dict[str, str], rows: int, columns: int
    ) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(cwd)
            termios.tcsetwinsize(0, (rows, columns))
            os.execvpe(command[0], command, environ)
        self.raw = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.status: int | None = None
        os.set_blocking(self.fd, False)

    def read(self) -> bool:
        """Take in what has come; False at the end."""
        try:
            while data := os.read(self.fd, 65536):
                self.raw += data
                self._stream.feed(data)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        return False

    def expect(self, text: str | bytes, seconds: float = PATIENCE) -> None:
        """Wait until ``text`` has been printed, since the start or the last expectation."""
        wanted = text.encode() if isinstance(text, str) else text

        def there() -> bool:
            self.read()
            return wanted in self.raw

        try:
            wait_until(there, repr(wanted), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; there was: {self.raw[-2000:]!r}") from None
        self.raw = self.raw[self.raw.index(wanted) + len(wanted) :]

    def send(self, keys: str | bytes) -> None:
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, rows: int, columns: int) -> None:
        termios.tcsetwinsize(self.fd, (rows, columns))
        self.screen.resize(rows, columns)

    def settings(self) -> list[Any]:
        """The terminal's termios settings."""
        return termios.tcgetattr(self.fd)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code as a shell reports it."""

        def ended() -> bool:
            self.read()
            if self.status is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.status = status if pid else None
            return self.status is not None

        wait_until(ended, f"the end of the program; it printed {self.raw[-500:]!r}", seconds)
        self.read()
        assert self.status is not None
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        with suppress(OSError):
            os.close(self.fd)
