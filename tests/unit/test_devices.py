"""Which GPUs a run is shown, from what CUDA and the driver say."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.devices import Device, attribution_problem, shown

FOUR = [Device(index, f"GPU-{index}abc", "H100") for index in range(4)]
UNLIKE = [*FOUR[:3], Device(3, "GPU-3abc", "RTX 4090")]
PARTS = [
    Device(0, "GPU-0abc", "A100"),
    Device(0, "MIG-00", "A100 MIG", 0),
    Device(0, "MIG-01", "A100 MIG", 1),
    Device(1, "GPU-1abc", "A100"),
    Device(1, "MIG-10", "A100 MIG", 2),
]


def places(devices: list[Device], **said: Any) -> list[Any]:
    """The indexes that are shown; (index, instance) of instances."""
    rules: dict[str, Any] = {
        "selection": "auto", "visible": None, "order": None, "used": (), "attributed": True,
    } | said  # fmt: skip
    found = shown(devices, **rules)
    return [d.index if d.mig is None else (d.index, d.mig) for d in found]


def test_without_a_variable_those_are_shown_that_the_job_uses() -> None:
    assert places(FOUR) == []
    assert places(FOUR, used={"GPU-2abc"}) == [2]


def test_without_a_variable_and_without_attribution_all_are() -> None:
    assert places(FOUR, attributed=False) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [
        ("0,2", [0, 2]),
        ("2,0", [0, 2]),
        (" 1 , 3 ", [1, 3]),
        ("1", [1]),
        ("", []),
        ("-1", []),
        ("0,2,-1,1", [0, 2]),
        ("0,7,1", [0]),
        ("NoDevFiles", []),
        ("1,nonsense,2", [1]),
        ("1gpu,2", [1, 2]),
        ("GPU-2abc", [2]),
        ("GPU-3,GPU-1", [1, 3]),
        ("GPU-", []),
        ("GPU-1,GPU-9,GPU-2", [1]),
        ("GPU-1,0", [0, 1]),
    ],
)
@pytest.mark.parametrize("attributed", [True, False])
def test_the_variable_names_devices_until_the_first_entry_that_names_none(
    visible: str, wanted: list[int], attributed: bool
) -> None:
    assert places(FOUR, visible=visible, attributed=attributed) == wanted


def test_what_is_used_is_shown_besides() -> None:
    assert places(FOUR, visible="0", used={"GPU-3abc"}) == [0, 3]
    assert places(FOUR, visible="", used={"GPU-3abc"}) == [3]


def test_numbers_tell_nothing_where_cuda_may_have_sorted_unlike_devices() -> None:
    assert places(UNLIKE, visible="0") == []
    assert places(UNLIKE, visible="0", used={"GPU-1abc"}) == [1]
    assert places(UNLIKE, visible="0", attributed=False) == [0, 1, 2, 3]
    assert places(UNLIKE, visible="0", order="FASTEST_FIRST", attributed=False) == [0, 1, 2, 3]
    assert places(UNLIKE, visible="0", order="PCI_BUS_ID", attributed=False) == [0]
    assert places(UNLIKE, visible="GPU-0", attributed=False) == [0]


def test_a_partitioned_gpu_among_whole_ones_is_unlike_them() -> None:
    some = [device for device in PARTS if device != PARTS[4]]
    assert places(some, visible="0", attributed=False) == [0, (0, 0), (0, 1), 1]
    assert places(PARTS, visible="0", attributed=False) == [0, (0, 0), (0, 1)]


@pytest.mark.parametrize(
    ("visible", "wanted"),
    [
        ("MIG-01", [0, (0, 1)]),
        ("MIG-0", []),
        ("MIG-1", [1, (1, 2)]),
        ("GPU-0abc", [0, (0, 0), (0, 1)]),
        ("MIG-00,MIG-10", [0, (0, 0), 1, (1, 2)]),
    ],
)
def test_an_instance_stands_with_its_gpu_and_a_gpu_with_all_its_instances(
    visible: str, wanted: list[Any]
) -> None:
    assert places(PARTS, visible=visible) == wanted


def test_a_used_instance_stands_with_its_gpu_alone() -> None:
    assert places(PARTS, used={"MIG-01"}) == [0, (0, 1)]


def test_all_and_none_are_as_they_say() -> None:
    assert places(FOUR, selection="all", visible="1") == [0, 1, 2, 3]
    assert places(FOUR, selection="none", used={"GPU-1abc"}, attributed=False) == []


def test_a_device_without_a_uuid_is_named_by_its_number() -> None:
    lost = [FOUR[0], replace(FOUR[1], uuid=None)]
    assert places(lost, visible="1") == [1]
    assert places(lost, visible="GPU-") == [0]


uuids = st.sampled_from(["GPU-1", "GPU-12", "GPU-2", "MIG-1", "MIG-2", None])
devices = st.lists(
    st.builds(
        Device,
        index=st.integers(0, 3),
        uuid=uuids,
        name=st.sampled_from(["A", "B"]),
        mig=st.none() | st.integers(0, 1),
    ),
    unique=True,
)
entries = st.sampled_from(["0", "1", "9", "-1", "", "GPU-1", "GPU-2", "MIG-1", "x", " 2 "])
variables = st.none() | st.lists(entries).map(",".join) | st.text()
used_uuids = st.frozensets(uuids.filter(bool))
ORDERS = [None, "PCI_BUS_ID", "FASTEST_FIRST"]


@given(devices, variables, st.sampled_from(ORDERS), used_uuids, st.booleans())
def test_whatever_is_said_what_is_used_is_shown_in_the_drivers_order(
    among: list[Device], visible: str | None, order: str | None, used: set[str], attributed: bool
) -> None:
    rules: dict[str, Any] = {"visible": visible, "order": order, "attributed": attributed}
    found = shown(among, selection="auto", used=used, **rules)
    assert found == [device for device in among if device in found]
    assert {device for device in among if device.uuid in used} <= set(found)
    less = shown(among, selection="auto", used=(), **rules)
    assert set(less) <= set(found)
    for device in found:
        assert {d for d in among if d.mig is None and d.index == device.index} <= set(found)


def problem(
    job: Collection[int], listed: Collection[int], here: Collection[int], **said: Any
) -> str | None:
    rules = {"contained": True, "proven": False} | said
    return attribution_problem(job, listed, here, **rules)


def test_outside_of_containers_process_ids_are_the_jobs() -> None:
    assert problem([5], [5, 6], [5], contained=False) is None
    assert problem([5], [], [], contained=False) is None
    assert problem([5], [999_999], [], contained=False) is None


def test_in_a_container_the_hosts_process_ids_are_told_by_their_not_being_there() -> None:
    assert "host's" in str(problem([5], [31_337], []))
    assert "host's" in str(problem([5], [31_337, 5], [5])), "5 may be the host's"


def test_in_a_container_without_any_process_of_the_job_nothing_is_known() -> None:
    assert "no process" in str(problem([5], [], []))
    assert "no process" in str(problem([5], [6], [6]))


def test_in_a_container_whose_own_process_ids_are_listed_they_are_the_jobs() -> None:
    assert problem([5], [5, 6], [5, 6]) is None


def test_what_was_proven_once_holds_for_the_run() -> None:
    assert problem([5], [31_337], [], proven=True) is None
    assert problem([5], [], [], proven=True) is None
