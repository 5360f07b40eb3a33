"""Decisions of a curator by code: columns, audit trail, and what a new run does to them."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import CurationWarning, InputError, MissingKeyError, ReportError
from gca_scanpy.model import SCHEMA_VERSION


@pytest.fixture
def run(cells):
    """Cells of four types, annotated."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells


def _names(adata, column="gptca_curated_label"):
    return adata.obs.groupby("cluster", observed=True)[column].agg(lambda s: s.iloc[0]).to_dict()


def test_columns_and_trail(run):
    """Decided cells have label and id, the others none; the trail has who, when, from what to what and why."""
    gca.tl.curate(run, {"0": "pDC", 1: "my own type"}, accept=["2"], who="Ada", why="looked at it")
    labels, ids = _names(run), _names(run, "gptca_curated_ontology_id")
    assert (labels["0"], labels["1"], labels["2"]) == ("plasmacytoid dendritic cell", "my own type", "monocyte")
    assert ids["0"] == "CL:0000784"
    assert pd.isna(ids["1"])
    assert run.obs["gptca_curated_label"].isna().sum() == 30
    trail = gca.get.curation(run)
    assert list(trail.index) == ["0", "1", "2"]
    assert list(trail["kind"]) == ["changed", "changed", "accepted"]
    assert (trail.loc["0", "from_label"], trail.loc["0", "who"], trail.loc["0", "why"]) == (
        "B cell",
        "Ada",
        "looked at it",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", trail.loc["0", "when"])
    assert trail["stands"].all()
    assert run.uns["gptca"]["schema_version"] == SCHEMA_VERSION


def test_what_the_run_wrote_stays(run, content):
    """Nothing but the two columns and two entries of .uns differs."""
    before = content(run.obs), {k: v for k, v in run.uns["gptca"].items() if k != "report"}, gca.get.report(run)
    gca.tl.curate(run, {"0": "pDC"}, mixed={"1": "T and NK"}, who="Ada")
    others = run.obs.drop(columns=["gptca_curated_label", "gptca_curated_ontology_id"])
    assert content(others) == before[0]
    assert {k: v for k, v in run.uns["gptca"].items() if k != "report"} == before[1]
    assert gca.get.report(run).clusters == before[2].clusters


def test_the_colors_of_curated_labels(run):
    """They are in .uns, as Scanpy's plots expect them; an accepted label has the color that it has in the run."""
    before = {name: list(colors) for name, colors in run.uns.items() if name.endswith("_colors")}
    gca.tl.curate(run, {"0": "pDC", "1": "my own type"}, accept=["2"], who="Ada")
    colors = dict(zip(run.obs["gptca_curated_label"].cat.categories, run.uns["gptca_curated_label_colors"]))
    assert set(colors) == {"plasmacytoid dendritic cell", "my own type", "monocyte"}
    of_run = dict(zip(run.obs["gptca_label"].cat.categories, run.uns["gptca_label_colors"]))
    assert colors["monocyte"] == of_run["monocyte"]
    assert len({*colors.values(), *of_run.values()}) == len({*colors, *of_run})
    assert {name: list(run.uns[name]) for name in before} == before
    gca.tl.annotate(run, "cluster", tissue="blood")
    assert dict(zip(run.obs["gptca_curated_label"].cat.categories, run.uns["gptca_curated_label_colors"])) == colors
    gca.tl.curate(run, reopen=["0", "1", "2"], who="Ada")
    assert list(run.uns["gptca_curated_label_colors"]) == list(run.obs["gptca_curated_label"].cat.categories) == []


def test_the_last_decision_stands(run):
    """A later decision takes the place of an earlier one, which the trail keeps."""
    gca.tl.curate(run, {"0": "pDC"}, who="Ada")
    gca.tl.curate(run, {"0": "T cell"}, who="Grace")
    gca.tl.curate(run, {"0": "T cell"}, who="Grace")
    assert _names(run)["0"] == "T cell"
    assert list(gca.get.curation(run)["stands"]) == [False, True]
    gca.tl.curate(run, reopen="0", who="Grace")
    assert run.obs["gptca_curated_label"].isna().all()
    assert list(gca.get.curation(run)["stands"]) == [False, False, False]


def test_copy_and_key(cells, content):
    """A copy is decided on, the object is not; the key chooses the run."""
    gca.tl.annotate(cells, "cluster", key_added="mine")
    before = content(cells)
    other = gca.tl.curate(cells, {"0": "pDC"}, key="mine", copy=True, who="Ada")
    assert content(cells) == before
    assert "mine_curated_label" in other.obs
    assert gca.get.curation(other, key="mine").loc["0", "who"] == "Ada"
    with pytest.raises(MissingKeyError, match=r"no report in \.uns\['gptca'\]"):
        gca.tl.curate(cells, accept=["0"])


def test_the_user_of_the_system(run, monkeypatch):
    """If nobody is named, it is the system's user; a container may have none."""
    monkeypatch.setattr("getpass.getuser", lambda: "lovelace")
    gca.tl.curate(run, accept="0")
    assert gca.get.curation(run).loc["0", "who"] == "lovelace"

    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    gca.tl.curate(run, accept="1")
    assert gca.get.curation(run).loc["1", "who"] == "unknown"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"accept": ["9"]}, "no cluster '9'; there are: '0', '1', '2', '3'"),
        ({"labels": {"0": "pDC"}, "accept": ["0"]}, "cluster '0' is named twice"),
        ({"labels": {"0": "pDC", "1": ""}}, "label is empty"),
        ({"labels": {"0": "pDC"}, "mixed": {"1": ""}}, "say which types"),
        ({"labels": {"0": "pDC"}, "who": ""}, "who is empty"),
    ],
)
def test_a_wrong_call_leaves_the_object_as_it_was(run, content, arguments, message):
    """One wrong decision among right ones, and none is written."""
    before = content(run)
    with pytest.raises(InputError, match=message):
        gca.tl.curate(run, **arguments)
    assert content(run) == before


