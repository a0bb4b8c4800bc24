"""What a job costs, as whole runs are sampled from outside."""

import os
import re
import shutil
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest

from mlterm.sampling.rows import LISTED
from mlterm.system.processes import NO_PROC
from tests.support import MIB, Home, Run, wait_until
from tests.unit.test_format import problems, problems_of_sample

pytestmark = pytest.mark.linux

WAIT_FOR_GO = """
import os, time
def wait(name="go"):
    while not os.path.exists(name): time.sleep(0.01)
def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""


def roles(sample: dict[str, Any]) -> list[str]:
    return sorted(str(process["role"]) for process in sample["processes"])


def states(sample: dict[str, Any]) -> list[str]:
    return [process["state"] for process in sample["processes"]]


def sample_with(run: Run, *wanted: str) -> dict[str, Any]:
    """The first sample in which all these roles occur, waited for."""

    def found() -> dict[str, Any] | None:
        return next((s for s in run.samples if set(wanted) <= set(roles(s))), None)

    return dict(wait_until(found, f"a sample with {wanted}"))


def start(home: Home, code: str, *options: str, run_id: str = "r", **environ: str) -> Run:
    """A script in the background, sampled every 0.2 s."""
    words = ("run", "-d", "--project", "p", "--run-id", run_id, "--interval", "0.2", *options)
    script = home.script(WAIT_FOR_GO + code)
    home.mlterm(*words, "--", *script, env=home.environ | environ, check=True)
    return home.run("p", run_id)


def go(home: Home, name: str = "go") -> None:
    (home.path / name).touch()


def test_a_run_is_sampled_at_its_start_at_every_interval_and_at_its_end(home: Home) -> None:
    run = start(home, "spin(0.6); wait()")
    wait_until(lambda: len(run.samples) >= 6, "six samples")
    go(home)
    assert run.finish["status"] == "completed"
    first, *rest = run.samples
    assert first["interval_seconds"] is None
    assert first["job"]["cpu_percent"] is None
    assert [sample["interval_seconds"] is None for sample in rest] == [False] * len(rest)
    last = rest[-1]
    assert last["processes"] == []
    assert last["job"]["cpu_seconds"] >= 0.6
    assert run.finish["cpu_seconds"] == last["job"]["cpu_seconds"]
    assert run.finish["samples"] == len(run.samples)
    times = [sample["t"] for sample in run.samples]
    assert times == sorted(times)
    assert max(sample["job"]["cpu_percent"] or 0 for sample in rest) <= 100 * os.cpu_count()  # type: ignore[operator] # it is known on Linux


def test_unless_told_otherwise_it_is_sampled_at_once_and_then_each_second(home: Home) -> None:
    home.mlterm("run", "--", *home.script("import time; time.sleep(2.2)"), check=True)
    first, second, *_ = home.only_run().samples
    assert first["t"] < 1
    assert 0.9 <= second["interval_seconds"] < 1.9


def test_what_lives_and_dies_between_two_samples_is_counted(home: Home) -> None:
    run = start(
        home,
        """
import subprocess, sys
wait("begin")
for _ in range(4):
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 0.3: pass"])
wait()
""",
        "--interval",
        "1h",
    )
    wait_until(lambda: run.samples, "the first sample")
    go(home, "begin")
    go(home)
    assert run.finish["status"] == "completed"
    assert len(run.samples) == 2
    assert run.finish["cpu_seconds"] >= 4 * 0.3


def test_roles_tell_the_main_process_workers_and_ranks_in_sessions_of_their_own(home: Home) -> None:
    run = start(
        home,
        """
import multiprocessing, subprocess, sys
if os.environ.get("RANK"):
    multiprocessing.get_context("fork").Process(target=wait).start()
    wait()
else:
    ranks = []
    for rank in range(2):
        environ = dict(os.environ, RANK=str(rank), LOCAL_RANK=str(rank))
        words = [sys.executable, *sys.argv]
        ranks.append(subprocess.Popen(words, env=environ, start_new_session=True))
    for each in ranks: each.wait()
""",
    )
    sample = sample_with(run, "main", "rank 0", "rank 1", "rank 0 worker", "rank 1 worker")
    assert len(sample["processes"]) == 5
    by_role = {process["role"]: process for process in sample["processes"]}
    assert by_role["rank 1"]["rank"] == by_role["rank 1 worker"]["rank"] == 1
    assert by_role["rank 1 worker"]["ppid"] == by_role["rank 1"]["pid"]
    assert by_role["main"]["pid"] == run.start["pid"]
    go(home)
    assert run.finish["roles"]["rank 0 worker"]["most_processes"] == 1


def test_a_crowd_is_summed_up_by_role_though_not_all_are_listed(home: Home) -> None:
    workers = LISTED + 20
    run = start(
        home,
        f"""
for _ in range({workers}):
    if not os.fork(): wait(); os._exit(0)
