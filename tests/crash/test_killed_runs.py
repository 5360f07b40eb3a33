"""A run that is killed at any moment: every cache file reads, and the next run is as good as an undisturbed one."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import gca_scanpy as gca

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork, nor has it SIGKILL")
KILLS = int(os.environ.get("GCA_CRASH_KILLS", "12"))
N_CLUSTERS = 40

# A model in memory that answers slowly enough to be killed between two answers. One process has loaded the package and
# the database; it forks for each run that it is asked for, so that what is killed is the run and not its start.
SERVER = """
import json, os, signal, sys, time
import gca_scanpy as gca
from gca_scanpy._llm.language_model import Completion

class Slow:
    name = "slow-1"
    def complete(self, messages, schema):
        time.sleep(0.002)
        asked = json.loads(messages[1].content)["clusters"]
        return Completion(json.dumps({"clusters": [
            {"cluster_id": c["cluster_id"], "label": c["candidates"][0].split(" (")[0], "confidence": 0.9}
            for c in asked
        ]}), 10, 5)

def run(question, folder, output):
    markers = json.load(open(question))
    report = gca.annotate_markers(markers, model=gca.Asking(Slow(), cache=folder, chunk_size=1, n_threads=4))
    with open(output + ".new", "w") as file:
        json.dump({c.cluster_id: [c.annotation.primary_label, c.source] for c in report.clusters}, file)
    os.replace(output + ".new", output)

gca.annotate_markers({"0": ["MS4A1"]})
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are gone at once
print(gca.__file__, flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*json.loads(line))
        os._exit(0)
    print(child, flush=True)
"""


class Run:
    """A run in a process of its own."""

    def __init__(self, process, output):
        self.process, self.output = process, output

    def is_over(self):
        """Whether the process has ended."""
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self):
        """End it by kill -9, unless it is over; gives whether it had no answer yet."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        self.wait()
        return not self.output.exists()

    def wait(self):
        """Wait for its end."""
        while not self.is_over():
            time.sleep(0.001)

    def answer(self):
        """Give the labels and sources of all clusters, at its end."""
        self.wait()
        return json.loads(self.output.read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Give the process that starts the runs."""
    # The checkout must not stand before the installed package.
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("server"),
    ) as process:
        process.place = process.stdout.readline().strip()
        yield process
        process.stdin.close()


@pytest.fixture
def start(server, question, tmp_path):
    """Start a run with this folder for its answers."""
    outputs = (tmp_path / f"answer{number}.json" for number in itertools.count())

    def started(folder):
        output = next(outputs)
        server.stdin.write(json.dumps([str(question), str(folder), str(output)]) + "\n")
        server.stdin.flush()
        return Run(int(server.stdout.readline()), output)

    return started


@pytest.fixture
def question(tmp_path, lineages):
    """A file with the markers of many clusters."""
    lists = list(lineages.values())
    markers = {f"c{i}": [lists[i % 4][(i + j) % 12] for j in range(8)] for i in range(N_CLUSTERS)}
    path = tmp_path / "markers.json"
    path.write_text(json.dumps(markers))
    return path


def _age_parts(folder):
    """What killed writers left becomes two hours old."""
    for part in folder.rglob("*.part"):
        os.utime(part, (time.time() - 7200,) * 2)


def test_killed_at_random_moments(start, tmp_path):
    """A kill -9 in the middle of a write: no damaged file counts, and the labels are those of an undisturbed run."""
    undisturbed = start(tmp_path / "undisturbed").answer()
    draw = random.Random(7)
    folder = tmp_path / "cache"
    amid, files = 0, []
    for _ in range(KILLS):
        for file in files[::2]:  # there is always something left to do
            file.unlink()
        run = start(folder)
        wanted = draw.randint(len(files) // 2 + 1, N_CLUSTERS)
        while not run.is_over() and len(list(folder.rglob("*.json"))) < wanted:
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.004))
        was_amid = run.kill()
        files = list(folder.rglob("*.json"))
        amid += was_amid and 0 < len(files) < N_CLUSTERS
        for file in files:
            assert json.loads(file.read_text())["answer"]["source"] == "model"
    assert amid > KILLS / 3
    _age_parts(folder)
    files[0].unlink()  # something to write
    assert start(folder).answer() == undisturbed
    assert not list(folder.rglob("*.part"))


def test_eight_processes_share_a_cache(start, tmp_path):
    """Two processes at once, and more: the same labels, every file reads, and what killed ones left is gone."""
    folder = tmp_path / "cache"
    for n in range(256):
        (folder / f"{n:02x}").mkdir(parents=True)
        (folder / f"{n:02x}" / ".killed.part").touch()
    _age_parts(folder)
    runs = [start(folder) for _ in range(8)]
    found = [run.answer() for run in runs]
    assert all(labels == found[0] for labels in found)
    files = list(folder.rglob("*.json"))
    assert len(files) == N_CLUSTERS
    assert all(json.loads(file.read_text())["format"] for file in files)
    assert not list(folder.rglob("*.part"))


def test_a_killed_run_leaves_no_cache_that_lies(start, tmp_path):
    """A file cut in its middle is as good as none: it is asked again, and written whole."""
    folder = tmp_path / "cache"
    before = start(folder).answer()
    for file in list(folder.rglob("*.json"))[::2]:
        file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2])
    assert start(folder).answer() == before
    assert all(json.loads(file.read_text()) for file in folder.rglob("*.json"))


def test_the_child_is_the_package_under_test(server):
    """The runs import the same package as this process."""
    assert server.place == gca.__file__
