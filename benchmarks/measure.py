"""What the benchmarks share: time and memory of a process, a description of the machine, and a table in a page."""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
# As a user has it, but for the threads; `nox -s tests` has Numba compile nothing.
ENV = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "0", "MPLBACKEND": "Agg"}


def seconds(call: Callable[[], Any]) -> float:
    """The seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak() -> float:
    """The peak memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss begins with that of the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def child(script: str, *arguments: object, threads: int = 1) -> dict[str, Any]:
    """Run a script of this folder in a new Python. Returns the JSON of the last line that it prints."""
    command = [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / script), *map(str, arguments)]
    env = {**os.environ, **ENV, "NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        msg = f"{' '.join(command)} ended with {done.returncode}"
        raise RuntimeError(msg)
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> str:
    """A line about the machine, its load, and the packages that matter."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((int(line.split()[1]) / 1e6 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    packages = ", ".join(f"{name} {version(name)}" for name in ("scanpy", "anndata", "numpy"))
    date = datetime.datetime.now(datetime.timezone.utc).date()
    return (
        f"{date}, {names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB; "
        f"load average {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {packages}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).is_file() else []


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def write(name: str, text: str, page: Path = PAGE) -> None:
    """Write a text between the marks of this name in a page."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, mark, rest = page.read_text(encoding="utf-8").partition(begin)
    if not mark or end not in rest:
        msg = f"{page} has no marks {begin!r} and {end!r}"
        raise ValueError(msg)
    page.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}", encoding="utf-8")
