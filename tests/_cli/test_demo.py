"""``gca demo``: the first thing that a stranger runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anndata
import jsonschema
import pytest

from gca_scanpy import get, io


def test_demo_prints_the_table_and_writes_the_files(gca, tmp_path):
    """The demo prints a row per cluster and writes object, report and picture, all of one run."""
    done = gca("demo", "--out", "new/folder")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    head = next(line for line in lines if line.startswith(" cluster"))
    columns = ["cluster", "cells", "label", "CL id", "confidence", "status", "supporting genes"]
    assert [name for name in re.split(r"\s{2,}", head.strip()) if name != "finest guess"] == columns
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines if re.match(r"^ \d", line)]
    assert [row[0] for row in rows] == ["0", "1+4", "2", "3", "5", "6", "7", "8", "9", "10"]
    assert rows[7][:4] == ["8", "31", "plasma cell", "CL:0000786"]
    assert re.fullmatch(r"(High|Medium) \d\.\d\d", rows[7][4])
    assert rows[7][5] == "supported"
    assert "MZB1" in rows[7][6]
    # A flagged cluster with its reason and what to do, states, and a path with its probabilities.
    assert "flagged (mixed_lineage)" in done.stdout
    assert re.search(r"^1\+4: .*two populations .*tl\.split separates them", done.stdout, re.M)
    assert "states: ER stress in 8; proliferating in 9" in lines
    assert re.search(r"cluster 3 goes: .* > T cell \(0\.\d\d\) > .* > CD8-positive", done.stdout)
    assert any(line.startswith("10 clusters: 9 supported, 1 flagged") for line in lines)
    assert "was made for this demo" in lines[-1]

    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == ["annotated.h5ad", "report.json", "report.png"]
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, io.json_schema())
    adata = anndata.read_h5ad(folder / "annotated.h5ad")
    assert get.report(adata) == io.read_report(folder / "report.json")
    assert set(adata.obs.loc[adata.obs["louvain"] == "8", "gptca_label"]) == {"plasma cell"}
    picture = (folder / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") > 1000  # pixels across, enough to read
    assert done.stderr == f"written to {Path('new', 'folder')}: annotated.h5ad, report.json, report.png\n"


def test_demo_without_a_folder_writes_nothing(gca, tmp_path):
    """Without ``--out`` the demo prints the table, and neither folder nor cache gets a file."""
    done = gca("demo")
    assert done.returncode == 0, done.stderr
    assert "plasma cell" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["annotated.h5ad", "report.json", "report.png"])
def test_demo_replaces_nothing_of_the_user(fails, tmp_path, name):
    """A file of one of the demo's names stays, before the work and before another of its files is written."""
    (tmp_path / name).write_text("mine")
    message = fails("demo", "--out", ".")
    assert message == f"Error: {name} is already there; choose another name or give --force"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_demo_with_force(gca, tmp_path):
    """With --force the demo replaces its own three files, and no other."""
    for name in ("report.json", "mine.txt"):
        (tmp_path / name).write_text("mine")
    assert gca("demo", "--out", ".", "--force").returncode == 0
    assert get.report(anndata.read_h5ad(tmp_path / "annotated.h5ad")) == io.read_report(tmp_path / "report.json")
    assert (tmp_path / "mine.txt").read_text() == "mine"
