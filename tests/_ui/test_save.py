"""Saving decisions: whole files, a lock, and nothing lost between curators."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy._reporting.curation import Choice
from gca_scanpy._stores import review
from gca_scanpy.errors import ConflictError, InputError, MissingKeyError

filelock = pytest.importorskip("filelock", reason="the extra ui is not installed")
from gca_scanpy._ui.desk import save  # noqa: E402

CHOICE = Choice("0", "changed", "pDC", "LILRA4")
CHILD = """
import sys
from pathlib import Path
from gca_scanpy._stores import review
from gca_scanpy._reporting.curation import Choice
from gca_scanpy._ui.desk import save
path, cluster = Path(sys.argv[1]), sys.argv[2]
seen = review.read_report(path, "gptca")
print("ready", flush=True)
sys.stdin.readline()
for n in range(4):
    seen = save(path, "gptca", seen, [Choice(cluster, "changed", f"{cluster} for the time {n}")], f"curator {cluster}")
"""


def _read(path, key="gptca"):
    return review.read_report(path, key)


@pytest.mark.parametrize("ending", [".h5ad", ".zarr"])
def test_the_file_has_the_decision_and_all_else(annotated, content, tmp_path, ending):
    """Columns and trail are new; X, the other columns, .var, .obsm and .uns are as they were."""
    path = tmp_path / f"c{ending}"
    read = anndata.read_h5ad if ending == ".h5ad" else anndata.read_zarr
    (annotated.write_h5ad if ending == ".h5ad" else annotated.write_zarr)(path)
    before = read(path)
    report = save(path, "gptca", _read(path), [CHOICE], "Ada")
    after = read(path)
    assert gca.get.report(after) == report
    assert gca.get.curation(after).loc["0", "who"] == "Ada"
    assert after.obs["gptca_curated_label"].value_counts().to_dict() == {"plasmacytoid dendritic cell": 30}
    for part in ("X", "var", "layers", "obsp", "varm"):
        assert content(getattr(after, part)) == content(getattr(before, part))
    assert content(after.obs[before.obs.columns]) == content(before.obs)
    assert all(np.array_equal(after.obsm[name], before.obsm[name]) for name in before.obsm)
    assert {k: v for k, v in after.uns["gptca"].items() if k not in ("report", "schema_version")} == {
        k: v for k, v in before.uns["gptca"].items() if k not in ("report", "schema_version")
    }


def test_the_same_as_by_code(annotated, annotated_file, content):
    """The file that the page saves is that which `gca.tl.curate` and `write_h5ad` make."""
    save(annotated_file, "gptca", _read(annotated_file), [CHOICE], "Ada")
    gca.tl.curate(annotated, {"0": "pDC"}, who="Ada", why="LILRA4")
    saved = anndata.read_h5ad(annotated_file)
    assert content(saved.obs) == content(annotated.obs)
    assert list(saved.uns["gptca_curated_label_colors"]) == annotated.uns["gptca_curated_label_colors"]


def test_many_decisions_do_not_swell_the_file(annotated_file):
    """HDF5 would keep the place of each old report."""
    report, size = _read(annotated_file), annotated_file.stat().st_size
    for n in range(12):
        report = save(annotated_file, "gptca", report, [Choice("0", "changed", f"type {n}")], "Ada")
    assert len(report.audit) == 12
    assert annotated_file.stat().st_size < size + 4 * len(_codec.to_json(report))


def test_what_changes_nothing_does_not_touch_the_file(annotated_file):
    """The same decision again is no new file."""
    report = save(annotated_file, "gptca", _read(annotated_file), [CHOICE], "Ada")
    before = annotated_file.stat()
    assert save(annotated_file, "gptca", report, [CHOICE], "Ada") == report
    assert (annotated_file.stat().st_ino, annotated_file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_two_curators_of_one_cluster(annotated_file):
    """The second is told, and the file is as the first left it."""
    seen = _read(annotated_file)
    save(annotated_file, "gptca", seen, [CHOICE], "Ada")
    with pytest.raises(ConflictError, match="Ada decided on cluster '0' meanwhile"):
        save(annotated_file, "gptca", seen, [Choice("0", "accepted")], "Grace")
    save(annotated_file, "gptca", seen, [Choice("1", "accepted")], "Grace")
    assert [(d.who, d.cluster_id) for d in _read(annotated_file).audit] == [("Ada", "0"), ("Grace", "1")]


def test_another_is_saving(annotated_file):
    """Whoever cannot have the lock is told so, and the file is not touched."""
    before = annotated_file.read_bytes()
    lock = filelock.FileLock(annotated_file.with_name(f".{annotated_file.name}.lock"))
    with lock, pytest.raises(ConflictError, match=r"another curator has been saving cells\.h5ad for 0\.1 seconds"):
        save(annotated_file, "gptca", _read(annotated_file), [CHOICE], "Ada", patience=0.1)
    assert annotated_file.read_bytes() == before


def test_a_disk_that_is_full(annotated_file, monkeypatch):
    """The file is as it was, and no part of another is left."""
    before, there = annotated_file.read_bytes(), set(annotated_file.parent.iterdir())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(review, "_put", full)
    with pytest.raises(OSError, match="No space left"):
        save(annotated_file, "gptca", _read(annotated_file), [CHOICE], "Ada")
    assert annotated_file.read_bytes() == before
    assert {path.name for path in annotated_file.parent.iterdir()} <= {p.name for p in there} | {".cells.h5ad.lock"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link(annotated_file, tmp_path):
    """The file that it leads to is written, and keeps its rights."""
    annotated_file.chmod(0o640)
    link = tmp_path / "link.h5ad"
    link.symlink_to(annotated_file)
    save(link, "gptca", _read(link), [CHOICE], "Ada")
    assert link.is_symlink()
    assert len(_read(annotated_file).audit) == 1
    assert annotated_file.stat().st_mode & 0o777 == 0o640


def test_processes_at_once(annotated_file):
    """Two curators in two processes save at once, again and again: no decision is lost."""
    command = [sys.executable, "-c", CHILD, str(annotated_file)]
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for n in range(2)
        ]
        assert [child.stdout.readline() for child in children] == ["ready\n"] * 2
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        assert [child.wait(120) for child in children] == [0] * 2
    found = [(d.cluster_id, d.to_label) for d in _read(annotated_file).audit]
    for n in range(2):
        assert [label for cluster, label in found if cluster == str(n)] == [f"{n} for the time {i}" for i in range(4)]
    labels = anndata.read_h5ad(annotated_file).obs["gptca_curated_label"]
    assert set(labels.dropna()) == {f"{n} for the time 3" for n in range(2)}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_while_saving(annotated_file):
    """After kill -9 in the middle of a save the file is as it was, and the next save removes what was left."""
    before, there = annotated_file.read_bytes(), set(annotated_file.parent.iterdir())
    die = "import os\nfrom gca_scanpy._stores import review\nreview._put = lambda *_: os.kill(os.getpid(), 9)\n"
    command = [sys.executable, "-c", die + CHILD, str(annotated_file), "0"]
    child = subprocess.run(command, input="go\n", stdout=subprocess.PIPE, text=True, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert annotated_file.read_bytes() == before
    lock = annotated_file.with_name(f".{annotated_file.name}.lock")
    assert len(set(annotated_file.parent.iterdir()) - there - {lock}) == 1
    save(annotated_file, "gptca", _read(annotated_file), [CHOICE], "Ada")
    assert set(annotated_file.parent.iterdir()) - {lock} == there


text = st.text(max_size=30)
choice = st.builds(
    Choice, st.sampled_from("0123"), st.sampled_from(["accepted", "changed", "mixed", "reopened"]), text, text
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), choice), max_size=6))
def test_no_decisions_harm_the_proposal_or_the_trail(annotated, tmp_path_factory, content, steps):
    """Whatever two curators decide: the machine's part is byte for byte the same, and the trail only ever grows."""
    path = tmp_path_factory.mktemp("law") / "c.h5ad"
    annotated.write_h5ad(path)
    columns = [name for name in annotated.obs if not name.startswith("gptca_curated")]
    machine, trail = _read(path).clusters, ()
    seen = {False: _read(path), True: _read(path)}
    for who, wanted in steps:
        try:
            seen[who] = save(path, "gptca", seen[who], [wanted], f"curator {who}")
        except (ConflictError, InputError):
            seen[who] = _read(path)
        report = _read(path)
        assert report.audit[: len(trail)] == trail
        assert report.clusters == machine
        trail = report.audit
    after = anndata.read_h5ad(path)
    assert content(after.obs[columns]) == content(annotated.obs[columns])
    last = {decision.cluster_id: decision for decision in trail}
    for cluster in "0123":
        (label,) = set(after.obs.loc[after.obs["cluster"] == cluster].get("gptca_curated_label", [None])) or {None}
        stands = last[cluster].to_label if cluster in last and last[cluster].kind != "reopened" else None
        assert (label if isinstance(label, str) else None) == stands


def test_check_says_what_is_wrong(annotated, annotated_file, tmp_path, monkeypatch):
    """Another kind of file, a damaged one, none of the key, changed clusters, a read-only place."""
    (tmp_path / "t.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"ends in \.h5ad or \.zarr"):
        review.check(tmp_path / "t.csv", "gptca")
    (tmp_path / "d.h5ad").write_bytes(b"no hdf5")
    with pytest.raises(InputError, match="cannot be read as an annotated file"):
        review.check(tmp_path / "d.h5ad", "gptca")
    with pytest.raises(MissingKeyError, match=r"no report in \.uns\['mine'\]; it has reports under 'gptca'"):
        review.check(annotated_file, "mine")
    review.check(annotated_file, "gptca")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).is_dir())
    with pytest.raises(InputError, match="is read-only"):
        review.check(annotated_file, "gptca")
    monkeypatch.undo()
    annotated.obs["cluster"] = annotated.obs["cluster"].to_numpy()[::-1]
    annotated.write_h5ad(tmp_path / "changed.h5ad")
    with pytest.raises(InputError, match="was changed since"):
        review.check(tmp_path / "changed.h5ad", "gptca")
