"""What curators decided, in each export."""

from __future__ import annotations

import pandas as pd
import pytest

import gca_scanpy as gca


@pytest.fixture
def curated(annotated):
    """Cells of which one cluster is relabeled, one is mixed, one is in free words and the others are open."""
    labels = {"0": "pDC", "1": "=my(type)"}
    gca.tl.curate(annotated, labels, mixed={"2": "monocytes, T cells"}, who="Ada", why="looked")
    return annotated


def test_json(curated, tmp_path):
    """The file has the audit trail."""
    gca.io.to_json(curated, tmp_path / "r.json")
    assert gca.io.read_report(tmp_path / "r.json").audit == gca.get.report(curated).audit
    assert len(gca.get.report(curated).audit) == 3


def test_csv(curated, tmp_path):
    """Beside the machine's columns are the curator's, empty where nothing is decided."""
    gca.io.to_csv(curated, tmp_path / "c.csv")
    table = pd.read_csv(tmp_path / "c.csv", dtype=str, keep_default_na=False, index_col="cluster")
    assert table.loc["0", "label"] == "B cell"
    assert table.loc["0", "curated_label"] == "plasmacytoid dendritic cell"
    assert table.loc["0", "curated_ontology_id"] == "CL:0000784"
    assert (table.loc["1", "curated_label"], table.loc["1", "curated_ontology_id"]) == ("'=my(type)", "")
    assert list(table.loc["2", ["curator", "curation", "curation_note"]]) == ["Ada", "mixed", "monocytes, T cells"]
    assert table.loc["3", "curated_label"] == ""


def test_cas(curated):
    """The machine's labelset is as it was; the curator's is one of its own, with rationale and name."""
    document = gca.io.to_cas(curated)
    assert [labelset["name"] for labelset in document["labelsets"]] == ["gptca_label", "gptca_curated_label"]
    assert document["labelsets"][1]["annotation_method"] == "manual"
    machine, own = ([a for a in document["annotations"] if a["labelset"] == ls["name"]] for ls in document["labelsets"])
    assert (len(machine), len(own)) == (5, 3)
    assert machine[0]["cell_label"] == "B cell"
    assert (own[0]["cell_label"], own[0]["cell_ontology_term_id"]) == ("plasmacytoid dendritic cell", "CL:0000784")
    assert own[0]["rationale"] == "looked"
    assert own[0]["author_annotation_fields"]["curator"] == "Ada"
    assert own[0]["cell_ids"] == machine[0]["cell_ids"]
    assert (own[1]["cell_label"], own[1]["cell_ontology_exists"]) == ("=my(type)", False)


def test_cas_is_valid(curated):
    """The published schema takes a document with curators' labels."""
    pytest.importorskip("cas_schema", reason="pip install --no-deps cell-annotation-schema: it has the schemas")
    import json
    from importlib.resources import files

    import jsonschema

    text = (files("cas_schema") / "schemas" / "general_schema.json").read_text(encoding="utf-8")
    jsonschema.Draft7Validator(json.loads(text)).validate(gca.io.to_cas(curated))


def test_the_trail_of_a_report_without_decisions(report):
    """A table with its columns and no rows."""
    trail = gca.get.curation(report)
    assert isinstance(trail, pd.DataFrame)
    assert (len(trail), list(trail.columns)[:2]) == (0, ["kind", "from_label"])
