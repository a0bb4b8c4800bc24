import json
from typing import Any

import pytest

from mlterm.core.cost import MOST_ROLES, OTHER, Cost, by_role, words_of
from mlterm.core.sizes import format_bytes, format_figure, format_share
from mlterm.core.summary import COST_FIELDS

GB = 1024**3


def sample(interval: float | None = 1.0, **job: Any) -> dict[str, Any]:
    return {
        "interval_seconds": interval,
        "job": {"cpu_percent": None, "rss_bytes": 0, "pss_bytes": None, **job},
        "processes": [],
    }


def process(role: str | None, **fields: Any) -> dict[str, Any]:
    usual = {"cpu_percent": 10.0, "rss_bytes": 100, "pss_bytes": None}
    return {"role": role, **usual, **fields}


def device(**fields: Any) -> dict[str, Any]:
    return {"index": 0, "uuid": "GPU-a", "name": "A100", "memory_total_bytes": 80 * GB, **fields}


def cost_of(*samples: dict[str, Any]) -> dict[str, Any]:
    cost = Cost()
    for each in samples:
        cost.add(each)
    return cost.finish_fields()


def test_the_mean_is_over_time_and_the_peak_over_samples() -> None:
    fields = cost_of(
        sample(None, cpu_seconds=0),
        sample(1.0, cpu_percent=300.0, cpu_seconds=3),
        sample(9.0, cpu_percent=100.0, cpu_seconds=12),
    )
    assert fields["mean_cpu_percent"] == 120.0
    assert fields["peak_cpu_percent"] == 300.0
    assert fields["cpu_seconds"] == 12
    assert fields["samples"] == 3


def test_what_is_found_late_is_in_the_mean_though_in_no_rate() -> None:
    fields = cost_of(
        sample(None, cpu_seconds=1),
        sample(5.0, cpu_percent=0.0, cpu_seconds=1),
        sample(1.0, cpu_percent=200.0, cpu_seconds=11),  # of two cores, their processes reaped
        sample(None, cpu_seconds=90),  # another observer's first
    )
    assert fields["mean_cpu_percent"] == pytest.approx(100 * 10 / 6, abs=0.01)
    assert fields["peak_cpu_percent"] == 200.0


def test_after_too_short_a_time_there_is_no_mean() -> None:
    fields = cost_of(sample(None, cpu_seconds=0), sample(0.004, cpu_seconds=0.01))
    assert "mean_cpu_percent" not in fields


def test_where_no_process_was_met_alive_there_is_no_memory_to_tell() -> None:
    fields = cost_of(sample(rss_bytes=0, pss_bytes=0))
    assert "peak_memory_bytes" not in fields
    assert "peak_memory_of" not in fields
    assert words_of(fields) == ""


def test_a_pss_of_the_beginning_is_no_peak_where_it_was_not_readable_later() -> None:
    fields = cost_of(
        sample(rss_bytes=10, pss_bytes=5), sample(rss_bytes=900), sample(rss_bytes=20, pss_bytes=9)
    )
    assert (fields["peak_memory_bytes"], fields["peak_memory_of"]) == (900, "rss")


def test_the_peak_is_of_pss_where_it_was_read_and_says_so() -> None:
    both = cost_of(sample(rss_bytes=870), sample(rss_bytes=800, pss_bytes=500))
    assert (both["peak_memory_bytes"], both["peak_memory_of"]) == (500, "pss")
    rss = cost_of(sample(rss_bytes=900), sample(rss_bytes=800))
    assert (rss["peak_memory_bytes"], rss["peak_memory_of"]) == (900, "rss")


def test_the_limits_are_the_last_and_the_tightest() -> None:
    first = sample() | {"cgroup": {"memory_limit_bytes": 9, "cpu_limit_cores": 4.0, "cpus": 2}}
    assert cost_of(first)["cpu_limit_cores"] == 2
    last = sample() | {"cgroup": {"memory_limit_bytes": 5, "cpu_limit_cores": None}}
    fields = cost_of(first, last, sample())
    assert (fields["memory_limit_bytes"], fields.get("cpu_limit_cores")) == (5, None)


