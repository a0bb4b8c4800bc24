"""A stand-in for NVIDIA's library, built once and steered by a scenario file."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("standin.c")
GIB = 1024**3
INITIAL = "pid:[4026531836]"

DEVICE = {
    "name": "NVIDIA H100 80GB HBM3",
    "utilization": 87,
    "memory_utilization": 40,
    "memory_total": 80 * GIB,
    "memory_used": 12 * GIB,
    "memory_reserved": GIB,
    "temperature": 64,
    "power": 310_500,
    "power_limit": 700_000,
    "sm_clock": 1980,
    "memory_clock": 2619,
    "throttle": 4,
    "energy": 123_456_700,
    "ecc_corrected": 3,
    "ecc_uncorrected": 0,
    "field197": 1_000_000,
    "field198": 2_000_000,
    "field138": 1000,
    "field139": 2000,
    "processes": "",
    "graphics": "",
    "mps": "",
    "samples": "",
}
"""A device that offers everything; see standin.c for the keys."""


class Library:
    """The compiled library, and those that lack something."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, *without: str) -> Path:
        """The folder of the one that is compiled ``-DWITHOUT_…`` each of these."""
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("the stand-in for NVIDIA's library needs a C compiler, cc")
        folder = self._folder / "-".join(["nvml", *without])
        target = folder / "libnvidia-ml.so.1"
        if not target.exists():
            folder.mkdir(exist_ok=True)
            flags = ["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
            name = "-Wl,-soname,libnvidia-ml.so.1"
            lacks = [f"-DWITHOUT_{part}" for part in without]
            subprocess.run([compiler, *flags, name, *lacks, "-o", target, SOURCE], check=True)
        return folder


class Standin:
    """The library as a test sees it: two devices that offer everything, unless told otherwise.

    ``environ`` is what a program needs that shall find it.
    """

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._scenario = folder / "scenario"
        self._calls = folder / "calls"
        self.environ: dict[str, str] = {}
        self.values: dict[str, Any] = {"calls": self._calls}
        self.lacking()
        self.set(devices=2)
        for index in range(2):
            self.add_device(index)

    def lacking(self, *parts: str) -> None:
        """For programs that start from now on: a driver without these functions."""
        before = os.environ.get("LD_LIBRARY_PATH", "")
        folders = [str(self._library.build(*parts)), *before.split(os.pathsep)]
        self.environ |= {
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, folders)),
            "STANDIN_NVML": str(self._scenario),
        }

    def add_device(self, index: int, **values: Any) -> None:
        self.device(index, uuid=f"GPU-{index}a0b1c2d", **DEVICE, **values)

    def add_instance(self, index: int, mig: int, **values: Any) -> None:
        """MIG: part of a GPU, which then has no utilisation of its own."""
        self.device(index, mig_mode=1, utilization=None, processes="!4", samples=None)
        of = {"uuid": f"MIG-{index}{mig}", "name": "NVIDIA H100 MIG 3g.40gb", "processes": ""}
        of |= {"memory_total": 40 * GIB, "memory_used": GIB, **values}
        self.device(f"{index}.mig{mig}", **of)

    def device(self, which: int | str, **values: Any) -> None:
        """Change a device's values; None: it does not support that."""
        self.set({f"{which}.{name}": value for name, value in values.items()})

    def set(self, changes: dict[str, Any] | None = None, **named: Any) -> None:
        """Change the scenario at once, also for programs that run."""
        for key, value in {**(changes or {}), **named}.items():
            self.values[key] = value
            if value is None:
                del self.values[key]
        fresh = self._scenario.with_suffix(".new")
        fresh.write_text("".join(f"{key} {value}\n" for key, value in self.values.items()))
        fresh.replace(self._scenario)

    def calls(self, function: str) -> int:
        """How often a function has been called so far, ``nvmlInitWithFlags``, or of a device:
        ``0. nvmlDeviceGetName``."""
        text = self._calls.read_text() if self._calls.exists() else ""
        return text.splitlines().count(function)

    def load(self) -> ctypes.CDLL:
        """Into this process, where the loader then finds it by its name."""
        return ctypes.CDLL(str(self._library.build() / "libnvidia-ml.so.1"))
