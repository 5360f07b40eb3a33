"""Which JSON values of a reply are its answer, and whose entry is whose."""

import contextlib
import json

import pytest

from gca_scanpy._llm import prompt, reply
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import ReplyError


def found(content, *ids):
    """Read a reply about some clusters of one gene."""
    return reply.parse(content, [ClusterMarkers(key, (RankedGene("CD3E"),)) for key in ids or ("0", "1")])


def labels(content, *ids):
    """Give the labels by cluster id."""
    return {v.cluster_id: v.label for v in found(content, *ids).verdicts}


def entry(key, label, **others):
    """Make an answer for a cluster."""
    return {"cluster_id": key, "label": label, "confidence": 0.9, **others}


def text(*entries):
    """Make a reply."""
    return json.dumps({"clusters": list(entries)})


A, B = entry("0", "T cell"), entry("1", "B cell")
RIGHT = {"0": "T cell", "1": "B cell"}
ANSWER = text(A, B)
WRONG = [entry("0", "neuron"), entry("1", "neuron")]
DRAFT = text(*WRONG)
LIST = json.dumps([A, B])
LINES = f"{json.dumps(A)}\n{json.dumps(B)}"


@pytest.mark.parametrize(
    "content",
    [
        f"Format: {DRAFT}\n{ANSWER}",
        f"{DRAFT}\nOn second thought:\n{ANSWER}",
        f"{DRAFT}{ANSWER}",
        f"```json\n{DRAFT}\n```\nCorrected:\n```json\n{ANSWER}\n```",
        f"[{DRAFT}, {ANSWER}]",
        f"{DRAFT}\n{LIST}",
        f"{json.dumps(WRONG[0])} is an example.\n{LIST}",
        f"{ANSWER}\nFor cluster 1 better: {json.dumps(WRONG[1])}",
        f"{ANSWER}\nFor cluster 1 better: {json.dumps({'1': 'neuron'})}",
        f"{ANSWER}\nBetter: {json.dumps({'label': 'neuron'})}",
        f"{ANSWER}\nBetter: {LIST.replace('T cell', 'neuron')}",
        json.dumps({"draft": WRONG, "final": [A, B]}),
        json.dumps({"clusters": [A, B], "draft": DRAFT}),
        f"{ANSWER}\n{text({'cluster_id': '0', 'cell_type': 'neuron'})}",
        json.dumps({"clusters": WRONG, "corrections": [A]}),
        json.dumps({"clusters": {"0": "neuron"}, "final": {"0": "T cell"}}),
        json.dumps({"a": {"b": {"clusters": WRONG}}, "clusters": [A, B]}),
        f"{DRAFT}\n</answer>\n{ANSWER}",
        json.dumps({"clusters": WRONG, "correction": "cluster 0 is a T cell"}),
        json.dumps({"result": {"clusters": WRONG}, "finalAnswer": "T cells and B cells"}),
        json.dumps({"clusters": WRONG, "corrections": {"0": "T cell"}}),
    ],
)
def test_of_several_answers_none_counts(content):
    """A format and the answer, a draft and its correction, in any form: no label, and the error gives their number."""
    with pytest.raises(ReplyError, match="contains 2 different answers"):
        found(content)


@pytest.mark.parametrize("end", range(1, len(ANSWER)))
def test_an_answer_before_one_that_is_cut_off(end):
    """A correction that is cut off withdraws the draft; the draft is not taken in its place."""
    with pytest.raises(ReplyError):
        found(f"{DRAFT}\nCorrection: {ANSWER[:end]}")


@pytest.mark.parametrize(
    "damage", ['{"clusters": [oops]}', '{"0": "T cell", "0": "B cell"}', '{"clusters": ]}', "[" * 60]
)
def test_an_answer_before_one_that_is_damaged(damage):
    """A damaged value after a whole one may be its correction, so none counts."""
    with pytest.raises(ReplyError):
        found(f"{ANSWER}\n{damage}{damage}")


@pytest.mark.parametrize(
    "content",
    [
        f"{ANSWER}\n{ANSWER}",
        f"```json\n{ANSWER}\n```\nAgain, as asked:\n```json\n{ANSWER}\n```",
        f"{ANSWER} {json.dumps(json.loads(ANSWER), indent=1)}",
        json.dumps({"clusters": [A, B], "copy": [A, B]}),
        f"{LINES}\n{LINES}",
    ],
)
def test_the_same_answer_twice(content):
    """The same answer twice is one answer."""
    assert labels(content) == RIGHT


