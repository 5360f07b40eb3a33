"""Documents of the Cell Annotation Schema."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError

PUBLISHED = {"author_name": "Ada Lovelace", "title": "Blood", "cellannotation_url": "https://example.org/blood"}


def _schema(name):
    """A schema as PyPI's cell-annotation-schema has it; its own dependencies are of one day in 2022."""
    pytest.importorskip("cas_schema", reason="pip install --no-deps cell-annotation-schema: it has the schemas")
    schema = json.loads((files("cas_schema") / "schemas" / name).read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", ["general_schema.json", "CAP_schema.json"])
def test_the_document_is_valid(annotated, name):
    """The published schemas take the document; they refuse it where a label is missing."""
    validator = _schema(name)
    document = gca.io.to_cas(annotated, **PUBLISHED)
    validator.validate(document)
    del document["annotations"][0]["cell_label"]
    assert not validator.is_valid(document)


def test_what_nobody_gave_is_not_made_up(annotated):
    """Without author, title and address the general schema takes the document; CAP's asks for the address only."""
    document = gca.io.to_cas(annotated)
    _schema("general_schema.json").validate(document)
    missing = [error.message for error in _schema("CAP_schema.json").iter_errors(document)]
    assert missing == ["'cellannotation_url' is a required property"]
    assert document["author_name"] == "unknown"


def test_an_annotation_has_what_the_report_says(annotated):
    """Label, term, broad type, genes and own fields of each cluster are those of the report."""
    document, report = gca.io.to_cas(annotated), gca.get.report(annotated)
    assert [a["author_annotation_fields"]["cluster"] for a in document["annotations"]] == [
        c.cluster_id for c in report.clusters
    ]
    first, cluster = document["annotations"][0], report.clusters[0]
    assert (first["cell_label"], first["cell_fullname"]) == ("B cell", "B cell")
    assert (first["cell_ontology_term_id"], first["cell_ontology_term"]) == ("CL:0000236", "B cell")
    assert first["cell_ontology_exists"] is True
    assert first["category_cell_ontology_term_id"] == cluster.broad_ontology_id
    assert first["marker_gene_evidence"] == list(cluster.validation.supporting_markers)
    assert set(first["marker_gene_evidence"]) <= set(annotated.var_names)
    assert first["rationale"] == cluster.annotation.rationale
    assert first["author_annotation_fields"]["confidence_score"] == str(cluster.confidence_score)
    own, path = first["author_annotation_fields"], cluster.path
    assert (own["fine_label"], own["fine_probability"]) == (cluster.fine_label, str(cluster.fine_probability))
    assert own["fine_ontology_term_id"] == path[-1].ontology_id
    assert own["path"] == " > ".join(f"{level.label} ({level.probability:.2f})" for level in path)
    labelset = document["labelsets"][0]
    assert labelset["name"] == first["labelset"] == "gptca_label"
    assert labelset["annotation_method"] == "algorithmic"
    assert labelset["automated_annotation"]["algorithm_version"] == gca.__version__
    assert document["cellannotation_timestamp"] == report.provenance.created_at


def test_the_cells_are_those_of_the_cluster(annotated):
    """Each cell with a cluster is in the annotation of its label, once; a cell without is in none."""
    document = gca.io.to_cas(annotated)
    found = {name: a for a in document["annotations"] for name in a["cell_ids"]}
    assert sum(len(a["cell_ids"]) for a in document["annotations"]) == len(found) == 119
    assert set(found) == set(annotated.obs_names) - {"cell0"}
    for name, annotation in found.items():
        assert annotation["author_annotation_fields"]["cluster"] == str(annotated.obs.loc[name, "cluster"])


def test_an_unknown_cluster_has_the_word_of_the_schema(annotated):
    """Unknown is "unknown", in label and full name, without a term or a category; what was proposed is kept."""
    unknown = gca.io.to_cas(annotated)["annotations"][-1]
    assert (unknown["cell_label"], unknown["cell_fullname"], unknown["cell_ids"]) == ("unknown", "unknown", ["cell119"])
    assert not [name for name in unknown if "ontology" in name or "category" in name]
    assert unknown["author_annotation_fields"]["flag_reasons"] == "no_markers_supplied"


def test_labels_that_were_given_are_of_people_and_program(cells):
    """Checked labels of the user's own are "both", and say the label that was given."""
    cells.obs["mine"] = cells.obs["planted"].cat.rename_categories({"B cell": "hepatocyte"})
    gca.tl.validate(cells, "cluster", "mine", tissue="blood")
    document = gca.io.to_cas(cells)
    assert document["labelsets"][0]["annotation_method"] == "both"
    first = document["annotations"][0]
    assert first["cell_label"] == "unknown"
    assert first["author_annotation_fields"]["proposed_label"] == "hepatocyte"


def test_a_file_of_a_part_of_the_cells(annotated, tmp_path):
    """A part of the data gives its own cells, and no annotation for clusters that are not in it."""
    part = annotated[annotated.obs["cluster"].isin(["1", "2"])]
    assert gca.io.to_cas(part, tmp_path / "cas.json", **PUBLISHED) is None
    document = json.loads((tmp_path / "cas.json").read_text(encoding="utf-8"))
    assert document == gca.io.to_cas(part, **PUBLISHED)
    assert [len(a["cell_ids"]) for a in document["annotations"]] == [30, 30]
    assert document["title"] == "Blood"
    assert [path.name for path in tmp_path.iterdir()] == ["cas.json"]


def test_a_long_rationale_is_cut(annotated):
    """The schema has 2,000 letters for a rationale."""
    from attrs import evolve

    from gca_scanpy import _codec

    report = gca.get.report(annotated)
    first = evolve(report.clusters[0], annotation=evolve(report.clusters[0].annotation, rationale="x" * 5000))
    annotated.uns["gptca"]["report"] = _codec.to_json(evolve(report, clusters=(first, *report.clusters[1:])))
    document = gca.io.to_cas(annotated, **PUBLISHED)
    assert document["annotations"][0]["rationale"] == "x" * 1999 + "…"
    _schema("CAP_schema.json").validate(document)


def test_clusters_that_were_changed_since_are_refused(annotated):
    """Cells are never given to another cluster's label: the error says what does not fit, and what to do."""
    annotated.obs.loc[["cell40", "cell41"], "cluster"] = "2"
    with pytest.raises(InputError, match=r"for 2 cells, such as 'cell40'.*\.obs\['cluster'\] was changed.*again"):
        gca.io.to_cas(annotated)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda a: a.uns.clear(), MissingKeyError, r"\.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"),
        (lambda a: a.obs.pop("cluster"), MissingKeyError, r"there is no \.obs\['cluster'\]"),
        (lambda a: a.obs.pop("gptca_label"), MissingKeyError, r"there is no \.obs\['gptca_label'\]; run"),
        (
            lambda a: setattr(a, "obs_names", ["c"] * a.n_obs),
            InputError,
            "'c' occurs twice; call adata.obs_names_make",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_what_is_not_there_says_what_to_do(annotated, spoil, error, said):
    """A missing report, column or name is an error that says so."""
    spoil(annotated)
    with pytest.raises(error, match=said):
        gca.io.to_cas(annotated)


@pytest.mark.parametrize("fields", [{"author_name": 3}, {"annotations": "none"}, {"labelsets": []}])
def test_a_field_that_cannot_be_set(annotated, fields):
    """Fields are texts, and not those that the report fills."""
    with pytest.raises(InputError, match="cannot be set; fields are texts"):
        gca.io.to_cas(annotated, **fields)


def test_the_object_stays_as_it_was(annotated, content):
    """Nothing is written into the object."""
    before = content(annotated)
    gca.io.to_cas(annotated)
    assert content(annotated) == before


def test_a_labelset_for_each_column_that_was_joined(cells):
    """After a consensus, the labels of each tool are annotations of their own, and the document is valid."""
    names = {"0": "B cell", "1": "T cells", "2": "Unassigned", "3": "NK"}
    cells.obs["tool"] = cells.obs["cluster"].astype(str).map(names)
    cells.obs["expert"] = cells.obs["cluster"].astype(str).map({**names, "0": "neuron", "2": "monocyte"})
    gca.tl.consensus(cells, ["tool", "expert"], "cluster", tissue="blood")
    document = gca.io.to_cas(cells, key="consensus", **PUBLISHED)
    _schema("general_schema.json").validate(document)
    assert [labelset["name"] for labelset in document["labelsets"]] == ["consensus_label", "tool", "expert"]
    of_tool = [a for a in document["annotations"] if a["labelset"] == "tool"]
    assert [a["cell_label"] for a in of_tool] == ["B cell", "T cells", "unknown", "NK"]
    assert [a.get("cell_ontology_term_id") for a in of_tool] == ["CL:0000236", "CL:0000084", None, "CL:0000623"]
    assert of_tool[1]["author_annotation_fields"]["relation_to_consensus"] == "same"
    assert len(of_tool[0]["cell_ids"]) == 30