wait()
""",
    )

    def of_all() -> dict[str, Any] | None:
        each = (s for s in run.samples if s.get("roles", {}).get("worker", {}))
        return next((s for s in each if s["roles"]["worker"]["processes"] == workers), None)

    sample = dict(wait_until(of_all, "a sample of all workers"))
    go(home)
    assert (len(sample["processes"]), sample["processes_left_out"]) == (LISTED, 21)
    assert problems_of_sample(sample) == []
    assert run.finish["roles"]["worker"]["most_processes"] == workers


def test_orphans_and_what_only_the_environment_marks_are_of_the_job(home: Home) -> None:
    run = start(
        home,
        """
middle = os.fork()
if not middle:
    if os.fork(): os._exit(0)
    os.setsid()
    wait(); os._exit(0)
os.waitpid(middle, 0)
wait()
""",
    )
    environ = home.environ | {"MLTERM_RUN_FILE": str(run.path)}
    code = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)"
    stranger = subprocess.Popen(
        [sys.executable, "-c", code], env=environ, cwd=home.path, start_new_session=True
    )
    wait_until(
        lambda: any(
            {process["pid"] for process in sample["processes"]} >= {run.start["pid"], stranger.pid}
            and len(sample["processes"]) == 3
            for sample in run.samples
        ),
        "the orphan and the stranger",
    )
    go(home)
    stranger.wait()
    assert run.finish["status"] == "completed"


def test_memory_is_counted_once_however_many_share_it(home: Home) -> None:
    run = start(
        home,
        f"""
data = bytearray(os.urandom({MIB}) * 64)
for _ in range(3):
    if not os.fork(): wait(); os._exit(0)