@pytest.mark.parametrize(
    "content",
    [
        f"<think>{DRAFT}</think>{ANSWER}",
        f"<thinking>e.g. {DRAFT}</thinking>\n{ANSWER}",
        f"<reasoning>{DRAFT} then</reasoning><think>{DRAFT}</think>{ANSWER}",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}",
        f"{json.dumps({'plan': 'by genes'})}\n{ANSWER}",
        f"The genes [1] of {json.dumps(['CD3E'])}: {ANSWER}",
        f"Format: {text(entry('<id>', '<label>'))}\n{ANSWER}",
        f"Format: {text(entry('0', '<cell type>'))}\n{ANSWER}",
        f"Format: {text(entry('0', 'string', confidence=0))}\n{ANSWER}",
        f'Format: {{"clusters": [{{"cluster_id": ..., "label": ...}}]}}\n{ANSWER}',
        f"Format: {text()}\n{ANSWER}",
        f"{text({'cluster_id': '0', 'genes': 'CD3E', 'candidates': []})}\n{ANSWER}",
        f"Example: {text(entry('99', 'neuron'))}\n{ANSWER}",
        f"{ANSWER}\n{json.dumps({'done': True})} {{}}",
    ],
)
def test_values_that_are_no_answers(content):
    """Thoughts, schemas, placeholders and examples of other clusters are no answers beside the one that is."""
    assert labels(content) == RIGHT


def test_a_schema_before_the_answer():
    """A JSON Schema that the model repeats is no answer."""
    schema = json.dumps(prompt.reply_schema(["0", "1"]))
    assert labels(f"Schema: {schema}\nAnswer: {ANSWER}") == RIGHT
    with pytest.raises(ReplyError):
        found(schema)


@pytest.mark.parametrize(
    "content",
    [
        LIST,
        LINES,
        LINES.replace("\n", ",\n"),
        f"```jsonl\n{LINES}\n```",
        f"{text(A)}\n{text(B)}",
        json.dumps({"results": [A, B]}),
        json.dumps({"answer": {"clusters": [A, B]}, "model": "m"}),
        json.dumps({"name": "report_clusters", "arguments": {"clusters": [A, B]}}),
        json.dumps({"0": {"label": "T cell", "confidence": 0.9}, "1": {"label": "B cell"}}),
        json.dumps({"0": A, "1": B}),
        json.dumps({"clusters": {"0": A, "1": B}}),
        json.dumps({"0": "T cell", "1": "B cell"}),
        json.dumps({"clusters": {"0": "T cell", "1": "**B cell**"}}),
        json.dumps({"Cluster 0": "T cell", "cluster_1": {"label": "B cell"}}),
        json.dumps(ANSWER),
        json.dumps({"clusters": json.dumps([A, B])}),
        json.dumps({"name": "report_clusters", "arguments": ANSWER}),
        json.dumps([{"0": "T cell"}, {"1": "B cell"}]),
        json.dumps({"clusters": [{"0": A}, {"1": B}]}),
        f"\\boxed{{{ANSWER}}}",
        text(entry(0, "T cell"), entry(1, "B cell")),
        text(entry(0.0, "T cell"), entry(1.0, "B cell")),
        text(entry("cluster 0", "T cell"), entry("Cluster_1", "B cell")),
        text(entry("cluster0", "T cell"), entry("Cluster #1", "B cell")),
        text(A, B, entry("2", "neuron"), {"label": "neuron"}, entry(None, "neuron"), entry(True, "neuron"), "neuron"),
        text({**A, "extra": {"cluster_id": "1", "label": "neuron"}}, B),
    ],
)
def test_usual_forms(content):
    """A bare list, JSON lines, another key, objects and labels by id, integer ids, ids after the word cluster."""
    assert labels(content) == RIGHT


@pytest.mark.parametrize(
    ("key", "ids", "whose"),
    [
        (1, ("1", "01"), None),
        (1, ("1", "1.0"), None),
        ("1", ("1", "01"), "1"),
        ("01", ("1",), None),
        ("1", ("01",), None),
        (1, ("01",), "01"),
        (1, ("1.0", "2.0"), "1.0"),
        (1, ("10", "2"), None),
        (70, ("7_0",), None),
        (1, ("True", "1e0"), None),
        ("cluster 1", ("1", "Cluster 1"), None),
        ("Cluster 1", ("1", "Cluster 1"), "Cluster 1"),
        ("1", ("Cluster 1", "Cluster 10"), "Cluster 1"),
        (1, ("Cluster 1", "Cluster 10"), "Cluster 1"),
        ("cluster 1", ("10", "01"), None),
        ("clustering", ("ing",), None),
        ("cluster CD4", ("CD4+", "CD4-"), None),
        ("cluster CD4+", ("CD4+", "CD4-"), "CD4+"),
        ("cd4+", ("CD4+",), None),
        (" 1", ("1",), None),
        (10**400, ("1",), None),
    ],
)
def test_whose_an_id_is(key, ids, whose):
    """An id is matched exactly, or by an equal number or the text after "cluster" if these are those of one cluster."""
    assert labels(text(entry(key, "T cell")), *ids) == ({whose: "T cell"} if whose else {})


