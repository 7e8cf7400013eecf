"""What is this machine, beyond its kind, where a target says that its result depends on it?

``python -m paperbuild.engine.machine_facts`` prints it as a manifest says it of an executor.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import sys

FACTS = ("cpu", "gpu", "cuda")
"""What a target may say that its result depends on."""

_LEVELS = (
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("x86-64-v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}),
    ("x86-64-v2", {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
)
"""The levels of the x86-64 psABI, the highest first, by the words that /proc/cpuinfo has for what each adds."""


def fact_here(name: str) -> str:
    """Return what this machine is, of :data:`FACTS`: "x86-64-v3", "NVIDIA A100-SXM4-80GB", "12.4"; "none" where there is none."""
    return {"cpu": cpu_here, "gpu": gpu_here, "cuda": cuda_here}[name]()


def cpu_here() -> str:
    """Return what instructions the processor has: the level of x86-64, or the features of an ARM that compute."""
    machine = os.uname().machine
    flags: set[str] = set()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        found = next((line for line in file if line.partition(":")[0].strip() in {"flags", "Features"}), "")
        flags = set(found.partition(":")[2].split())
    if machine != "x86_64":
        return " ".join((machine, *sorted(flags & {"asimd", "sve", "sve2", "bf16", "i8mm"})))
    needed: set[str] = set()
    best = "x86-64"
    for level, words in reversed(_LEVELS):
        needed |= words
        best = level if needed <= flags else best
    return best


def gpu_here() -> str:
    """Return the models of the GPUs whose driver tells the kernel's file systems, each once."""
    models = set()
    for path in glob.glob("/proc/driver/nvidia/gpus/*/information"):
        models.add(_field(path, "Model"))
    for path in glob.glob("/sys/class/drm/card*/device/product_name"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            models.add(file.read().strip())
    return ", ".join(sorted(filter(None, models))) or "none"


def cuda_here() -> str:
    """Return the version of CUDA that the driver offers, "12.4" (``cuDriverGetVersion`` of the CUDA driver API)."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
        version = ctypes.c_int()
        if library.cuDriverGetVersion(ctypes.byref(version)) != 0:
            return "none"
    except (OSError, AttributeError):
        return "none"
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _field(path: str, name: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith(f"{name}:")), "")
    return ""


if __name__ == "__main__":
    sys.stdout.write("".join(f'{fact} = "{fact_here(fact)}"\n' for fact in FACTS))