wait()
""",
    )
    wait_until(
        lambda: any(
            s["job"]["pss_bytes"] and s["job"]["processes"] == 4 for s in run.samples
        ),
        "PSS of four processes",
    )  # fmt: skip
    go(home)
    finish = run.finish
    assert finish["peak_memory_of"] == "pss"
    assert 64 * MIB < finish["peak_memory_bytes"] < 2 * 64 * MIB
    assert max(sample["job"]["rss_bytes"] for sample in run.samples) > 4 * 64 * MIB


def test_the_summary_at_the_end_tells_the_cost(home: Home) -> None:
    script = home.script(WAIT_FOR_GO + f"data = b'x' * {100 * MIB}; spin(0.5)")
    done = home.mlterm("run", "--interval", "0.1", "--", *script)
    (line,) = [each for each in done.stderr.decode().splitlines() if "peak memory" in each]
    assert re.fullmatch(r"\| peak memory \d+(\.\d)? MB · CPU \d+% mean", line)
    (listed,) = home.listed().values()
    assert listed["cost"]["peak_memory_bytes"] > 98 * MIB  # a last fiftieth may be missed


def test_a_killed_observer_is_followed_by_one_that_loses_only_what_it_could_not_see(
    home: Home,
) -> None:
    run = start(home, "spin(0.3); wait()")
    wait_until(lambda: len(run.samples) >= 3, "samples")
    observer = home.part("observer")
    os.kill(observer.pid, signal.SIGKILL)
    before = len(run.samples)
    wait_until(lambda: len(run.samples) >= before + 3, "samples of another")
    go(home)
    finish = run.finish
    assert finish["status"] == "completed"
    assert finish["cpu_seconds"] >= 0.3
    again = [s for s in run.samples[1:] if s["interval_seconds"] is None]
    assert len(again) == 1
    assert again[0]["job"]["cpu_percent"] is None
    assert not (run.folder / "mlterm-crash.log").exists()


def test_what_mlterm_itself_used_is_not_the_jobs(home: Home) -> None:
    run = start(home, "wait()")
    wait_until(lambda: len(run.samples) >= 3, "samples")
    observer = home.part("observer")
    wait_until(lambda: sum(observer.cpu_times()[:2]) >= 0.1, "some CPU time of the observer")
    os.kill(observer.pid, signal.SIGKILL)
    before = len(run.samples)
    wait_until(lambda: len(run.samples) >= before + 3, "samples of another")
    go(home)
    finish = run.finish
    command = run.samples[-2]["processes"][0]
    assert finish["cpu_seconds"] <= command["cpu_seconds"] + 0.05
    assert finish["written_bytes"] <= 8192


def test_a_stopped_observer_leaves_a_gap_and_no_spike(home: Home) -> None:
    run = start(home, "spin(0.2); wait('more'); spin(0.3); wait()")
    wait_until(lambda: len(run.samples) >= 4, "samples")
    observer = home.part("observer")
    observer.suspend()
    wait_until(lambda: observer.status() == "stopped", "the stop")
    seen = len(run.samples)
    go(home, "more")
    command = psutil.Process(run.start["pid"])
    wait_until(lambda: sum(command.cpu_times()[:2]) >= 0.5, "the work")
    observer.resume()
    wait_until(lambda: len(run.samples) >= seen + 3, "samples after the gap")
    go(home)
    assert run.finish["status"] == "completed"
    gap = max(run.samples[1:], key=lambda s: s["interval_seconds"] or 0)
    assert gap["interval_seconds"] > 0.3
    assert gap["job"]["cpu_percent"] <= 105
    spacing = [s["interval_seconds"] for s in run.samples[1:] if s is not gap]
    assert all(each is not None for each in spacing)


def test_a_job_that_is_stopped_is_told_as_such_and_uses_nothing(home: Home) -> None:
    run = start(home, "wait('more'); spin(0.3); wait()")
    wait_until(lambda: len(run.samples) >= 2, "samples")
    command = psutil.Process(run.start["pid"])
    command.suspend()
    stopped = dict(
        wait_until(
            lambda: next((s for s in run.samples if states(s) == ["T"]), None), "a stopped job"
        )
    )
    seen = len(run.samples)
    wait_until(lambda: len(run.samples) >= seen + 3, "samples of it")
    go(home, "more")
    command.resume()
    wait_until(lambda: sum(command.cpu_times()[:2]) >= 0.3, "its work")
    go(home)
    assert run.finish["status"] == "completed"
    after = [s for s in run.samples if s["t"] > stopped["t"]]
    assert [states(s) for s in after[:3]] == [["T"]] * 3
    assert {s["job"]["cpu_percent"] for s in after[:3]} == {0}
    assert run.finish["cpu_seconds"] >= 0.3


def test_a_run_that_is_gone_on_with_has_the_cost_of_its_last_part(home: Home) -> None:
    script = home.script(WAIT_FOR_GO + "spin(0.4)")
    named = ("--project", "p", "--run-id", "r", "--interval", "0.1")
    home.mlterm("run", *named, "--", *script, check=True)
    home.mlterm("run", *named, "--resume", "--", "true", check=True)
    first, last = home.run().of_type("finish")
    assert first["cpu_seconds"] >= 0.4
    assert last.get("cpu_seconds", 0) < 0.4


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--interval", "0"), "0 is not between 0.1 s and 1 h"),
        (("--interval", "-1"), "Not a duration: '-1'"),
        (("--interval", "nan"), "Not a duration: 'nan'"),
        (("--interval", "2d"), "2d is not between 0.1 s and 1 h"),
        (("--system-retention", "-5"), "Not a duration: '-5'"),
        (("--gpus", "7"), "'7' is not one of"),
    ],
)
def test_absurd_wishes_are_refused_and_nothing_is_started(
    home: Home, option: tuple[str, str], words: str
) -> None:
    done = home.mlterm("run", *option, "--", "touch", "started")
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert not (home.path / "started").exists()
    assert not home.logs.exists()


def test_the_cost_is_told_though_the_folder_has_been_removed(home: Home) -> None:
    run = start(home, f"wait('more'); data = b'x' * {100 * MIB}; spin(0.3); wait()")
    wait_until(lambda: run.samples, "a sample")
    shutil.rmtree(run.folder)
    go(home, "more")
    go(home)
    finish = run.finish
    assert finish["cpu_seconds"] >= 0.3
    assert finish["peak_memory_bytes"] > 100 * MIB


def test_the_sums_are_gone_on_with_though_no_file_can_be_made(home: Home) -> None:
    run = start(home, "wait('more'); spin(0.5); wait()")
    wait_until(lambda: run.samples, "a sample")
    shutil.rmtree(run.folder)
    killed = home.part("observer")
    killed.kill()
    wait_until(lambda: killed.pid not in {p.pid for p in home.parts("observer")}, "its end")
    home.part("observer")
    go(home, "more")
    go(home)
    assert run.finish["cpu_seconds"] >= 0.5


@pytest.mark.root
def test_where_proc_is_of_another_namespace_nothing_is_sampled_and_that_is_told(
    home: Home,
) -> None:
    script = home.script("import time; time.sleep(0.5)")
    apart = ["unshare", "--pid", "--fork"]  # without --mount-proc
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no PID namespace can be made here")
    done = subprocess.run(
        [*apart, *home.command("run", "--", *script)],
        cwd=home.path,
        env=home.environ,
        capture_output=True,
        check=True,
    )
    run = home.only_run()
    assert run.samples == []
    assert run.finish["not_sampled"] == NO_PROC
    assert problems(run.finish) == []
    (line,) = [each for each in done.stderr.decode().splitlines() if "not sampled" in each]
    assert line == f"| not sampled: {NO_PROC}"


def test_nothing_of_the_job_waits_for_a_sampler_that_is_stopped(home: Home) -> None:
    run = start(home, "wait(); print('done')")
    wait_until(lambda: run.samples, "a sample")
    observer = home.part("observer")
    observer.suspend()
    go(home)
    wait_until(lambda: run.output == b"done\n", "the output")
    assert run.finish["status"] == "completed"
    observer.resume()
