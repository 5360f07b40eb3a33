"""``gca consensus``."""

from __future__ import annotations

import anndata as ad
import pytest

from gca_scanpy import get, io
from gca_scanpy._keys import MIN_AGREEMENT


@pytest.fixture
def source(cells, tmp_path):
    """A file with the labels of three tools."""
    names = {"0": "B cell", "1": "T cell", "2": "monocyte", "3": "NK"}
    cells.obs["mine"] = cells.obs["cluster"].astype(str).map(names).astype("category")
    cells.obs["tool"] = cells.obs["cluster"].astype(str).map({**names, "0": "blob 7"}).astype("category")
    cells.obs["expert"] = cells.obs["cluster"].astype(str).map({**names, "1": "neuron"}).astype("category")
    cells.obs["conf"] = 0.5
    cells.write_h5ad(tmp_path / "in.h5ad")
    return tmp_path / "in.h5ad"


def test_labels_are_joined_and_written(gca, source, tmp_path):
    """The table goes to stdout, with who disagrees; the file has the labels, and the reports are written."""
    outputs = ("-o", "out.h5ad", "--json-report", "r.json", "--html-report", "r.html", "--csv-report", "r.csv")
    done = gca(
        "consensus", source, "--keys", "mine, tool,expert", "--groupby", "cluster", "--tissue", "blood", *outputs
    )
    assert done.returncode == 0, done.stderr
    assert "1: expert says neuron (other lineage)" in done.stdout
    assert "4 clusters: 4 supported" in done.stdout
    assert "'blob 7'" in done.stderr
    written = ad.read_h5ad(tmp_path / "out.h5ad")
    assert list(get.clusters(written, "consensus")["label"]) == ["B cell", "T cell", "monocyte", "natural killer cell"]
    assert written.obs["consensus_agreement"].min() > 0.6
    assert [v.key for v in io.read_report(tmp_path / "r.json").cluster("1").consensus.dissenters] == ["expert"]
    assert "Votes of the columns" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "expert: neuron (other lineage)" in (tmp_path / "r.csv").read_text(encoding="utf-8")


def test_options(gca, source, tmp_path):
    """Weights, scores, terms, the key and single cells, as in Python."""
    options = ("--weight", "expert=8", "--score", "expert=conf", "--term", "blob 7=B cell", "--key-added", "joined")
    done = gca("consensus", source, "--keys", "mine,tool,expert", *options, "-o", "out.h5ad")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "wrote out.h5ad\n"
    written = ad.read_h5ad(tmp_path / "out.h5ad")
    assert set(written.obs["joined_label"]) == {"B cell", "neuron", "monocyte", "natural killer cell"}
    parameters = get.report(written, "joined").parameters
    assert (parameters["scores"], parameters["groupby"]) == ("{'expert': 'conf'}", "joined_label")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--keys", ","), "name columns of .obs with labels, joined by commas"),
        ((), "--keys"),
        (("--keys", "mine,theirs"), "there is no .obs['theirs']"),
        (("--keys", "mine", "--weight", "mine"), "'mine' must be like expert=2"),
        (("--keys", "mine", "--weight", "mine=x"), "'mine=x' must be like expert=2"),
        (("--keys", "mine", "--weight", "tool=2"), "weights names 'tool'"),
        (("--keys", "mine", "-o", "out.csv"), "must end in .h5ad or .zarr"),
        (("--keys", "mine", "--min-agreement", "2"), "0<=x<=1"),
    ],
)
def test_what_cannot_be_used(fails, source, options, message):
    """One line says what is wrong, before anything is written."""
    assert message in fails("consensus", source, *options)


def test_the_default_of_the_agreement(gca):
    """The help has the number that Python uses."""
    assert f"[default: {MIN_AGREEMENT}]" in " ".join(gca("consensus", "--help").stdout.split())
