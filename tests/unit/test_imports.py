"""What a start of a job waits for: the modules that ``mlterm run`` imports on its way.

Each is here with its reason; another wants one, and a measurement. In processes of their
own, since this one has everything.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlterm.system.lock import take

CLIENT = ["mlterm.cli", "mlterm.cli.group", "mlterm.cli.run"]
DAEMON = ["mlterm.supervisor", "mlterm.provenance", "mlterm.guard", "mlterm.keeper"]
SHOWING = ["mlterm.cli.show", "mlterm.client"]

FOREIGN = {
    "mlterm": "this",
    "click": "the command line; the supervisor gets ready meanwhile",
    "orjson": "every record",
    "ptyprocess": "forks the command onto its terminal",
    "setproctitle": "ps must tell the keeper from the script",
}
NEVER = {
    "psutil": "30 ms: mlterm stop has it",
    "urwid": "180 ms: only an interface needs it",
    "pynvml": "asks the driver: only the observer may hang in it",
    "filelock": "55 ms: system/lock.py takes the same lock",
}
HEAVY = {
    "argparse", "asyncio", "concurrent", "cProfile", "ctypes", "csv", "decimal", "difflib", "dis",
    "email", "hashlib", "hmac", "html", "http", "importlib.metadata", "inspect", "ipaddress",
    "json", "logging", "multiprocessing", "numbers", "optparse", "pdb", "pickle", "pkgutil",
    "platform", "pprint", "queue", "random", "secrets", "shutil", "smtplib", "socket", "sqlite3",
    "ssl", "statistics", "subprocess", "tarfile", "tempfile", "tokenize", "tomllib", "traceback",
    "typing", "unittest", "urllib.request", "uuid", "xml", "zipfile", "zoneinfo",
}  # fmt: skip
"""Of the standard library: what costs a millisecond or more, or starts something."""
CLIENT_HEAVY = {
    "uuid": "click.types",
    "platform": "uuid",
    "inspect": "dataclasses and click.core",
    "dis": "inspect",
    "tokenize": "inspect, by way of linecache",
    "ipaddress": "urllib.parse, of pathlib up to Python 3.12",
    "typing": "types in the code",
}
DAEMON_HEAVY = {
    "inspect": "dataclasses",
    "dis": "inspect",
    "tokenize": "inspect, by way of linecache",
    "ipaddress": "urllib.parse, of pathlib up to Python 3.12",
    "typing": "types in the code",
    "socket": "the door through which clients come",
    "shutil": "ptyprocess looks for its program",
    "json": "core.argv reads lists and dicts among the flags; orjson",
    "uuid": "orjson writes them",
    "platform": "uuid",
}
SHOWING_HEAVY = {
    "socket": "to reach the keeper",
    "decimal": "core.durations: 700ms are 0.7 s; while the daemon starts the command",
    "numbers": "decimal",
    "json": "orjson",
}

SAY = """
import json, sys
from importlib import import_module
before = set(sys.modules)
for name in sys.argv[1:]:
    import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported(*modules: str) -> set[str]:
    """What these modules bring in, beyond what Python starts with."""
    done = subprocess.run(
        [sys.executable, "-c", SAY, *modules],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout))


STARTS = {
    "client": (CLIENT, CLIENT_HEAVY),
    "daemon": (DAEMON, DAEMON_HEAVY),
    "client, while the command starts": (
        [*CLIENT, *SHOWING],
        CLIENT_HEAVY | SHOWING_HEAVY,
    ),
}


@pytest.mark.parametrize(("modules", "heavy"), STARTS.values(), ids=STARTS)
def test_a_start_imports_what_it_needs_and_nothing_else(
    modules: list[str], heavy: dict[str, str]
) -> None:
    found = imported(*modules)
    tops = {name.partition(".")[0] for name in found}
    foreign = {top for top in tops if top not in sys.stdlib_module_names and top[0] != "_"}
    assert foreign <= set(FOREIGN)
    assert not tops & set(NEVER)
    assert found & HEAVY <= set(heavy)


@pytest.mark.linux
def test_a_short_command_does_not_wait_for_the_sampler_to_import_what_it_can_do_without() -> None:
    found = imported("mlterm.observer", "mlterm.sampling.thread")
    assert not {name.partition(".")[0] for name in found} & set(NEVER)


