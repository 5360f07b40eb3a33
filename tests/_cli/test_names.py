"""``gca names``."""

from __future__ import annotations

import anndata
import pandas as pd
import pytest


def test_a_table_of_labels(gca, tmp_path):
    """Each different label has a row; the last line counts them, and the table is written."""
    (tmp_path / "l.csv").write_text("cell_type,n\nFib_2,3\nPC,1\nFib_2,4\n", encoding="utf-8")
    done = gca("names", "l.csv", "--tissue", "kidney", "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    assert "fibroblast" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 of 2 labels have a term"
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["ontology_id"].tolist() == ["CL:0000057", "CL:0005009"]
    again = gca("names", "l.csv", "-o", "out.csv")
    assert again.returncode == 2
    assert "--force" in again.stderr
    before = (tmp_path / "l.csv").read_bytes()
    assert "l.csv is an input" in gca("names", "l.csv", "-o", "l.csv", "--force").stderr
    assert (tmp_path / "l.csv").read_bytes() == before


def test_a_list_without_a_header(gca, tmp_path):
    """A column of labels whose first line is a label, too."""
    (tmp_path / "l.txt").write_text("B cell\nT cells\n", encoding="utf-8")
    done = gca("names", "l.txt")
    assert done.stdout.splitlines()[-1] == "2 of 2 labels have a term"


def test_cells(gca, cells, tmp_path):
    """The labels of a column; the terms go into CELLxGENE's column of a new file."""
    cells.obs["cell_type"] = ["Fib_2"] * cells.n_obs
    cells.write_h5ad(tmp_path / "c.h5ad")
    done = gca("names", "c.h5ad", "--column", "cell_type", "-o", "out.h5ad")
    assert done.returncode == 0, done.stderr
    assert set(anndata.read_h5ad(tmp_path / "out.h5ad").obs["cell_type_ontology_term_id"]) == {"CL:0000057"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["c.h5ad"], "give --column; the columns of .obs are: "),
        (["c.h5ad", "--column", "x"], "no column 'x'"),
        (["l.csv"], "no column of labels: give --column; its columns are: a, b"),
        (["l.csv", "--column", "c"], "no column 'c'"),
        (["l.csv", "--column", "a", "-o", "x.h5ad"], "use .csv"),
    ],
)
def test_usage(gca, cells, tmp_path, options, said):
    """A column that is missing, and an ending that cannot be written: the error says what there is."""
    cells.write_h5ad(tmp_path / "c.h5ad")
    (tmp_path / "l.csv").write_text("a,b\nx,y\n", encoding="utf-8")
    done = gca("names", *options)
    assert done.returncode == 2
    assert said in done.stderr
