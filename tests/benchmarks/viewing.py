"""The view on a real terminal: its first frame, a long run, its cost at rest, and a flood."""

import fcntl
import os
import pty
import signal
import statistics
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from tests.benchmarks.harness import (
    MLTERM,
    PROJECT,
    RUN_ID,
    Corner,
    Row,
    figure,
    installed_script,
    interleave,
    ratio,
)
from tests.benchmarks.throughput import MEGABYTE

ROWS, COLUMNS = 40, 120
PATIENCE_SECONDS = 60.0
FIRST_FRAME = 1.5
RECORDS, RECORDS_SECONDS, LOOKS = 1_000_000, 3.0, 3
MEBIBYTES = 120.0
WATCHED_SECONDS = 20.0
AT_REST_PERCENT, AT_WORK_PERCENT = 2.0, 10.0
FLOOD_RATIO, KEYS, KEY_SECONDS = 1.05, 20, 0.1
_TICKS = os.sysconf("SC_CLK_TCK")
_BRAILLE = tuple(bytes([0xE2, 0xA0 + high]) for high in range(4))

TRAINING = """
for step in range(1, 2001):
    print(f"step {step} train/loss {2 / step:.4f} val/loss {3 / step:.4f} accuracy {step / 2000}")
print("READY", flush=True)
"""
SILENT = TRAINING + "import signal; signal.pause()\n"
BUSY = """
import time
for step in range(10**9):
    words = " ".join(f"metric{i} {(step % (37 + i)) / 7:.4f}" for i in range(10))
    print(f"step {step} {words}")
    bar = "#" * (step % 40)
    print(f"epoch 1: {step % 100:3d}%|{bar:<40}|", end="\\r", flush=True)
    time.sleep(0.1)
"""


