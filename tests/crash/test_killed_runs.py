"""A run that is killed at any moment: every cache file reads, and the next run is as good as an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import gca_scanpy as gca

KILLS = int(os.environ.get("GCA_CRASH_KILLS", "12"))
N_CLUSTERS = 40

# A model in memory that answers slowly enough to be killed between two answers.
CHILD = """
import json, sys, time
import gca_scanpy as gca
from gca_scanpy._llm.chat import Completion

class Slow:
    name = "slow-1"
    def complete(self, messages, schema):
        time.sleep(0.002)
        asked = json.loads(messages[1].content)["clusters"]
        return Completion(json.dumps({"clusters": [
            {"cluster_id": c["cluster_id"], "label": c["candidates"][0].split(" (")[0], "confidence": 0.9}
            for c in asked
        ]}), 10, 5)

markers = json.load(open(sys.argv[1]))
gca.annotate_markers({"0": ["MS4A1"]})  # loads the database: what is killed is to be the cached run
print("ready", flush=True)
report = gca.annotate_markers(markers, model=gca.Asking(Slow(), cache=sys.argv[2], chunk_size=1, n_threads=4))
print(json.dumps({c.cluster_id: [c.annotation.primary_label, c.source] for c in report.clusters}))
"""


@pytest.fixture
def question(tmp_path, lineages):
    """A file with the markers of many clusters."""
    lists = list(lineages.values())
    markers = {f"c{i}": [lists[i % 4][(i + j) % 12] for j in range(8)] for i in range(N_CLUSTERS)}
    path = tmp_path / "markers.json"
    path.write_text(json.dumps(markers))
    return path


def _start(question, folder):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(question), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=question.parent,  # the checkout must not stand before the installed package
    )


def _finish(child):
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def _age_parts(folder):
    """What killed writers left becomes two hours old."""
    for part in folder.rglob("*.part"):
        os.utime(part, (time.time() - 7200,) * 2)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_at_random_moments(question, tmp_path):
    """A kill -9 in the middle of a write: no damaged file counts, and the labels are those of an undisturbed run."""
    undisturbed = _finish(_start(question, tmp_path / "undisturbed"))
    draw = random.Random(7)
    folder = tmp_path / "cache"
    amid, files = 0, []
    for _ in range(KILLS):
        for file in files[::2]:  # there is always something left to do
            file.unlink()
        child = _start(question, folder)
        child.stdout.readline()
        wanted = draw.randint(len(files) // 2 + 1, N_CLUSTERS)
        while child.poll() is None and len(list(folder.rglob("*.json"))) < wanted:
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.004))
        child.kill()
        child.communicate(timeout=60)
        files = list(folder.rglob("*.json"))
        amid += child.returncode == -signal.SIGKILL and 0 < len(files) < N_CLUSTERS
        for file in files:
            assert json.loads(file.read_text())["answer"]["source"] == "model"
    assert amid > KILLS / 3
    _age_parts(folder)
    files[0].unlink()  # something to write
    assert _finish(_start(question, folder)) == undisturbed
    assert not list(folder.rglob("*.part"))


def test_eight_processes_share_a_cache(question, tmp_path):
    """Two processes at once, and more: the same labels, every file reads, and what killed ones left is gone."""
    folder = tmp_path / "cache"
    for n in range(256):
        (folder / f"{n:02x}").mkdir(parents=True)
        (folder / f"{n:02x}" / ".killed.part").touch()
    _age_parts(folder)
    children = [_start(question, folder) for _ in range(8)]
    found = [_finish(child) for child in children]
    assert all(labels == found[0] for labels in found)
    files = list(folder.rglob("*.json"))
    assert len(files) == N_CLUSTERS
    assert all(json.loads(file.read_text())["format"] for file in files)
    assert not list(folder.rglob("*.part"))


def test_a_killed_run_leaves_no_cache_that_lies(question, tmp_path):
    """A file cut in its middle is as good as none: it is asked again, and written whole."""
    folder = tmp_path / "cache"
    before = _finish(_start(question, folder))
    for file in list(folder.rglob("*.json"))[::2]:
        file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2])
    assert _finish(_start(question, folder)) == before
    assert all(json.loads(file.read_text()) for file in folder.rglob("*.json"))


def test_the_child_is_the_package_under_test(tmp_path):
    """The child imports the same package as this process."""
    done = subprocess.run(
        [sys.executable, "-c", "import gca_scanpy; print(gca_scanpy.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == gca.__file__