def test_roles_are_summed_over_their_processes() -> None:
    first = sample() | {
        "processes": [
            process(
                "main", gpus=[{"index": 0, "memory_bytes": 7}, {"index": 1, "memory_bytes": 2}]
            ),
            process("worker"),
            process("worker", pss_bytes=40),
            process(None),
        ]
    }
    second = sample() | {"processes": [process("worker", cpu_percent=50.0, pss_bytes=30)]}
    roles = cost_of(first, second)["roles"]
    assert roles["worker"] == {
        "most_processes": 2, "mean_cpu_percent": 35.0, "peak_cpu_percent": 50.0,
        "peak_rss_bytes": 200, "peak_pss_bytes": 30,
    }  # fmt: skip
    assert roles["main"]["peak_gpu_memory_bytes"] == 9
    assert set(roles) == {"main", "worker"}


def test_roles_are_of_all_processes_where_the_list_is_not() -> None:
    crowd = [process("worker", rss_bytes=10) for _ in range(150)]
    listed = sample() | {"processes": crowd[:100], "roles": by_role(crowd)}
    worker = cost_of(listed)["roles"]["worker"]
    assert (worker["most_processes"], worker["peak_rss_bytes"]) == (150, 1500)


def test_memory_of_a_gpu_that_one_process_hides_is_not_summed() -> None:
    hidden = [{"index": 0, "memory_bytes": 7}, {"index": 1, "memory_bytes": None}]
    roles = cost_of(sample() | {"processes": [process("main", gpus=hidden)]})["roles"]
    assert "peak_gpu_memory_bytes" not in roles["main"]


def test_roles_without_end_are_one() -> None:
    cost = Cost()
    for number in range(1000):
        cost.add(sample() | {"processes": [process(f"job {number}")]})
    roles = cost.finish_fields()["roles"]
    assert len(roles) == MOST_ROLES + 1
    assert roles[OTHER]["most_processes"] == 1


def test_a_device_has_its_means_its_peaks_and_its_energy() -> None:
    fields = cost_of(
        sample()
        | {"gpus": [device(utilization_percent=100, memory_used_bytes=5, power_watts=None)]},
        sample()
        | {
            "gpus": [
                device(utilization_percent=None, memory_used_bytes=None, energy_joules=1.8e6),
                device(uuid="GPU-b", index=1, utilization_percent=0, energy_joules=0.0),
            ]
        },
        sample() | {"gpus": [device(utilization_percent=40, memory_used_bytes=9)]},
    )
    one, two = fields["gpus"]
    assert one["mean_utilization_percent"] == 70.0
    assert one["peak_memory_used_bytes"] == 9
    assert "mean_power_watts" not in one
    assert two["mean_utilization_percent"] == 0.0  # read, and 0
    assert fields["energy_kwh"] == 0.5


def test_what_was_not_measured_is_left_out() -> None:
    assert cost_of() == {"samples": 0}
    assert set(cost_of(sample(None))) <= set(COST_FIELDS)
    assert "energy_kwh" not in cost_of(sample())


def test_a_cost_goes_on_from_what_was_kept_exactly() -> None:
    samples = [
        sample(None, rss_bytes=5)
        | {"processes": [process("main")], "gpus": [device(power_watts=3)]},
        sample(2.0, cpu_percent=50.0, pss_bytes=4) | {"cgroup": {"memory_limit_bytes": 77}},
        sample(1.0, cpu_percent=10.0) | {"gpus": [device(energy_joules=5.0, power_watts=9)]},
    ]
    for cut in range(len(samples) + 1):
        cost = Cost()
        for each in samples[:cut]:
            cost.add(each)
        cost = Cost.from_json(json.loads(json.dumps(cost.as_json())))
        for each in samples[cut:]:
            cost.add(each)
        assert cost.finish_fields() == cost_of(*samples)
    assert cost.energies() == {"GPU-a": 5.0}


