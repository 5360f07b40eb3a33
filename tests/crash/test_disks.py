"""Disks that are full or read-only, and folders of others: a cached run goes on, and says so once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

N_CLUSTERS = 40

# One run without a cache, then two with it.
CHILD = """
import json, sys, warnings
import gca_scanpy as gca
from gca_scanpy.errors import CacheWarning
from gca_scanpy._llm.language_model import Completion

class Model:
    name, asked = "any-1", 0
    def complete(self, messages, schema):
        asked = json.loads(messages[1].content)["clusters"]
        self.asked += len(asked)
        return Completion(json.dumps({"clusters": [
            {"cluster_id": c["cluster_id"], "label": c["candidates"][0].split(" (")[0], "confidence": 0.9}
            for c in asked
        ]}), 10, 5)

def run(cache):
    model = Model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = gca.annotate_markers(markers, model=gca.Asking(model, cache=cache, chunk_size=1, n_threads=1))
    return {
        "labels": {c.cluster_id: [c.annotation.primary_label, c.source] for c in report.clusters},
        "asked": model.asked,
        "warnings": [str(w.message) for w in caught if w.category is CacheWarning],
    }

question, folder = sys.argv[1:]
markers = json.load(open(question))
print(json.dumps([run(False), run(folder), run(folder)]))
"""


@pytest.fixture
def question(tmp_path, lineages):
    """A file with the markers of many clusters."""
    lists = list(lineages.values())
    markers = {f"c{i}": [lists[i % 4][(i + j) % 12] for j in range(8)] for i in range(N_CLUSTERS)}
    path = tmp_path / "markers.json"
    path.write_text(json.dumps(markers))
    return path


def _lines(command, question):
    """What each run of the child printed; the checkout must not stand before the installed package."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=question.parent, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _unshare(*options):
    """The command that runs another with namespaces of its own, where this system lets us."""
    command = ["unshare", *options]
    if shutil.which("unshare") is None:
        pytest.skip("this system has no unshare")
    tried = subprocess.run([*command, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"{' '.join(command)}: {tried.stderr.strip()}")
    return command


@pytest.fixture
def on_a_disk(question, tmp_path):
    """Run the child on a small disk of its own, and then on the same disk when it has become large and writable.

    The disk is mounted where only the child sees it, and goes with it.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    own = _unshare("--map-root-user", "--mount")
    tried = subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")

    def run(options):
        child = '"$0" -c "$1" "$2" "$3/cache"'
        script = f'mount -t tmpfs -o {options} tmpfs "$3" && {child} && mount -o remount,rw,size=8m "$3" && {child}'
        return _lines([*own, "sh", "-c", script, sys.executable, CHILD, str(question), str(disk)], question)

    return run


@pytest.mark.parametrize(
    ("options", "said", "kept"), [("size=48k", "No space left", True), ("ro,size=8m", "Read-only", False)]
)
def test_a_disk_that_takes_no_more(on_a_disk, options, said, kept):
    """A full or read-only disk: the labels of an undisturbed run, one warning; with room, all answers are kept."""
    (plain, *small), (_, *large) = on_a_disk(options)
    for run in small:
        assert run["labels"] == plain["labels"]
        assert len(run["warnings"]) == 1
        assert said in run["warnings"][0]
    # What found room is used by the next run.
    assert [run["asked"] < N_CLUSTERS for run in small] == [False, kept]
    assert all(run["labels"] == plain["labels"] and not run["warnings"] for run in large)
    assert [large[0]["asked"] < N_CLUSTERS, large[1]["asked"]] == [kept, 0]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no users that may not write")
def test_a_folder_that_one_may_not_write_to(question, tmp_path):
    """A folder of mode 0500, for a normal user: one warning, and the run goes on."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    # In a user namespace without a mapping even root is nobody, who still owns its files.
    own = _unshare("--user") if os.geteuid() == 0 else []
    ((plain, *runs),) = _lines([*own, sys.executable, "-c", CHILD, str(question), str(folder)], question)
    assert list(folder.iterdir()) == []
    for run in runs:
        assert run["labels"] == plain["labels"]
        assert run["asked"] == N_CLUSTERS
        assert len(run["warnings"]) == 1
        assert "ermission denied" in run["warnings"][0]