def test_an_id_that_may_be_several_clusters_is_not_invented():
    """An ambiguous id answers nobody; an unknown one is reported."""
    assert found(text(entry(1, "T cell"), entry(7, "T cell")), "1", "01").invented == ("7",)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(["T cell", "B cell"]),
        json.dumps({"clusters": ["T cell", "B cell"]}),
        json.dumps({"clusters": [[A, B]] * 9}).replace("[[", "[" * 9).replace("]]", "]" * 9),
        json.dumps({"0": {"cluster_id": "1", "label": "T cell"}}),
        json.dumps({"label": "T cell", "confidence": 0.9}),
        text({"label": "T cell"}, {"label": "B cell"}),
    ],
)
def test_nothing_is_matched_by_position(content):
    """Labels without an id, and entries with two ids, are nobody's."""
    with contextlib.suppress(ReplyError):
        assert found(content).verdicts == ()


def test_two_entries_for_one_cluster():
    """Of two entries for one cluster in one answer none counts; its neighbor keeps its own."""
    assert labels(text(A, B, A)) == {"1": "B cell"}
    result = found(text(A, B, entry("0", "neuron")))
    assert [v.label for v in result.verdicts] == ["B cell"]
    assert result.missing == {"0": "the reply answers this cluster 2 times instead of once"}
    assert labels(f"{LINES}\n{json.dumps(WRONG[0])}") == {"1": "B cell"}


@pytest.mark.parametrize(
    "others",
    [
        {"corrected_label": "T cell"},
        {"finalLabel": "T cell"},
        {"Revised label": "T cell"},
        {"Label": "T cell"},
        {"correction": "it is a T cell"},
        {"final": {"label": "T cell"}},
        {"answer": {"cluster_id": "0", "label": "T cell"}},
        {"revisions": [{"label": "T cell"}]},
    ],
)
def test_an_entry_that_names_two_labels(others):
    """A draft and its correction in one entry: neither counts, and the error names the place; the neighbor counts."""
    result = found(text(entry("0", "neuron", **others), B))
    assert [v.label for v in result.verdicts] == ["B cell"]
    assert f"$.clusters[0].{next(iter(others))}" in result.missing["0"]


@pytest.mark.parametrize(
    "others",
    [
        {"corrected_label": "T cell"},
        {"final_label": "t cell"},
        {"final_label": None},
        {"correction": ""},
        {"final_confidence": 0.9},
        {"broad_label": "lymphocyte"},
        {"alternatives": [{"label": "NK cell"}]},
        {"extra": {"cluster_id": "1", "label": "neuron"}},
    ],
)
def test_fields_that_name_no_other_label(others):
    """A correction that is empty or repeats the label, a broader label, alternatives and numbers do no harm."""
    assert labels(text({**A, **others}, B)) == RIGHT


@pytest.mark.parametrize("name", ["confidence", "rationale", "ontology_ids", "supporting_genes", "notes", "status"])
def test_texts_by_id_that_are_no_labels(name):
    """A text for each cluster under the name of another field is not its label."""
    content = json.dumps({name: {"0": "T cell", "1": "B cell"}})
    result = found(content)
    assert result.verdicts == ()
    assert f"$.{name}.0.label" in result.missing["0"]


@pytest.mark.parametrize("name", ["labels", "cell_types", "Annotations", "cellType", "predictions", "result"])
def test_labels_by_id_under_a_name(name):
    """Labels by id under a name that says so are read."""
    assert labels(json.dumps({name: {"0": "T cell", "1": "B cell"}})) == RIGHT


@pytest.mark.parametrize(
    ("ids", "given"),
    [
        (("0", "1", "2"), (1, 2, 3)),
        (("1", "2", "3"), ("0", "1", "2")),
        (("3", "1", "9"), ("1", "2", "3")),
        (("3", "1", "9"), (0, 1, 2)),
        (("5", "6", "8"), ("15", "6", "18")),
        (("Cluster 0", "Cluster 1"), (1, 2)),
    ],
)
def test_clusters_that_a_reply_renumbers(ids, given):
    """If a reply counts the clusters from one, or moves their numbers, equal ids are not the same clusters."""
    content = text(*(entry(key, "T cell") for key in given))
    if given == ("15", "6", "18"):
        assert labels(content, *ids) == {"6": "T cell"}  # two wrong ids, but no other numbering
    else:
        with pytest.raises(ReplyError, match="renumbers the clusters"):
            found(content, *ids)