def measure(corner: Corner, rounds: int, megabytes: int) -> list[Row]:
    """Every figure of the view; those of Linux's /proc only where there is one."""
    rows = [
        *_first_frames(corner, rounds),
    ]
    if sys.platform.startswith("linux"):
        rows += [*_long_run(corner), *_cpu(corner)]
    else:
        rows.append(Row("memory and CPU of the view", words="skipped: there is no /proc"))
    return [*rows, *_flood(corner, max(1, rounds // 3), megabytes)]


# --- A screen that somebody watches -------------------------------------------------------


class Screen:
    """A program on a PTY that a thread reads as fast as it can; a context manager that kills
    the program at its end."""

    def __init__(self, corner: Corner, command: Sequence[str]) -> None:
        self._emulator = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._emulator)
        self._fed = 0
        self._got = bytearray()
        self._news = threading.Condition()
        self._ended = False
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.chdir(corner.path)
            termios.tcsetwinsize(0, (ROWS, COLUMNS))
            os.execvpe(command[0], list(command), corner.environ | {"TERM": "xterm-256color"})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # EIO, at the end
            while data := os.read(self._fd, 65536):
                with self._news:
                    self._got += data
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def size(self) -> int:
        """How much has come."""
        return len(self._got)

    def wait(self, true: Callable[[bytes], bool], since: int = 0) -> float:
        """Wait until what has come since then is enough; when it was, by perf_counter."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._news:
            while not true(bytes(self._got[since:])):
                if self._ended or time.monotonic() > deadline:
                    raise RuntimeError(f"waited in vain; there was {self.text()!r}")
                self._news.wait(1.0)
        return time.perf_counter()

    def wait_end(self) -> float:
        """Wait for the program's end; how long it took in all."""
        self._reader.join(PATIENCE_SECONDS)
        if not self._ended:
            raise RuntimeError(f"the program does not end; there was {self.text()!r}")
        seconds = time.perf_counter() - self.began
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if status:
            raise RuntimeError(f"the program ended with {status}; there was {self.text()!r}")
        return seconds

    def lines(self) -> list[str]:
        """What stands on the screen."""
        with self._news:
            data, self._fed = bytes(self._got[self._fed :]), len(self._got)
        self._stream.feed(data)
        return list(self._emulator.display)

    def text(self) -> str:
        """The same, as one."""
        return "\n".join(self.lines())

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self._reader.join()  # the restorer lets go of the terminal too
        os.close(self._fd)


def mlterm() -> list[str]:
    """As people start it."""
    script = installed_script()
    return [str(script)] if script else MLTERM


def run_path(corner: Corner) -> Path:
    """The run that is looked at."""
    return corner.logs / f"{PROJECT}_{RUN_ID}.jsonl"


@contextmanager
def live_run(corner: Corner, code: str) -> Iterator[Path]:
    """A job that runs while the block does."""
    names = ["--project", PROJECT, "--run-id", RUN_ID, "--log-dir", str(corner.logs)]
    script = corner.path / "train.py"
    script.write_text(code)
    command = [*mlterm(), "run", "-d", *names, "--", sys.executable, str(script)]
    corner.finish(corner.start(command))
    yield run_path(corner)
    corner.finish(corner.start([*mlterm(), "stop", "--grace", "1", str(run_path(corner))]))
    corner.settle()


@contextmanager
def ended_run(corner: Corner) -> Iterator[Path]:
    """A run that has ended."""
    names = ["--project", PROJECT, "--run-id", RUN_ID, "--log-dir", str(corner.logs)]
    script = corner.path / "train.py"
    script.write_text(TRAINING)
    command = [*mlterm(), "run", "--plain", "-q", *names, "--", sys.executable, str(script)]
    corner.finish(corner.start(command))
    lock = run_path(corner).with_suffix(".jsonl.lock")
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # its supervisor may take a moment more
    yield run_path(corner)
    corner.settle()


# --- The first frame ----------------------------------------------------------------------


def _first_frames(corner: Corner, rounds: int) -> list[Row]:
    rows = []
    with ended_run(corner) as path:
        words = ["attach", str(path)]
        rows.append(first_frame(corner, rounds, "attach of an ended run", words, _has_chart))
        words = ["dashboard", "--log-dir", str(corner.logs)]
        rows.append(first_frame(corner, rounds, "the dashboard", words, _has_table))
    with live_run(corner, SILENT) as path:
        _await_summary(path, b'"val/loss"')
        words = ["attach", str(path)]
        rows.append(first_frame(corner, rounds, "attach of a live run", words, _has_chart))
    return rows


def _await_summary(path: Path, words: bytes) -> None:
    summary = path.with_suffix("") / "summary.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (summary.exists() and words in summary.read_bytes()):
        if time.monotonic() > deadline:
            raise TimeoutError("the run's summary does not come")
        time.sleep(0.05)


def first_frame(
    corner: Corner, rounds: int, what: str, words: Sequence[str], is_there: Callable[[bytes], bool]
) -> Row:
    """From the start of ``mlterm WORDS`` until that frame has come, against a Python that
    imports urwid and ends."""

    def ours() -> float:
        with Screen(corner, [*mlterm(), *words]) as screen:
            return screen.wait(is_there) - screen.began

    def urwid() -> float:
        with Screen(corner, [sys.executable, "-c", "import urwid"]) as screen:
            return screen.wait_end()

    taken = interleave({"ours": ours, "urwid": urwid}, rounds)
    return Row(
        f"first frame of {what}, time against import urwid",
        f"{statistics.median(taken['ours']) * 1000:.0f} ms",
        f"{statistics.median(taken['urwid']) * 1000:.0f} ms",
        ratio(taken["ours"], taken["urwid"]),
        target=FIRST_FRAME,
    )


def _has_chart(got: bytes) -> bool:
    return any(sign in got for sign in _BRAILLE)


def _has_table(got: bytes) -> bool:
    return b"completed" in got


# --- A long run ---------------------------------------------------------------------------


def write_records(path: Path, count: int) -> Path:
    """A run's file as somebody else has written it: nothing but metrics."""
    with path.open("w") as file:
        for begin in range(0, count, 10_000):
            file.writelines(
                f'{{"timestamp":"2026-11-24T07:00:00.{n % 10**6:06d}+00:00","type":"metrics",'
                f'"epoch":{n // 1000},"train_loss":{2 / (n + 1):.6f},'
                f'"test_loss":{3 / (n + 1) + n % 7 / 99:.6f},"accuracy":{1 - 1 / (n + 2):.6f},'
                f'"lr":{0.1 * 0.999999**n:.8f},"_step":{n}}}\n'
                for n in range(begin, min(count, begin + 10_000))
            )
        file.write(
            '{"timestamp":"2026-11-24T08:00:00.000000+00:00","type":"metrics","epoch":9999,'
            f'"train_loss":0.87654,"test_loss":0.5,"accuracy":1,"lr":0.1,"_step":{count}}}\n'
        )
    return path


def _long_run(corner: Corner) -> list[Row]:
    path = write_records(corner.path / "long.jsonl", RECORDS - 1)
    each = [_read_whole(corner, path) for _ in range(LOOKS)]
    path.unlink()
    first, complete, used, peak, now = map(statistics.median, zip(*each, strict=True))
    return [
        figure("a bare file of a million records, complete", complete, RECORDS_SECONDS, "s"),
        Row("  of which until its first chart", f"{first:.2f} s"),
        Row("  of which CPU", f"{used:.2f} s"),
        figure("  peak resident memory with it open", peak, MEBIBYTES, "MiB"),
        figure("  resident memory with it open", now, MEBIBYTES, "MiB"),
    ]


def _read_whole(corner: Corner, path: Path) -> tuple[float, ...]:
    """Seconds to the first chart, to the last value, of CPU; memory at its peak and now."""
    with Screen(corner, [*mlterm(), "attach", str(path)]) as screen:
        first = screen.wait(_has_chart) - screen.began
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "0.87654" not in (text := screen.text()) or "reading" in text:
            if time.monotonic() > deadline:
                raise RuntimeError(f"a million records are not read; there was {text!r}")
            seen = screen.size
            with suppress(RuntimeError):
                screen.wait(bool, seen)
        complete = time.perf_counter() - screen.began
        return first, complete, cpu_seconds(screen.pid), *memory_of(screen.pid)


def memory_of(pid: int) -> tuple[float, ...]:
    """VmHWM and VmRSS in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS"))


# --- What looking costs -------------------------------------------------------------------


def _cpu(corner: Corner) -> list[Row]:
    rows = []
    with ended_run(corner) as path:
        rows.append(_share(corner, path, "an ended run, at rest", AT_REST_PERCENT))
    with live_run(corner, SILENT) as path:
        _await_summary(path, b'"val/loss"')
        rows.append(_share(corner, path, "a live run that is silent", AT_REST_PERCENT))
    with live_run(corner, BUSY) as path:
        _await_summary(path, b'"metric9"')
        rows.append(_share(corner, path, "ten metrics at 10 Hz and a bar", AT_WORK_PERCENT))
    return rows


def _share(corner: Corner, path: Path, what: str, target: float) -> Row:
    with Screen(corner, [*mlterm(), "attach", str(path)]) as screen:
        screen.wait(_has_chart)
        time.sleep(2.0)
        begin, seconds = time.monotonic(), cpu_seconds(screen.pid)
        time.sleep(WATCHED_SECONDS)
        share = (cpu_seconds(screen.pid) - seconds) / (time.monotonic() - begin)
    return figure(f"CPU of the view of {what}", 100 * share, target, "%")


def cpu_seconds(pid: int) -> float:
    """That a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


# --- A flood ------------------------------------------------------------------------------


def _flood(corner: Corner, rounds: int, megabytes: int) -> list[Row]:
    file = corner.path / "lines"
    with file.open("wb") as out:
        for begin in range(0, 10**9, 10_000):
            lines = (f"line {n:9d}  loss {1 / (n + 1):.6f}\n" for n in range(begin, begin + 10_000))
            out.write("".join(lines).encode())
            if out.tell() >= megabytes * MEGABYTE:
                break
    names = ["--project", PROJECT, "--run-id", RUN_ID, "--log-dir", str(corner.logs)]
    job = [*names, "--", "cat", str(file)]

    def taken_by(*options: str) -> Callable[[], float]:
        def take() -> float:
            with Screen(corner, [*mlterm(), "run", "-q", *options, *job]) as screen:
                screen.wait_end()
            seconds = _duration(run_path(corner))
            corner.settle()
            return seconds

        return take

    taken = interleave({"view": taken_by(), "plain": taken_by("--plain")}, rounds)
    size = file.stat().st_size / MEGABYTE
    row = Row(
        f"{size:.0f} MB of lines in the view, the job's time against --plain",
        f"{size / statistics.median(taken['view']):.0f} MB/s",
        f"{size / statistics.median(taken['plain']):.0f} MB/s",
        ratio(taken["view"], taken["plain"]),
        target=FLOOD_RATIO,
    )
    return [row, *_keys_in_flood(corner, file)]


def _duration(path: Path) -> float:
    """The job's own, as its record has it."""
    import orjson

    lock = path.with_suffix(".jsonl.lock")
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    finish = orjson.loads(path.read_bytes().splitlines()[-1])
    return float(finish["duration_seconds"])


def _keys_in_flood(corner: Corner, file: Path) -> list[Row]:
    """Half the keys go to a tab without the output, the others back to it."""
    names = ["--project", PROJECT, "--run-id", RUN_ID, "--log-dir", str(corner.logs)]
    stop = corner.path / "stop"
    again = f"while [ ! -e {stop} ]; do cat {file}; done; echo; echo THE END; read word"
    words = ["run", "-q", *names, "--", "sh", "-c", again]
    times = []
    with Screen(corner, [*mlterm(), *words]) as screen:
        screen.wait(lambda got: b"loss" in got)
        for number in range(KEYS):
            time.sleep(0.3 + 0.037 * (number % 7))
            key, sign = ("5", b"5 Output") if number % 2 == 0 else ("2", b"2 Metrics")
            seen = screen.size
            begin = time.perf_counter()
            screen.send(key)
            times.append(screen.wait(_with_accent(sign), seen) - begin)
        stop.touch()
        screen.send("5")
        with suppress(RuntimeError):
            screen.wait(lambda got: b"THE END" in got)
        time.sleep(0.5)
        lines = [line.rstrip() for line in screen.lines()]
        is_right = _ends_right(lines, file)
        screen.send("i")
        screen.wait(lambda got: b"typing into" in got)
        screen.send("\r")
        screen.wait_end()
    stop.unlink()
    corner.settle()
    return [
        figure("  a key's answer while it floods, median", 1000 * statistics.median(times),
                1000 * KEY_SECONDS, "ms"),
        figure(f"  the longest of {KEYS}", 1000 * max(times), 1000 * KEY_SECONDS, "ms"),
        Row("  the last screen", words="right" if is_right else "WRONG"),
    ]  # fmt: skip


def _with_accent(sign: bytes) -> Callable[[bytes], bool]:
    """The line of tabs is drawn anew, with that tab."""
    return lambda got: sign in got


def _ends_right(lines: list[str], file: Path) -> bool:
    """The end of the file stands above the last words."""
    if "THE END" not in lines:
        return False
    at = lines.index("THE END")
    with file.open("rb") as end:
        end.seek(-4096, os.SEEK_END)
        last = end.read().decode().splitlines()[-10:]
    return lines[at - 11 : at] == [*last, ""]