def test_the_end_of_a_run_imports_of_sampling_only_what_it_reads() -> None:
    found = {name for name in imported("mlterm.sampling.sums") if name.startswith("mlterm.samp")}
    assert found == {"mlterm.sampling", "mlterm.sampling.sums"}


TRACKER_HEAVY = {
    "typing": "types in the code",
    "inspect": "dataclasses; orjson",
    "dis": "inspect",
    "tokenize": "inspect, by way of linecache",
    "ipaddress": "urllib.parse, of pathlib up to Python 3.12",
    "json": "orjson; core.argv",
    "uuid": "orjson writes them",
    "platform": "uuid",
    "zoneinfo": "orjson",
    "random": "zoneinfo, by way of tempfile in some versions",
}
TRACKING = """
import json, sys
before = set(sys.modules)
from mlterm import Tracker
tracker = Tracker("p", "r")
for step in range(10):
    tracker.log(step=step, loss=0.5, odd=float("nan"))
tracker.log_hyperparameters({"lr": 0.1})
tracker.finish()
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("joins", [True, False])
def test_a_tracker_brings_nothing_into_the_training_that_it_does_not_need(
    joins: bool, tmp_path: Path
) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MLTERM_")}
    lock = None
    if joins:
        run = tmp_path / "q_s.jsonl"
        run.write_text('{"type":"run","schema":1,"supervised":true}\n')
        lock = take(run.with_name(run.name + ".lock"))
        context = {"PROJECT": "q", "RUN_ID": "s", "RUN_FILE": str(run)}
        environ |= {f"MLTERM_{name}": value for name, value in context.items()}
        (tmp_path / "q_s").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", TRACKING], cwd=tmp_path, env=environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    if lock is not None:
        os.close(lock)
    found = set(json.loads(done.stdout))
    assert done.stderr == ""
    tops = {name.partition(".")[0] for name in found}
    assert {top for top in tops if top not in sys.stdlib_module_names and top[0] != "_"} == {
        "mlterm",
        "orjson",
    }
    assert found & HEAVY <= set(TRACKER_HEAVY)
    if joins:
        assert "mlterm.provenance" not in found
        assert "mlterm.system.store" not in found


def test_mlterm_itself_imports_nothing_until_it_is_asked() -> None:
    assert imported("mlterm") <= {"mlterm", "typing"} | {
        name for name in imported("typing") if not name.startswith("mlterm")
    }


def test_the_daemon_does_not_import_the_command_line() -> None:
    found = imported(*DAEMON)
    assert "click" not in found
    assert not {name for name in found if name.startswith("mlterm.cli")}
    assert "mlterm.client" not in found


def test_the_client_does_not_import_the_supervisor() -> None:
    found = imported(*CLIENT)
    assert not found & {*DAEMON, "mlterm.observer", "mlterm.stopper", "ptyprocess", "orjson"}


def test_the_core_imports_nothing_of_the_machine() -> None:
    found = imported("mlterm.core.lifecycle", "mlterm.core.protocol", "mlterm.core.keys")
    assert not {name for name in found if name.startswith("mlterm.system")}
    assert not found & {"orjson", "socket", "subprocess", "signal"}


@pytest.mark.parametrize("module", ["observer", "stopper"])
def test_what_may_be_slow_is_imported_in_processes_of_its_own(module: str) -> None:
    assert f"mlterm.{module}" not in imported(*DAEMON, *CLIENT, *SHOWING)


def test_the_command_line_alone_imports_no_command() -> None:
    found = imported("mlterm.cli")
    assert "click" not in found
    assert {name for name in found if name.startswith("mlterm.cli.")} == set()


@pytest.mark.parametrize("words", [["run", "--", "true"], ["list-runs"], ["--help"]])
def test_windows_is_refused_with_one_line(words: list[str]) -> None:
    """Before anything is imported that Windows has not."""
    code = (
        "import sys; sys.platform = 'win32'; sys.modules['fcntl'] = sys.modules['termios'] = None\n"
        f"sys.argv[1:] = {words}\n"
        "from mlterm.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Linux or macOS" in done.stderr
