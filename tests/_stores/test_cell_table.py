"""Tables of barcodes and clusters."""

from __future__ import annotations

import pytest

from gca_scanpy._stores.files import add_clusters
from gca_scanpy.errors import InputError, MissingClusterWarning


@pytest.fixture
def table(tmp_path):
    """Write a table of this text."""

    def write(text):
        (tmp_path / "clusters.csv").write_text(text)
        return tmp_path / "clusters.csv"

    return write


def test_cells_without_a_cluster(cells, table):
    """The table may be in another order, lack cells and have others; what it does not say is missing."""
    path = table("Barcode,Cluster\nelse,9\ncell1,b\n cell0 , a\ncell2,\n")
    del cells.obs["cluster"]
    with pytest.warns(MissingClusterWarning, match="1 of 4 barcodes .* such as 'else'"):
        assert add_clusters(cells, path) == "cluster"
    found = cells.obs["cluster"]
    assert found.iloc[:2].tolist() == ["a", "b"]
    assert found.iloc[2:].isna().all()
    assert list(found.cat.categories) == ["a", "b"]


def test_a_column_by_its_name(cells, table):
    """Of several columns the one that is named is taken, and is called so in .obs; tabs do as well."""
    path = table("barcode\tkmeans\tleiden\ncell0\t1\t7\n")
    assert add_clusters(cells, path, "leiden") == "leiden"
    assert cells.obs["leiden"].iloc[0] == "7"
    assert add_clusters(cells, path, "other") == "other"
    assert cells.obs["other"].iloc[0] == "1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Barcode\ncell0\n", "has 1 columns and 1 rows; it needs barcodes and clusters"),
        ("Barcode,Cluster\ncell0,1\ncell0,2\n", "has the barcode 'cell0' twice"),
        ("Barcode,Cluster\ncell0-1,1\n", "names such as 'cell0-1', and the data has names such as 'cell0'"),
        ("Barcode,Cluster\n", "2 columns and 0 rows"),
        ("", "cannot be read as a table"),
    ],
)
def test_what_is_no_such_table(cells, table, content, text, said):
    """What is wrong is said, and the object is as it was."""
    before = content(cells)
    with pytest.raises(InputError, match=said):
        add_clusters(cells, table(text), "new")
    assert content(cells) == before


def test_half_of_the_barcodes(cells, table):
    """Barcodes that differ by an ending are said with their number; cells that were filtered out are not."""
    rows = [f"cell{i}{'-1' if i % 2 else ''},{i % 3}" for i in range(cells.n_obs)]
    with pytest.warns(MissingClusterWarning, match="60 of 120 barcodes .* such as 'cell1-1'"):
        add_clusters(cells, table("\n".join(["Barcode,Cluster", *rows])), "half")
    assert cells.obs["half"].isna().sum() == 60
    few = [f"cell{i},{i % 3}" for i in range(cells.n_obs + 50)]
    add_clusters(cells, table("\n".join(["Barcode,Cluster", *few])), "all")
    assert cells.obs["all"].notna().all()


def test_a_column_that_is_there(cells, table):
    """A column of .obs is not replaced."""
    with pytest.raises(InputError, match=r"\.obs\['planted'\] already exists"):
        add_clusters(cells, table("Barcode,Cluster\ncell0,1\n"), "planted")
