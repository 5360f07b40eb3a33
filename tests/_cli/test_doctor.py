"""``gca doctor``, with a real server, and ``gca cache``, with real answers in a real folder."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gca_scanpy._cli import main
from gca_scanpy._llm import cache
from gca_scanpy._llm.cache import AnswerCache, key_of
from gca_scanpy._packages import EXTRAS, command

KEY = "sk-secret-0123456789"
DAY = 86_400


@pytest.fixture
def listed():
    """A server that lists its models with this status: gives its address and what it was asked."""

    @contextmanager
    def start(status):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                asked.append((self.path, self.headers.get("authorization")))
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            server.server_close()

    return start


def test_nothing_is_configured(gca, tmp_path):
    """Versions and optional packages are listed; no server is asked, even with --ping."""
    done = gca("doctor", "--ping", GCA_ASSETS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    for start in ("gca-scanpy ", "Python 3.", "scanpy ", "anndata ", "bundled: 20", "reading zarr folders: "):
        assert any(line.startswith(start) for line in lines), start
    for extra in EXTRAS.values():
        assert any(line.startswith(f"{extra.purpose}: ") for line in lines), extra
    assert "OPENAI_API_KEY: not set" in lines
    assert lines[-1] == "none is configured (GCA_MODEL, GCA_BASE_URL)"


def test_a_missing_package(monkeypatch):
    """Each extra of which a package is missing is reported with the missing ones and the command that installs them."""
    there = {"dask", "streamlit"}
    monkeypatch.setattr(main, "_version", lambda package: "1.0" if package in there else None)
    lines = list(main._optional())
    for name, extra in EXTRAS.items():
        missing = ", ".join(package for package in extra.packages if package not in there)
        assert f"{extra.purpose}: no, {missing} missing; {command(name)}" in lines
    monkeypatch.setattr(main, "_version", lambda package: "1.0")
    assert "gca review: streamlit 1.0, filelock 1.0" in list(main._optional())


def test_a_server_that_answers(gca, listed):
    """A base URL that is set is asked, with its key; keys, headers and passwords are masked."""
    with listed(200) as (url, asked):
        done = gca(
            "doctor",
            GCA_BASE_URL=url.replace("//", "//user:password@"),
            GCA_MODEL="openai:any",
            OPENAI_API_KEY=KEY,
            GCA_HEADERS='{"X-Team": "team-secret"}',
        )
    assert done.returncode == 0, done.stderr
    assert asked[0][0] == "/v1/models"
    assert len(asked) == 1
    assert "answers 200" in done.stdout
    assert "OPENAI_API_KEY: set, ***" in done.stdout
    assert "headers: X-Team: *** (GCA_HEADERS)" in done.stdout
    for secret in (KEY, "password", "team-secret"):
        assert secret not in done.stdout + done.stderr


def test_ping(gca, listed):
    """With --ping it is; that it does not accept the key is a problem: one line on stderr, exit code 1."""
    with listed(401) as (url, asked):
        done = gca("doctor", "--ping", GCA_MODEL="ollama:m", OLLAMA_HOST=url)
    assert done.returncode == 1
    assert asked == [("/v1/models", None)]
    assert done.stderr.startswith("Error: 127.0.0.1:")
    assert "answers 401, the key is not accepted" in done.stderr


def test_no_server_is_asked_without_ping(gca, listed):
    """A model without a base URL is asked with --ping only."""
    with listed(200) as (url, asked):
        there = {"GCA_MODEL": "ollama:m", "OLLAMA_HOST": url}
        assert "not checked; --ping checks it" in gca("doctor", **there).stdout
        assert asked == []


def test_what_does_not_work(gca, tmp_path):
    """A variable that cannot be parsed is one problem, and the other sections are still shown."""
    done = gca("doctor", GCA_MIN_SUPPORT="few")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "GCA_MIN_SUPPORT is 'few'" in done.stderr
    assert "ANTHROPIC_API_KEY: not set" in done.stdout


def test_offline_is_no_model(gca, listed):
    """GCA_MODEL=offline is a setting that works: no model is configured, and a base URL is checked as ever."""
    done = gca("doctor", "--ping", GCA_MODEL="offline")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "none is configured (GCA_MODEL, GCA_BASE_URL)"
    with listed(200) as (url, asked):
        done = gca("doctor", GCA_MODEL="offline", GCA_BASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "none is configured; the server is 127.0.0.1:" in done.stdout
    assert len(asked) == 1


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
