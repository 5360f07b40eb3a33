"""Downloading public tables, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy.db import _assets
from gca_scanpy.errors import DatabaseError, InputError

TEXT = (
    b"species\tofficial gene symbol\tcell type\tcanonical marker\torgan\n"
    b"Mm Hs\tMS4A1\tB cells\t1\tImmune system\nHs\tCD79A\tB cells\t1\tImmune system\n"
)
CONTENT = gzip.compress(TEXT, mtime=0)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = _assets.ASSETS["panglaodb"].file


class Handler(BaseHTTPRequestHandler):
    """Gives the table, a page that says sorry, or 404."""

    def do_GET(self):
        """Answer by the path."""
        self.server.asked.append(self.path)
        body = {"/table": CONTENT, "/sorry": b"<html>moved</html>"}.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    """Give a server on a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the assets folder, which is not there yet."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("GCA_ASSETS_HOME", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def at(monkeypatch):
    """Let PanglaoDB be at another address, with a known sha256 where one is given."""

    def at(url, sha256=None):
        asset = evolve(_assets.ASSETS["panglaodb"], url=url, sha256=sha256)
        monkeypatch.setattr(_assets, "ASSETS", {**_assets.ASSETS, "panglaodb": asset})

    return at


@pytest.fixture
def address(server):
    """Give the address of a path on the server."""
    pytest.importorskip("pooch")
    return lambda path: f"http://127.0.0.1:{server.server_port}{path}"


def test_a_download(server, home, at, address, caplog):
    """The file is put where load finds it, alone, without chatter, and a second time nothing is asked."""
    at(address("/table"))
    with caplog.at_level(logging.INFO):
        found = gca.db.fetch("panglaodb")
    assert (found.path, found.sha256, found.verified, found.downloaded) == (home / FILE, SHA256, False, True)
    assert [path.name for path in home.iterdir()] == [FILE]
    assert gca.db.load("panglaodb").facts["gene"].tolist() == ["MS4A1", "CD79A"]
    assert not [record for record in caplog.records if record.name == "pooch"]
    again = gca.db.fetch("panglaodb")
    assert (again.path, again.downloaded) == (home / FILE, False)
    assert server.asked == ["/table"]


@pytest.mark.parametrize("given", [True, False])
def test_the_sha256_is_checked(home, at, address, given):
    """A hash that is known or given is checked, of what is downloaded and of what is there."""
    at(address("/table"), None if given else SHA256)
    asked = {"sha256": SHA256.upper()} if given else {}
    assert gca.db.fetch("panglaodb", **asked).verified
    assert gca.db.fetch("panglaodb", **asked).verified
    with pytest.raises(DatabaseError, match="sha256"):
        gca.db.fetch("panglaodb", sha256="0" * 64)


def test_another_content_than_expected(home, at, address):
    """A file with another hash does not get into the folder."""
    at(address("/table"), "0" * 64)
    with pytest.raises(DatabaseError, match="its sha256 is not 0000"):
        gca.db.fetch("panglaodb")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(("path", "reason"), [("/sorry", r"no \.gz file"), ("/nothing", "404")])
def test_a_server_that_has_it_not(home, at, address, path, reason):
    """A page in place of the file, and an error of the server, say how to do it by hand and leave nothing."""
    at(address(path))
    with pytest.raises(DatabaseError, match=reason) as raised:
        gca.db.fetch("panglaodb")
    for part in (FILE, address(path), str(home), "https://panglaodb.se/markers.html"):
        assert part in str(raised.value)
    assert list(home.iterdir()) == []


def test_no_network(home, at):
    """Where nobody answers, one sentence says which file from where to put where."""
    pytest.importorskip("pooch")
    at("http://127.0.0.1:9/table")
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1 cannot be reached") as raised:
        gca.db.fetch("panglaodb")
    assert "\n" not in str(raised.value)
    assert str(home) in str(raised.value)


def test_without_pooch(home, monkeypatch):
    """Without pooch the command that installs it is named, and no folder is made."""
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DatabaseError, match=r"python -m pip install 'gca-scanpy\[fetch\]'"):
        gca.db.fetch("sctype")
    assert not home.exists()


def test_a_file_under_another_name(home):
    """A table that the user put there under another name is not joined by a second one."""
    home.mkdir()
    (home / "panglaodb_2020.tsv").write_bytes(TEXT)
    found = gca.db.fetch("panglaodb")
    assert (found.path.name, found.downloaded, found.verified) == ("panglaodb_2020.tsv", False, False)


@pytest.mark.parametrize("name", ["x", "bundled", "cellconsensus"])
def test_what_cannot_be_downloaded(name):
    """A name that is no public table is refused, with the names that are."""
    with pytest.raises(InputError, match=f"no public table '{name}'; choose one of panglaodb, .*celltypist"):
        gca.db.fetch(name)


def test_no_sha256_is_invented():
    """What is stated is a sha256, and is from the makers' file; today there is none."""
    assert {asset.sha256 for asset in _assets.ASSETS.values()} == {None}
    assert all(asset.url.startswith("http") and asset.url.endswith(asset.file) for asset in _assets.ASSETS.values())
