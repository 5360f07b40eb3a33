"""``tl.annotate``: what cannot be used is said, what may be wrong is warned of, and a failed run leaves no trace."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy import _request
from gca_scanpy._scoring import case
from gca_scanpy.errors import (
    GeneNameWarning,
    InputError,
    MissingKeyError,
    NoOverlapError,
    UnknownSpeciesError,
    UnknownTissueWarning,
)


def test_labels_of_the_user_are_checked(cells):
    """tl.validate checks the user's labels instead of proposing any: the wrong one is not supported."""
    mine = {"0": "B cell", "1": "hepatocyte", "2": "monocyte", "3": "natural killer cell"}
    cells.obs["mine"] = cells.obs["cluster"].map(mine)
    gca.tl.validate(cells, "cluster", "mine", key_added="check")
    report = gca.get.report(cells, "check")
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == mine
    assert report.cluster("0").status == "supported"
    assert report.cluster("1").status != "supported"
    assert {c.source for c in report.clusters} == {"user"}


def test_missing_groupby_lists_the_columns(pbmc, content):
    """A missing groupby lists the categorical columns there are."""
    before = content(pbmc)
    with pytest.raises(MissingKeyError, match=r"no \.obs\['leiden'\].*'bulk_labels', 'phase', 'louvain'"):
        gca.tl.annotate(pbmc, groupby="leiden")
    assert content(pbmc) == before


def test_unknown_species_lists_the_known(cells):
    """An unknown species is an error that lists the known."""
    with pytest.raises(UnknownSpeciesError, match="'zebrafish' is not known; known are: human, mouse"):
        gca.tl.annotate(cells, "cluster", species="zebrafish")


def test_a_misspelled_tissue_is_a_warning(cells):
    """A misspelled tissue is read as the nearest name, with a warning, and gives the answers of that name."""
    plain = gca.get.report(gca.tl.annotate(cells, "cluster", tissue="blood", copy=True))
    with pytest.warns(UnknownTissueWarning, match="'bloood' is not known; it was read as 'blood'") as caught:
        gca.tl.annotate(cells, "cluster", tissue="bloood")
    assert [w.category for w in caught] == [UnknownTissueWarning]
    found = gca.get.report(cells)
    assert [c.confidence_score for c in found.clusters] == [c.confidence_score for c in plain.clusters]
    assert (found.parameters["tissue"], found.provenance.tissues) == ("bloood", {"bloood": ("blood",)})


@pytest.mark.parametrize(
    ("tissue", "message"),
    [
        ("pancreatitis", "'pancreatitis' is not known; the nearest known: pancrea"),
        ("qqqq", "'qqqq' is not known; known are: .*kidney"),
    ],
)
def test_an_unknown_tissue_is_an_error(cells, content, tissue, message):
    """An unknown tissue is an error with the nearest known names, and nothing is written."""
    before = content(cells)
    with pytest.raises(InputError, match=message):
        gca.tl.annotate(cells, "cluster", tissue=tissue)
    assert content(cells) == before


def test_no_overlap_says_both_counts_with_examples(cells, content):
    """Genes that are none: an error with both counts and examples of each, and adata as it was."""
    cells.var_names = [f"feature-x{i}" for i in range(cells.n_vars)]
    before = content(cells)
    counts = r"0 of the \d+ distinct marker genes are among the \d+ genes of the database"
    with pytest.raises(NoOverlapError, match=counts + r" \(yours: feature-x\d+.*the database's: \w+"):
        gca.tl.annotate(cells, "cluster")
    assert content(cells) == before


def test_few_known_genes_are_said_up_front(cells):
    """Fewer than a third of the markers known to the database: said up front, with the numbers, and in the report."""
    own = pd.DataFrame({"cell_type": ["hepatocyte"] * 3, "gene": ["ALB", "APOA1", "MS4A1"]})
    with pytest.warns(GeneNameWarning, match=r"only 1 of the \d+ distinct marker genes are among the 3 genes"):
        gca.tl.annotate(cells, "cluster", marker_db=own)
    assert any(text.startswith("only 1 of the") for text in gca.get.report(cells).warnings)


def test_mouse_data_called_human_is_warned_of(cells):
    """Mouse data called human: warned, the case tells."""
    cells.var_names = [name.capitalize() for name in cells.var_names]
    with pytest.warns(GeneNameWarning, match="written as mouse genes are"):
        gca.tl.annotate(cells, "cluster")


@pytest.mark.parametrize("bad", [{"n_markers": 0}, {"n_markers": 2.5}, {"tissue": {"9": "blood"}}])
def test_arguments_that_cannot_be_used(cells, content, bad):
    """An argument that cannot be used is an error that names it, and adata is as it was."""
    before = content(cells)
    with pytest.raises(InputError, match=next(iter(bad))):
        gca.tl.annotate(cells, "cluster", **bad)
    assert content(cells) == before


def test_whole_numbers_of_numpy_are_whole_numbers(cells):
    """n_markers=np.int64(10) is as good as 10."""
    gca.tl.annotate(cells, "cluster", n_markers=np.int64(10))
    assert gca.get.report(cells).parameters["n_markers"] == "10"


STEPS = {"rank": case, "propose": _request}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "second run"])
def test_a_run_that_fails_half_way(cells, content, monkeypatch, step, earlier):
    """A run that fails half-way (the scorer is killed) leaves adata byte for byte as it was."""
    if earlier:
        gca.tl.annotate(cells, "cluster")
    before, calls = content(cells), []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*arguments)

    whole = getattr(STEPS[step], step)
    monkeypatch.setattr(STEPS[step], step, killed)
    with pytest.raises(KeyboardInterrupt):
        gca.tl.annotate(cells, "cluster")
    assert content(cells) == before


def test_nothing_is_written_to_disk(cells, tmp_path, monkeypatch):
    """An offline run writes no file, not even a cache folder."""
    monkeypatch.chdir(tmp_path)
    gca.tl.annotate(cells, "cluster")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_the_report_says_what_was_asked(cells):
    """Parameters, versions, database and time per step are in the report, readable without this package."""
    gca.tl.annotate(cells, "cluster", tissue="blood", n_markers=20)
    parameters = json.loads(cells.uns["gptca"]["parameters"])
    assert (parameters["groupby"], parameters["n_markers"], parameters["tissue"]) == ("cluster", "20", "blood")
    report = gca.get.report(cells)
    assert set(report.provenance.versions) >= {"gca_scanpy", "scanpy", "anndata", "numpy", "pandas", "python"}
    assert report.provenance.model is None
    assert report.telemetry.requests == 0
    assert {"database", "markers", "scoring", "guardrails"} <= set(report.telemetry.seconds)
