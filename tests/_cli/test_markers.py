"""``gca markers``: the tables, and what can be done with them."""

from __future__ import annotations

import hashlib
import json
import re

import pandas as pd
import pytest

import gca_scanpy as gca

PANGLAO = (
    "species\tofficial gene symbol\tcell type\tcanonical marker\torgan\n"
    "Mm Hs\tMS4A1\tB cells\t1\tImmune system\nHs\tCD79A\tB cells\t1\tImmune system\n"
)


@pytest.fixture
def run(gca, tmp_path):
    """Run ``gca markers`` with an empty assets folder of its own."""

    def run(*arguments, code=0, **environment):
        done = gca("markers", *arguments, **{"GCA_ASSETS_HOME": str(tmp_path / "assets"), **environment})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def assets(tmp_path):
    """Give a folder with a little PanglaoDB."""
    folder = tmp_path / "others"
    folder.mkdir()
    (folder / "PanglaoDB_markers_27_Mar_2020.tsv").write_text(PANGLAO)
    return folder


def test_list(run, assets):
    """Every name that can be loaded is there, with what is missing, and --assets-home says where to look."""
    text = run("list")
    for name in ("bundled", "panglaodb", "cellmarker2", "sctype", "celltypist"):
        assert name in text
    assert "gca markers fetch panglaodb" in text
    there = run("--assets-home", assets, "list")
    assert "PanglaoDB_markers_27_Mar_2020.tsv" in there
    assert str(assets) in there.replace("\n", "")
    assert "gca markers fetch panglaodb" not in there


def test_info(run, assets):
    """Version, fingerprint, numbers and license of each source that is named."""
    text = run("--assets-home", assets, "info", "bundled", "panglaodb")
    database = gca.db.load()
    assert database.version in text
    assert database.sha256 in text
    assert f"cell types: {database.facts['cell_type'].nunique()}" in text
    assert "BSD-3-Clause" in text
    assert "Franzén" in text
    assert "facts: 2," in text
    assert "witnessed: 2 for their very type, 0 for a neighboring type only" in text


@pytest.mark.parametrize("name", ["B cell", "b cells", "CL:0000236", "CL_0000236"])
def test_info_of_a_type(run, name):
    """A type is asked for by its name or its id; its markers come with strength and sources."""
    text = run("info", "--type", name)
    assert "B cell (CL:0000236)" in text
    line = next(line.split() for line in text.splitlines() if line.split()[:1] == ["MS4A1"])
    assert "canonical" in line
    assert "panglaodb" in text


def test_info_shows_the_standing(run, tmp_path):
    """The number of profiles and lists stands beside each marker, or "none"."""
    text = run("info", "--type", "B cell")
    assert re.search(r"CD79A .* \d/\d profiles; \d+ lists ", text)
    table = tmp_path / "own.csv"
    table.write_text("cell_type,gene,sources\nB cell,CD79A,my paper\nB cell,MS4A1,\n")
    lines = {line.split()[0]: line for line in run("info", table, "--type", "B cell").splitlines() if line.strip()}
    assert "1 list " in lines["CD79A"]
    assert "my paper" in lines["CD79A"]
    assert " none " in lines["MS4A1"]


def test_a_fact(run, tmp_path):
    """A fact is printed with its sources and their DOIs; a table of the user's shows its own sources."""
    text = run("fact", "CD20", "b cells")
    assert text.startswith("MS4A1 marks B cell (CL:0000236) in gca-scanpy")
    assert "doi:10.1093/database/baz046" in text
    assert "kidney v" in text
    table = tmp_path / "own.csv"
    table.write_text("cell_type,gene,sources\nB cell,CD79A,my paper\n")
    assert "    my paper\n" in run("fact", "cd79a", "B", "--marker-db", table)
    merged = run("fact", "cd79a", "B", "--marker-db", table, "--marker-db", "bundled")
    assert "    my paper\n" in merged
    assert "doi:10.1093/database/baz046" in merged


def test_a_fact_that_is_not_there(run):
    """The message names types that have the gene and genes that the type has, in one line, and the exit code is 1."""
    text = run("fact", "CD79A", "hepatocyte", code=1)
    assert "CD79A marks B cell (CL:0000236)" in text
    assert "markers of hepatocyte are ALB" in text
    assert len(text.strip().splitlines()) == 1
    run("fact", "CD79A", code=2)


