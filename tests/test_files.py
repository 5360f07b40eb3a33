"""Files and folders that are written whole or not at all, by any number of writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from gca_scanpy._files import ABANDONED, _machine, whole

WRITERS, WRITES = 4, 60


def _file(part, content):
    part.write_text(content * 2000)


def _folder(part, content):
    part.mkdir()
    (part / "a").write_text(content * 2000)


@pytest.mark.parametrize("write", [_file, _folder])
def test_threads_that_write_one_path(tmp_path, write):
    """Every write of four threads to one path succeeds, what is there is one writer's, and no part is left."""
    target, done, begin = tmp_path / "cells.csv", [], threading.Barrier(WRITERS)

    def writer(content):
        begin.wait()
        for _ in range(WRITES):
            with whole(target) as part:
                write(part, content)
            done.append(content)

    threads = [threading.Thread(target=writer, args=(str(n),)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == WRITERS * WRITES
    text = (target if write is _file else target / "a").read_text()
    assert text == text[0] * 2000
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(("options", "ending"), [({}, ".csv"), ({"keep_ending": False}, ".part")])
def test_the_part(tmp_path, options, ending):
    """The part is hidden, beside the file, and ends as the file does, by which writers choose the format."""
    with whole(tmp_path / "a.csv", **options) as part, whole(tmp_path / "a.csv", **options) as other:
        assert part != other
        assert part.parent == tmp_path
        assert part.name.startswith(".")
        assert part.suffix == ending
        part.write_text("1")
        other.write_text("2")
    assert (tmp_path / "a.csv").read_text() == "1"  # the outer block ends last
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("write", [_file, _folder])
def test_a_block_that_fails(tmp_path, write):
    """What was there stays, and no part is left."""
    with whole(tmp_path / "a") as part:
        write(part, "old")
    before = sorted(path.name for path in tmp_path.rglob("*"))

    def fail():
        with whole(tmp_path / "a") as part:
            write(part, "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert (tmp_path / "a" if write is _file else tmp_path / "a" / "a").read_text().startswith("old")


# Writes one path and stops in the middle until it is killed; with "swap" between the two steps of replacing a folder.
CHILD = """
import os, sys
from pathlib import Path
from gca_scanpy import _files
path, kind = Path(sys.argv[1]), sys.argv[2]
def stop(*_):
    print("amid", flush=True)
    sys.stdin.read()
if kind == "swap":
    replace = Path.replace
    Path.replace = lambda place, target: stop() if place.name.endswith(".part.zarr") else replace(place, target)
with _files.whole(path) as part:
    if kind == "file":
        part.write_text("new")
    else:
        part.mkdir()
        (part / "a").write_text("new")
    if kind != "swap":
        stop()
"""
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")


@pytest.fixture
def amid(tmp_path):
    """Start a process that is in the middle of writing this path; it is ended after the test."""
    started = []

    def start(path, kind):
        command = [sys.executable, "-c", CHILD, str(path), kind]
        child = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(child)
        assert child.stdout.readline() == "amid\n"
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


@needs_kill
@pytest.mark.parametrize(("kind", "name"), [("file", "cells [1].h5ad"), ("folder", "cells.zarr")])
def test_the_part_of_a_killed_writer(amid, tmp_path, kind, name):
    """The part of a running process stays; after kill -9 the next write into the folder removes it."""
    target = tmp_path / name
    child = amid(target, kind)
    with whole(target) as part:
        (_file if kind == "file" else _folder)(part, "mine")
    assert len(_names(tmp_path)) == 2
    child.kill()
    child.wait()
    with whole(tmp_path / "other.csv") as part:
        part.write_text("other")
    assert _names(tmp_path) == [name, "other.csv"]
    assert (target if kind == "file" else target / "a").read_text() == "mine" * 2000


@needs_kill
def test_a_folder_that_a_killed_writer_moved_away(amid, tmp_path):
    """Killed between the two steps of replacing a folder, nothing is lost: the next write puts the old one back."""
    with whole(tmp_path / "cells.zarr") as part:
        _folder(part, "old")
    child = amid(tmp_path / "cells.zarr", "swap")
    assert not (tmp_path / "cells.zarr").exists()
    child.kill()
    child.wait()
    with whole(tmp_path / "other.csv") as part:
        part.write_text("other")
    assert _names(tmp_path) == ["cells.zarr", "other.csv"]
    assert (tmp_path / "cells.zarr" / "a").read_text().startswith("old")


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        (".a-ffffffff-1-0123456789ab.part.h5ad", 600, True),  # of another machine, which may be at work
        (".a-ffffffff-1-0123456789ab.part.h5ad", ABANDONED + 600, False),
        (".a-{here}-{self}-0123456789ab.part", 0, False),  # of an earlier process with the number of this one
        (".a-{here}-{self}-0123456789ab.part.csv", 0, False),
        (".a-{here}-9999999999-0123456789ab.part.csv", 0, True),  # no process has such a number, so nothing is known
        (".a.part.h5ad", 10**7, True),  # a user's own files
        (".a-123.part.h5ad", 10**7, True),
        ("a-{here}-{self}-0123456789ab.part.csv", 10**7, True),
    ],
)
def test_parts_of_others(tmp_path, name, age, stays):
    """Only a part whose process has certainly ended, or that nobody wrote for a day, is removed."""
    place = tmp_path / name.format(here=_machine(), self=os.getpid())
    place.touch()
    os.utime(place, (place.stat().st_mtime - age,) * 2)
    with whole(tmp_path / "b.csv") as part:
        part.write_text("b")
    assert place.exists() == stays
