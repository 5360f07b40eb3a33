"""``gca cache``: real answers in a real folder."""

from __future__ import annotations

import os
import time

import pytest

from gca_scanpy._llm import cache
from gca_scanpy._llm.cache import AnswerCache, key_of

DAY = 86_400


@pytest.fixture
def folder(tmp_path):
    """Answers of 0, 10, 20, ... 90 days ago, the remains of an interrupted write, and files of somebody else."""
    place = tmp_path / "kept"
    cache = AnswerCache(place)
    for number in range(10):
        key = key_of({"question": number})
        cache.put(key, {"answer": "x" * 1000})
        _age(place / key[:2] / f"{key}.json", number * 10)
    part = place / key[:2] / ".tmpabc.part"
    part.write_text("{")
    _age(part, 5)
    for name in ("notes.txt", f"{key[:2]}/notes.json"):
        (place / name).write_text("mine")
        _age(place / name, 1000)
    return place


def _age(path, days):
    then = time.time() - days * DAY - 60
    os.utime(path, (then, then))


def _answers(folder):
    return len(list(folder.glob("??/" + "?" * 64 + ".json")))


def test_info_prune_and_clear(gca, fails, folder):
    """The answers are counted, the old and then the oldest deleted, and at last all; what is not ours stays."""
    done = gca("cache", "--cache-dir", folder, "info")
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert (lines["folder"], lines["answers"], lines["size"]) == (str(folder), "10", "0.01 MB")
    assert lines["oldest"] < lines["newest"]

    assert "--older-than" in fails("cache", "--cache-dir", folder, "prune")
    assert _answers(folder) == 10
    pruned = gca("cache", "--cache-dir", folder, "prune", "--older-than", "45")
    assert pruned.stdout == "deleted: 5 answers, left: 5\n"
    assert not list(folder.glob("??/.*.part"))
    pruned = gca("cache", "prune", "--max-size", "0.0035", GCA_CACHE_DIR=str(folder))
    assert pruned.stdout == "deleted: 2 answers, left: 3\n"
    assert _answers(folder) == 3

    assert gca("cache", "clear", GCA_CACHE_DIR=str(folder)).returncode == 1  # stdin is empty, so nobody confirms
    assert _answers(folder) == 3
    assert gca("cache", "--cache-dir", folder, "clear", "--yes").stdout == "deleted: 3 answers\n"
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["notes.json", "notes.txt"]


def test_a_folder_that_is_not_there(gca, tmp_path):
    """Nothing is counted, deleted or made."""
    place = tmp_path / "none"
    assert "(does not exist yet)\nanswers: 0\n" in gca("cache", "--cache-dir", place, "info").stdout
    assert gca("cache", "--cache-dir", place, "clear", "--yes").stdout == "deleted: 0 answers\n"
    assert not place.exists()


def test_what_is_left_can_be_read(folder):
    """Pruning by size keeps the newest, and the cache still gives what is left."""
    files = [file for file in cache.cache_files(folder) if file.is_answer]
    cache.delete(cache.expired(files, max_bytes=files[0].size * 3))
    answers = AnswerCache(folder)
    is_stored = [answers.get(key_of({"question": number}), lambda answer: answer) is not None for number in range(10)]
    assert is_stored == [True] * 3 + [False] * 7


def test_another_process_was_quicker(folder):
    """Files that are gone meanwhile are no error, and are not counted."""
    files = cache.cache_files(folder)
    files[0].path.unlink()
    assert cache.delete(files) == 9


def test_a_clock_that_went_back(folder):
    """Answers of the future are not old."""
    for file in cache.cache_files(folder):
        _age(file.path, -100)
    assert cache.expired(cache.cache_files(folder), days=1) == []