def test_info_of_what_is_not_there(run):
    """An unknown type, and a table that is not there, are told in one line."""
    text = run("info", "--type", "Bq cels", code=1)
    assert "B cell" in text
    assert len(text.strip().splitlines()) == 1
    assert "CL:0000000" in run("info", "--type", "CL:0000000", code=1)
    assert "PanglaoDB_markers_27_Mar_2020.tsv.gz" in run("info", "panglaodb", code=1)


def test_verify(run, tmp_path):
    """The bundled database and a table that was mended are fine; a table that cannot be used gives exit code 1."""
    assert ": ok" in run("verify")
    table = tmp_path / "own.tsv"
    table.write_text("cell_type\tgene\nB cell\tCD20\nB cell\tMS4A1\n")
    text = run("verify", table)
    assert "corrected: 1 rows repeat a fact" in text
    assert "warning: few: B cell (CL:0000236): 1 positive genes" in text
    table.write_text("cell_type\tgene\trole\nB cell\tMS4A1\tpositive\nB cell\tMS4A1\tnegative\n")
    assert "MS4A1 both positive and negative" in run("verify", table, code=1)
    assert "nothing.tsv" in run("verify", tmp_path / "nothing.tsv", code=1)


def test_verify_shows_the_first_of_many(run, tmp_path):
    """A long list of findings is cut, and --all shows it."""
    table = tmp_path / "own.tsv"
    table.write_text("cell_type\tgene\n" + "".join(f"B cell\tNOGENE{n}\n" for n in range(30)))
    assert "and 20 more" in run("verify", table)
    assert run("verify", "--all", table).count("symbols:") == 30


def test_export(run, tmp_path):
    """An exported table is the database that was exported; several are merged; what is there is not overwritten."""
    whole, both, sets = tmp_path / "whole.tsv", tmp_path / "both.tsv", tmp_path / "sets.gmt"
    run("export", "--format", "tsv", "-o", whole)
    assert gca.db.load(whole).facts.equals(gca.db.load().facts)
    assert "already there" in run("export", "--output", whole, code=2)
    own = tmp_path / "own.tsv"
    own.write_text("cell_type\tgene\nmy cell\tMS4A1\n")
    run("export", "--marker-db", "bundled", "--marker-db", own, "-o", both)
    assert "my cell" in set(pd.read_csv(both, sep="\t")["cell_type"])
    run("export", "--marker-db", own, "--format", "gmt", "-o", sets)
    assert sets.read_text() == "my cell\t-\tMS4A1\n"
    run("export", "--marker-db", own, "--format", "json", "--force", "-o", tmp_path / "own.json")
    assert json.loads((tmp_path / "own.json").read_text())["version"] == "own.tsv"
    assert not list(tmp_path.glob(".*part*"))


def test_export_to_where_it_cannot_be(run, tmp_path):
    """A folder that is not there, and an ending of another format, are told in one line."""
    assert "nowhere" in run("export", "-o", tmp_path / "nowhere" / "x.tsv", code=1)
    assert "gmt" in run("export", "--format", "gmt", "-o", tmp_path / "x.tsv", code=1)


def test_fetch_without_a_network(run, tmp_path):
    """One line says which file from which address to put where; nothing is left behind."""
    pytest.importorskip("pooch")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    text = run("fetch", "panglaodb", code=1, **nowhere, NO_PROXY="", no_proxy="")
    assert len(text.strip().splitlines()) == 1
    assert "https://panglaodb.se/markers/PanglaoDB_markers_27_Mar_2020.tsv.gz" in text
    assert str(tmp_path / "assets") in text
    assert list((tmp_path / "assets").iterdir()) == []


def test_fetch_of_what_cannot_be_fetched(run):
    """An unknown name gets the known ones."""
    assert "celltypist" in run("fetch", "nonsense", code=1)


def test_fetch_of_what_is_there(run, assets):
    """What is there is not downloaded again, and nothing is called verified that was not."""
    text = run("--assets-home", assets, "fetch", "panglaodb")
    assert "already there" in text
    assert "not verified" in text


def test_fetch_of_another_file_than_expected(run, assets):
    """--sha256 is compared with the file that is there: either it is verified, or one line says what it has."""
    there = next(path for path in assets.iterdir() if path.name.startswith("PanglaoDB"))
    own = hashlib.sha256(there.read_bytes()).hexdigest()
    text = run("--assets-home", assets, "fetch", "panglaodb", "--sha256", own)
    assert "not verified" not in text
    assert own in run("--assets-home", assets, "fetch", "panglaodb", "--sha256", "0" * 64, code=1)
