"""The cache of answers: an answer or none, never half of one, and never the end of a run."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._llm.cache import AnswerCache, default_folder, key_of, open_cache
from gca_scanpy.errors import CacheWarning

KEY = "8501aae1d5f083644370b4b1d191aef49a8d41d765d76b8e3a428007d2a8c3d0"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _get(cache, key):
    """Look up the answer as it was stored."""
    return cache.get(key, lambda stored: stored)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Keep a folder for the laws, which run many times in one test."""
    return tmp_path_factory.mktemp("cache")


@given(answer=VALUES, question=st.dictionaries(st.text(), VALUES, max_size=3))
def test_an_answer_comes_back_as_it_was(shared, answer, question):
    """Whatever is kept comes back equal, from another object too."""
    key = key_of(question)
    AnswerCache(shared).put(key, answer)
    assert _get(AnswerCache(shared), key) == answer


def test_half_of_an_emoji_can_be_kept(tmp_path):
    """A lone surrogate, as a model that was cut may send one, is kept like any other text."""
    AnswerCache(tmp_path).put("ab" * 32, {"label": "\ud83d"})
    assert _get(AnswerCache(tmp_path), "ab" * 32) == {"label": "\ud83d"}


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), st.randoms())
def test_the_key_does_not_hang_on_the_order(question, random):
    """The same question has the same key in any order of its fields; a changed one has another."""
    order = list(question)
    random.shuffle(order)
    assert key_of({name: question[name] for name in order}) == key_of(question)
    first = order[0]
    assert key_of({**question, first: [question[first]]}) != key_of(question)


@given(st.integers(0, 200))
def test_a_truncated_file_is_a_miss(shared, length):
    """A file cut anywhere, as by kill -9 or a full disk, is a miss and not an answer."""
    cache, key = AnswerCache(shared), "cd" * 32
    cache.put(key, {"label": "B cell", "markers": ["MS4A1"]})
    path = shared / "cd" / f"{key}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: min(length, len(whole) - 1)])
    assert _get(cache, key) is None
    assert (cache.hits, cache.misses) == (0, 1)
    path.write_bytes(whole)
    assert _get(cache, key) == {"label": "B cell", "markers": ["MS4A1"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": 2, "key": "%s", "answer": 1}' % (b"ab" * 32),
        b'{"format": 1, "key": "another", "answer": 1}',
        b'{"answer": 1}',
    ],
    ids=["empty", "null", "list", "text", "binary", "deep", "newer version", "another key", "foreign"],
)
def test_a_foreign_file_is_a_miss_and_is_replaced(tmp_path, content):
    """A foreign or damaged file, or one of a newer version, is a miss; the next answer takes its place."""
    cache, key = AnswerCache(tmp_path), "ab" * 32
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / f"{key}.json").write_bytes(content)
    assert _get(cache, key) is None
    cache.put(key, "new")
    assert _get(cache, key) == "new"
    assert (cache.hits, cache.misses) == (1, 1)


def test_nothing_is_made_before_the_first_write(tmp_path):
    """Opening a cache and looking into it makes no folder; writing leaves one file for an answer and no other."""
    cache = AnswerCache(tmp_path / "a" / "b")
    assert _get(cache, "ab" * 32) is None
    assert list(tmp_path.iterdir()) == []
    cache.put("ab" * 32, 1)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [f"{'ab' * 32}.json"]


def test_parts_of_a_killed_run_are_no_answers(tmp_path):
    """What a killed run left half-written beside the answers is not read."""
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / ".x.part").write_text('{"format": 1', encoding="utf-8")
    assert _get(AnswerCache(tmp_path), "ab" * 32) is None