def test_a_store_that_fails_leaves_the_object_as_it_was(run, content):
    """If .uns cannot be written, the columns are restored."""
    before = content(run)

    class Broken(dict):
        def __setitem__(self, key, value):
            raise OSError(28, "No space left on device")

    run._uns = Broken(run.uns)
    with pytest.raises(OSError, match="No space"):
        gca.tl.curate(run, {"0": "pDC"}, who="Ada")
    run._uns = dict(run._uns)
    assert content(run) == before


def test_clusters_that_were_changed_since(run):
    """Decisions about clusters that are no longer those of the report are refused."""
    run.obs["cluster"] = run.obs["cluster"].to_numpy()[::-1]
    with pytest.raises(InputError, match="was changed since; annotate again"):
        gca.tl.curate(run, accept=["0"])


def test_a_report_of_a_later_version_is_not_cut(run):
    """What a later version knows more would be lost, so it is not written again."""
    run.uns["gptca"]["report"] = run.uns["gptca"]["report"].replace(
        f'"schema_version": "{SCHEMA_VERSION}"', '"schema_version": "1.9"'
    )
    with pytest.raises(ReportError, match="install a later gca-scanpy"):
        gca.tl.curate(run, accept=["0"])


@pytest.mark.parametrize("ending", [".h5ad", ".zarr"])
def test_files_hold_it(run, tmp_path, ending):
    """Columns and trail come back from a file."""
    gca.tl.curate(run, {"0": "pDC", "1": "ζ type"}, mixed={"2": "T and\nB"}, who="Ada")
    path = tmp_path / f"c{ending}"
    if ending == ".h5ad":
        run.write_h5ad(path)
        back = anndata.read_h5ad(path)
    else:
        run.write_zarr(path)
        back = anndata.read_zarr(path)
    assert _names(back)["1"] == "ζ type"
    pd.testing.assert_frame_equal(gca.get.curation(back), gca.get.curation(run))


def test_a_new_run_keeps_decisions_about_the_same_cells(run):
    """Other options, the same clusters: labels and trail stand, and nothing is warned of."""
    gca.tl.curate(run, {"0": "pDC"}, accept=["1"], who="Ada")
    before = gca.get.curation(run), run.obs["gptca_curated_label"].copy()
    gca.tl.annotate(run, "cluster", tissue="blood", n_markers=20)
    pd.testing.assert_frame_equal(gca.get.curation(run), before[0])
    pd.testing.assert_series_equal(run.obs["gptca_curated_label"], before[1])
    assert run.obs["gptca_label"].iloc[0] == "B cell"


def test_a_new_run_reopens_clusters_with_other_cells(run):
    """A warning names it, the trail records it, and its cells lose the curated label; the others keep theirs."""
    gca.tl.curate(run, {"0": "pDC"}, accept=["2"], who="Ada")
    groups = run.obs["cluster"].astype(str).to_numpy()
    groups[0] = "1"
    run.obs["cluster"] = pd.Categorical(groups)
    with pytest.warns(CurationWarning, match="decided on the clusters '0'"):
        gca.tl.annotate(run, "cluster", tissue="blood")
    trail = gca.get.curation(run)
    assert list(trail["kind"]) == ["changed", "accepted", "reopened"]
    assert (trail["who"].iloc[-1], trail["from_label"].iloc[-1]) == ("gca_scanpy", "plasmacytoid dendritic cell")
    assert run.obs["gptca_curated_label"].dropna().unique().tolist() == ["monocyte"]


def test_a_new_run_on_renumbered_clusters_does_not_move_labels(run):
    """As many cells in each cluster as before, but others: no label goes to cells that nobody decided on."""
    gca.tl.curate(run, {"0": "pDC"}, who="Ada")
    run.obs["cluster"] = run.obs["cluster"].cat.rename_categories({"0": "1", "1": "0"})
    with pytest.warns(CurationWarning):
        gca.tl.annotate(run, "cluster")
    assert run.obs["gptca_curated_label"].isna().all()


def test_a_new_run_by_another_column_or_of_some_clusters(run):
    """What the new report is not about is open again; a run under another key touches nothing."""
    gca.tl.curate(run, accept=["0", "1"], who="Ada")
    gca.tl.annotate(run, "planted", key_added="other")
    assert "other_curated_label" not in run.obs
    with pytest.warns(CurationWarning, match="clusters '1',"):
        gca.tl.annotate(run, "cluster", groups=["0"])
    assert run.obs["gptca_curated_label"].notna().sum() == 30
    with pytest.warns(CurationWarning, match="clusters '0',"):
        gca.tl.annotate(run, "planted")
    assert len(gca.get.curation(run)) == 4


def test_a_column_of_the_users_own_is_not_touched(run):
    """Without decisions, a run leaves a column of that name alone."""
    run.obs["gptca_curated_label"] = np.arange(run.n_obs)
    gca.tl.annotate(run, "cluster")
    assert list(run.obs["gptca_curated_label"]) == list(range(run.n_obs))
