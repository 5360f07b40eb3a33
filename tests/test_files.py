"""Files and folders that are written whole or not at all, by any number of writers."""

from __future__ import annotations

import threading

import pytest

from gca_scanpy._files import whole

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