def _part(folder, name, age):
    """Leave a half-written file of a writer that was killed ``age`` seconds ago."""
    path = folder / "ab" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"format": 1', encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_stale_parts_go_with_the_next_write(tmp_path):
    """What killed writers left is removed by the next write, from every part of the folder; a look removes nothing."""
    left = [_part(tmp_path / "answers", name, age) for name, age in ((".a.part", 3700), (".b.part", 10**7))]
    cache = AnswerCache(tmp_path / "answers")
    assert _get(cache, "cd" * 32) is None
    assert all(path.exists() for path in left)
    cache.put("cd" * 32, 1)
    assert not any(path.exists() for path in left)
    assert _get(cache, "cd" * 32) == 1


def test_parts_of_writers_at_work_and_files_of_others_stay(tmp_path):
    """A young part may have a writer, one of the future a wrong clock, and what is not ours is nobody's rubbish."""
    stay = [_part(tmp_path, ".a.part", 600), _part(tmp_path, ".b.part", -(10**6)), _part(tmp_path, "film.part", 10**6)]
    (tmp_path / "mine").mkdir()
    stay += [_part(tmp_path / "mine", ".c.part", 10**6), _part(tmp_path, f"{'ab' * 32}.json", 10**6)]
    AnswerCache(tmp_path).put("cd" * 32, 1)
    assert all(path.exists() for path in stay)