@pytest.mark.parametrize("data", [{}, {"samples": 1}, {"samples": 1, "job": 3}])
def test_what_is_no_cost_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no cost"):
        Cost.from_json(data)


def test_its_size_does_not_grow_with_the_run() -> None:
    cost = Cost()
    sizes = set()
    for n in range(3000):
        cost.add(
            sample(cpu_percent=50.0, rss_bytes=10**9)
            | {"processes": [process(f"rank {n % 4}")], "gpus": [device(utilization_percent=50)]}
        )
        if n > 10 and n % 500 == 0:
            sizes.add(len(json.dumps(cost.as_json())) // 100)
    assert len(sizes) == 1


MANY, ONE = {"most_processes": 2}, {"most_processes": 1}
SIX = " · ".join([*(f"GPU{i} not readable" for i in range(4)), "2 more GPUs"])

# --- In words -------------------------------------------------------------------------------


def test_the_line_for_a_person() -> None:
    gpu = {
        "index": 0, "mean_utilization_percent": 71.2, "peak_memory_used_bytes": 14.2 * GB,
        "memory_total_bytes": 80 * GB,
    }  # fmt: skip
    finish = {
        "peak_memory_bytes": int(3.1 * GB), "peak_memory_of": "pss", "mean_cpu_percent": 187.4,
        "gpus": [gpu], "energy_kwh": 0.42,
    }  # fmt: skip
    assert words_of(finish) == (
        "peak memory 3.1 GB · CPU 187% mean · GPU0 71% mean, 14.2/80 GB peak · 0.42 kWh"
    )


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ({}, ""),
        ({"not_sampled": "why not"}, "not sampled: why not"),
        ({"peak_memory_bytes": 5 * GB, "memory_limit_bytes": 8 * GB}, "peak memory 5/8 GB"),
        (
            {"peak_memory_bytes": 5, "peak_memory_of": "rss", "roles": {"a": MANY}},
            "peak memory 5 B, shared pages counted more than once",
        ),
        (
            {"peak_memory_bytes": 5, "peak_memory_of": "rss", "roles": {"a": ONE}},
            "peak memory 5 B",
        ),
        ({"mean_cpu_percent": 187.0, "cpu_limit_cores": 4}, "CPU 187% of 400% mean"),
        ({"gpus": [{"index": 1}]}, "GPU1 not readable"),
        ({"gpus": [{"index": 1, "mig": 2, "mean_utilization_percent": 0}]}, "GPU1.2 0% mean"),
        ({"gpus": [{"index": i} for i in range(6)]}, SIX),
        ({"energy_kwh": 0.000001}, "0.001 Wh"),
        ({"energy_kwh": 0.00001234}, "0.012 Wh"),
        ({"energy_kwh": 0.0042}, "0.0042 kWh"),
        ({"energy_kwh": 0}, "0 kWh"),
        ({"energy_kwh": 12.34}, "12.3 kWh"),
        ({"gpus": "x", "roles": 3, "peak_memory_bytes": "y", "energy_kwh": None}, ""),
    ],
)  # fmt: skip
def test_odd_costs_in_words(finish: dict[str, Any], words: str) -> None:
    assert words_of(finish) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.98 KB"), (1536, "1.5 KB"), (1024**2, "1 MB"),
     (999.4 * GB, "999 GB"), (999.6 * GB, "0.98 TB"), (5000 * 1024**5, "5000 PB")],
)  # fmt: skip
def test_bytes_have_three_digits(count: float, words: str) -> None:
    assert format_bytes(count) == words


def test_a_share_has_one_unit() -> None:
    assert format_share(0.3 * GB, 80 * GB) == "0.3/80 GB"


def test_figures_have_no_zeros_at_their_end() -> None:
    assert [format_figure(x) for x in (80.0, 14.2, 9.996, 99.95, 0.4)] == [
        "80", "14.2", "10", "100", "0.4",
    ]  # fmt: skip