def test_a_stale_part_that_cannot_be_removed_is_no_matter(tmp_path):
    """What looks like a part and cannot be removed stays, without a word: the answer was kept."""
    folder = _part(tmp_path, ".a.part", 0).with_name(".b.part")
    folder.mkdir()
    os.utime(folder, (0, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AnswerCache(tmp_path).put("cd" * 32, 1)
    assert folder.is_dir()
    assert _get(AnswerCache(tmp_path), "cd" * 32) == 1


def test_writers_that_begin_at_once_all_remove_stale_parts(tmp_path):
    """Many writers that come upon the same stale parts: no error, no warning, every answer kept, no part left."""
    for n in range(200):
        _part(tmp_path, f".{n}.part", 10**5)
    keys, failed, begin = [key_of({"n": n}) for n in range(8)], [], threading.Barrier(8)

    def write(key):
        begin.wait()
        try:
            AnswerCache(tmp_path).put(key, key)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [_get(AnswerCache(tmp_path), key) for key in keys] == keys
    assert not list(tmp_path.rglob("*.part"))


def _half(path, text, **options):
    path.write_bytes(text.encode()[: len(text) // 2])
    raise OSError(28, "No space left on device")


def _full(*arguments, **options):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("step", "full"), [("replace", _full), ("write_text", _full), ("write_text", _half)])
def test_a_full_or_read_only_disk_warns_once(tmp_path, monkeypatch, step, full):
    """A read-only or full disk: the run goes on, once warned, and no half-written file is left."""
    cache = AnswerCache(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, step, full)
        with pytest.warns(CacheWarning, match="No space left on device.*without a cache") as caught:
            list(map(cache.put, (f"{i:064}" for i in range(3)), "xyz"))
    assert len(caught) == 1
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_file_in_place_of_the_folder_warns_once(tmp_path):
    """A cache path that is a file costs one warning; looking into it is a miss."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    cache = AnswerCache(tmp_path / "file")
    assert _get(cache, "ab" * 32) is None
    with pytest.warns(CacheWarning):
        cache.put("ab" * 32, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put("ab" * 32, 1)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_two_threads_at_once(tmp_path):
    """Two writers and two readers of the same answers at once: every look gives a whole answer or none."""
    answers = {key_of({"n": n}): {"n": n, "text": "x" * 20_000} for n in range(5)}
    wrong, begin = [], threading.Barrier(4)

    def write():
        cache = AnswerCache(tmp_path)
        begin.wait()
        for _ in range(20):
            for key, answer in answers.items():
                cache.put(key, answer)

    def read():
        cache = AnswerCache(tmp_path)
        begin.wait()
        for _ in range(100):
            wrong.extend(key for key, answer in answers.items() if _get(cache, key) not in (None, answer))

    threads = [threading.Thread(target=target) for target in (write, write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {key: _get(AnswerCache(tmp_path), key) for key in answers} == answers
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == len(answers)


def test_the_folder_that_is_asked_for(tmp_path):
    """cache=False is none, True the folder of the settings or the user's, and a path that folder."""
    assert open_cache(False, tmp_path) is None
    assert open_cache(True, tmp_path).folder == tmp_path
    assert open_cache(True, None).folder == default_folder()
    assert open_cache(str(tmp_path / "x"), None).folder == tmp_path / "x"
    assert open_cache(Path("~/x"), tmp_path).folder == Path.home() / "x"


def test_the_users_own_folder():
    """Without a setting, answers lie in a folder of this package's name in the user's cache folder."""
    folder = default_folder()
    assert folder.name == "answers"
    assert "gca-scanpy" in folder.parts
    assert folder.parent == Path(platformdirs.user_cache_dir("gca-scanpy", appauthor=False))


def test_keys_do_not_change_between_versions():
    """The key of a question is fixed: another one would make every user pay for every answer again."""
    assert key_of({"model": "β", "genes": ["CD3D"]}) == KEY


def test_hits_and_misses_add_up(tmp_path):
    """Every look is counted."""
    cache = AnswerCache(tmp_path)
    cache.put("ab" * 32, 1)
    for _ in range(3):
        _get(cache, "ab" * 32)
    for _ in range(2):
        _get(cache, "cd" * 32)
    assert (cache.hits, cache.misses) == (3, 2)


def test_what_is_no_json_is_refused(tmp_path):
    """A NaN, which other readers of JSON refuse, is an error of the caller and makes no file."""
    with pytest.raises(ValueError, match="JSON"):
        AnswerCache(tmp_path).put("ab" * 32, float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_half_written_files_lie_beside_the_answers(tmp_path, monkeypatch):
    """A file is written hidden, in the folder of its place, so that renaming it is one step of one disk."""
    seen = []
    replace = Path.replace

    def watched(self, target):
        seen.append((self, target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    AnswerCache(tmp_path).put("ab" * 32, 1)
    ((part, target),) = seen
    assert part.parent == target.parent == tmp_path / "ab"
    assert part.name.startswith(".")
    assert part.suffix == ".part"


def test_an_interrupt_after_the_renaming(tmp_path, monkeypatch):
    """Ctrl-C that comes when the answer is in its place stays an interrupt, and the answer stays, too."""
    replace = Path.replace

    def interrupted(self, target):
        replace(self, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            AnswerCache(tmp_path).put("ab" * 32, 1)
    assert _get(AnswerCache(tmp_path), "ab" * 32) == 1


def test_an_error_without_words_of_the_system(tmp_path, monkeypatch):
    """The warning says what the system said, or what the error says where the system had no words."""

    def fails(*arguments, **options):
        raise OSError("no such luck")

    monkeypatch.setattr(Path, "write_text", fails)
    with pytest.warns(CacheWarning, match=r"be kept in .* \(no such luck\); the run"):
        AnswerCache(tmp_path).put("ab" * 32, 1)


def test_the_folder_is_swept_once(tmp_path):
    """Later writes of a run do not look through the whole folder again."""
    cache = AnswerCache(tmp_path)
    cache.put("cd" * 32, 1)
    late = _part(tmp_path, ".late.part", 10**6)
    cache.put("ef" * 32, 1)
    assert late.exists()


def test_a_file_can_be_read_by_others(tmp_path):
    """An answer is one JSON file that says its format and key."""
    AnswerCache(tmp_path).put("ab" * 32, {"label": "β"})
    (path,) = (p for p in tmp_path.rglob("*.json"))
    assert json.loads(path.read_bytes()) == {"format": 1, "key": "ab" * 32, "answer": {"label": "β"}}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_answers_are_the_users_own(tmp_path):
    """Nobody else on a shared machine can read a stored answer."""
    cache = AnswerCache(tmp_path)
    cache.put(key_of({"question": 1}), {"label": "B cell"})
    (answer,) = tmp_path.rglob("*.json")
    assert answer.stat().st_mode & 0o077 == 0
