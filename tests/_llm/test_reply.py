"""Replies of a language model to verdicts."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._llm import reply
from gca_scanpy._llm.json_values import MAX_CHARACTERS
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import ReplyError
from gca_scanpy.model import Alternative

GENES = (RankedGene("Cd3e", "CD3E"), RankedGene("Trac"))


def asked(*ids):
    """Clusters of two genes."""
    return [ClusterMarkers(key, GENES) for key in ids]


def entry(key="1", label="T cell", **others):
    """Make an answer for a cluster."""
    return {"cluster_id": key, "label": label, "confidence": 0.9, **others}


def text(*entries):
    """Make a reply."""
    return json.dumps({"clusters": list(entries)}, ensure_ascii=False)


def labels(content, *ids):
    """Give the labels by cluster id."""
    return {v.cluster_id: v.label for v in reply.parse(content, asked(*ids)).verdicts}


def one(**others):
    """Give the verdict of a reply about one cluster."""
    (verdict,) = reply.parse(text(entry(**others)), asked("1")).verdicts
    return verdict


PLAIN = text(entry("1", "T cell"), entry("2", "B cell"))
DRAFT = text(entry("1", "draft"), entry("2", "draft"))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        f"\ufeff\n{PLAIN}\n",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```",
        f"```json {PLAIN} ```",
        f"Sure! Here is the JSON:\n{PLAIN}\nLet me know.",
        f"Here is the {{JSON}} that you want: {PLAIN}",
        f"Of the clusters {{1, 2}}:\n\n```JSON\n{PLAIN}\n```\nDone {{really}}.",
        f"<think>{DRAFT}</think>{PLAIN}",
        f"<THINK>\nmaybe {{ or ```\n</THINK>\n```json\n{PLAIN}\n```",
        f"a thought whose beginning the server cut off {DRAFT}\n</think>\n{PLAIN}",
        f"{DRAFT}\n</think>\n{PLAIN}",
    ],
)
def test_json_in_its_wrappings(content):
    """Fenced JSON and JSON after a preamble or ``<think>`` block are read; a preamble shifts no label."""
    assert labels(content, "1", "2") == {"1": "T cell", "2": "B cell"}


def test_marks_of_wrappings_inside_the_json():
    """A rationale that holds a fence or a ``</think>`` does not cut the reply."""
    rationale = "```json\n{}\n``` <think> </think>"
    assert one(rationale=rationale).rationale == rationale


@pytest.mark.parametrize("content", ["", "  \n", None, [], [{"type": "text", "text": PLAIN}]])
def test_empty_null_and_list_content(content):
    """Empty, null and list content is an error that says so, never a label."""
    with pytest.raises(ReplyError, match="empty"):
        reply.parse(content, asked("1"))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:-1],
        PLAIN[:-9],
        f"```json\n{PLAIN[:40]}",
        "I cannot help with that.",
        "<html></html>",
        "[]",
        "```json\n[1]\n```",
        "{" * 5000,
        "[" * 100_000,
        f"<think>{PLAIN}",
        f"<think>{DRAFT}</think>",
    ],
)
def test_truncated_json_and_refusals(content):
    """A reply cut in the middle, a refusal, a page of HTML or a bare thought is an error; no half of it is used."""
    with pytest.raises(ReplyError, match="no complete JSON object"):
        reply.parse(content, asked("1", "2"))


def test_a_reply_without_end():
    """A reply of millions of characters is refused before it is read."""
    with pytest.raises(ReplyError, match="more than the 2000000"):
        reply.parse(PLAIN + " " * MAX_CHARACTERS, asked("1"))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{}", r"\$\.clusters of the reply is NoneType"),
        ('{"clusters": {"9": 3}}', r"\$\.clusters of the reply is dict"),
        ('{"clusters": "T cell"}', r"\$\.clusters of the reply is str"),
    ],
)
def test_another_form_is_an_error_that_names_the_place(content, place):
    """JSON of another form says where it differs."""
    with pytest.raises(ReplyError, match=place):
        reply.parse(content, asked("1"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"clusters": ["T cell"]}', "0 times instead of once"),
        (text(entry(3)), "0 times instead of once"),
        (text(entry(label=" ")), r"\$\.clusters\[0\]\.label"),
        (text(entry(label="\x00\x1f")), r"\$\.clusters\[0\]\.label"),
        (text(entry(label=["T cell"])), r"\$\.clusters\[0\]\.label"),
        (text(entry(label="T" * 201)), r"\$\.clusters\[0\]\.label"),
        (text(entry(label="...")), r"\$\.clusters\[0\]\.label of the reply is '...', which is no name"),
        (text(entry(label="<cell type>")), r"\$\.clusters\[0\]\.label"),
        (text(entry(confidence="certain")), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence="-0.9")), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=[0.9])), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=True)), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=float("inf"))), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=-1)), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=101)), r"\$\.clusters\[0\]\.confidence"),
        (text(entry(confidence=10**400)), r"\$\.clusters\[0\]\.confidence"),
    ],
)
def test_a_damaged_answer_costs_its_own_cluster_only(content, reason):
    """An answer that cannot be read is missing, with the place as the reason; the cluster beside it keeps its own."""
    whole = json.loads(content)
    whole["clusters"].append(json.loads(text(entry("2", "B cell")))["clusters"][0])
    found = reply.parse(json.dumps(whole), asked("1", "2"))
    assert [(v.cluster_id, v.label) for v in found.verdicts] == [("2", "B cell")]
    assert re.search(reason, found.missing["1"])


def test_a_key_that_is_there_twice():
    """An answer that states its cluster_id twice could be either cluster's, so it is neither's."""
    with pytest.raises(ReplyError, match="no complete JSON object"):
        reply.parse(
            '{"clusters": [{"cluster_id": "1", "cluster_id": "2", "label": "T cell", "confidence": 1}]}',
            asked("1", "2"),
        )


def test_clusters_reordered():
    """Clusters reordered keep their own labels, and come back in the order of the data."""
    content = text(entry("10", "B cell"), entry("2", "monocyte"), entry("1", "T cell"))
    assert list(labels(content, "1", "2", "10").items()) == [("1", "T cell"), ("2", "monocyte"), ("10", "B cell")]


def test_clusters_duplicated_missing_and_invented():
    """A cluster answered twice or not at all is missing, one that nobody asked is invented; neither gets a label."""
    content = text(entry("1", "T cell"), entry("2", "B cell"), entry("2", "monocyte"), entry("99", "neuron"))
    found = reply.parse(content, asked("1", "2", "3"))
    assert [v.cluster_id for v in found.verdicts] == ["1"]
    assert found.missing == {
        "2": "the reply answers this cluster 2 times instead of once",
        "3": "the reply answers this cluster 0 times instead of once",
    }
    assert found.invented == ("99",)


def test_a_bad_entry_for_an_invented_cluster_does_no_harm():
    """What is not asked is not read."""
    assert labels(text(entry("99", label=None), entry("1")), "1") == {"1": "T cell"}


IDS = ["1", "10", "01", "CD4+", "CD4-", "7_0", "7", "NK/T cell", "", " ", "ß", "ss", "é", "e\u0301", "x" * 9999]


def test_ids_are_matched_exactly():
    """Cluster 1 never gets the label of 10, nor CD4+ that of CD4-; ``7_0``, empty, unicode and very long ids work."""
    content = text(*(entry(key, f"type {i}") for i, key in enumerate(IDS)))
    assert labels(content, *IDS) == {key: f"type {i}" for i, key in enumerate(IDS)}
    for key in IDS:
        others = [other for other in IDS if other != key]
        found = reply.parse(text(*(entry(other) for other in others)), asked(key))
        assert (found.verdicts, tuple(found.missing), found.invented) == ((), (key,), tuple(others))


@pytest.mark.parametrize(
    "label",
    [
        *(
            "Unknown",
            "unknown or novel",
            "N/A",
            "NA",
            "None",
            "Unassigned",
            "not determined",
            "null",
            "NaN",
            "undefined",
        ),
        *("Undetermined", "cannot be determined", "Insufficient evidence", "unidentified cells", "Unable to determine"),
    ],
)
def test_ways_to_say_unknown(label):
    """However the model says that it does not know, it is the one unknown label, without a term."""
    verdict = one(label=label, ontology_id="CL:0000084")
    assert (verdict.label, verdict.ontology_id) == (UNKNOWN_LABEL, None)


@pytest.mark.parametrize(
    "label", ["natural killer cell", "Naive B cell", "nasal epithelial cell", "nonclassical monocyte", "null cell"]
)
def test_labels_that_only_begin_like_unknown(label):
    """A natural killer or naive cell is not NA."""
    assert one(label=label).label == label


@pytest.mark.parametrize("written", ["CL:0000084", " CL:0000084 ", "CL_0000084", "cl:0000084"])
def test_the_ways_of_writing_an_id(written):
    """The id in any of its spellings is the id of the ontology."""
    assert one(ontology_id=written).ontology_id == "CL:0000084"


@pytest.mark.parametrize("written", [None, "", "  ", 84, ["CL:0000084"]])
def test_no_id(written):
    """What is no text is no id."""
    assert one(ontology_id=written).ontology_id is None


def test_genes_that_the_cluster_does_not_have_are_struck_out():
    """Named genes are those of the cluster, as the data names them; the others are struck out, and it is said."""
    verdict = one(supporting_genes=["CD3E", "cd3e", "TRAC", "MS4A1", 5, ""], caveats=["few cells"])
    assert verdict.markers == ("Cd3e", "Trac")
    assert verdict.caveats == ("few cells", "1 of the named genes are not genes of the cluster and were removed: MS4A1")


def test_genes_that_the_cells_express_beyond_the_ranking_are_the_clusters_too():
    """A lineage gene that all clusters share is in no ranking; the model has it from the evidence of the candidates."""
    cluster = ClusterMarkers("1", GENES, present=(RankedGene("Cd3d", "CD3D"),), absent=(RankedGene("Cd19", "CD19"),))
    (verdict,) = reply.parse(text(entry(supporting_genes=["CD3D", "CD19"])), [cluster]).verdicts
    assert verdict.markers == ("Cd3d",)
    assert verdict.struck == ("CD19",)


def test_the_rest_of_a_verdict():
    """Rationale, alternatives, confidence and source are taken over; nothing that is missing makes it fail."""
    verdict = one(label="  T \n cell ", rationale="r" * 2000, alternatives=["NK cell", None], confidence=1)
    assert (verdict.label, verdict.source, verdict.confidence_score) == ("T cell", "model", 1.0)
    assert verdict.rationale == "r" * 1000
    assert verdict.alternatives == (Alternative("NK cell", "named by the model"),)


@pytest.mark.parametrize(("given", "score"), [(0, 0.0), (1, 1.0), (0.12345, 0.1235), (85, 0.85), (2, 0.02), (100, 1.0)])
def test_confidence(given, score):
    """A confidence above 1 is read as per cent, never as certainty."""
    assert one(confidence=given).confidence_score == score


def test_text_that_no_file_can_hold():
    """Lone surrogates and control characters, which would make writing the h5ad fail, do not get through."""
    content = (
        '{"clusters": [{"cluster_id": "1", "label": "T\\u0000 cell\\ud800", "confidence": 1, "rationale": "\\udfff"}]}'
    )
    (verdict,) = reply.parse(content, asked("1")).verdicts
    assert verdict.label.encode().startswith(b"T cell")
    assert verdict.rationale.encode() == b"?"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda s: st.lists(s, max_size=3)
)
entries = st.fixed_dictionaries({}, optional={k: json_values | st.sampled_from(["1", "CD4+", "99"]) for k in entry()})
replies = st.text() | st.builds(lambda v: json.dumps({"clusters": v}), st.lists(entries | json_values, max_size=4))


@given(replies, st.text(max_size=9), st.text(max_size=9))
def test_any_text_gives_verdicts_for_asked_clusters_or_a_reply_error(content, before, after):
    """Whatever a model writes, no cluster that was not asked gets a label, and every asked one is accounted for."""
    try:
        found = reply.parse(before + content + after, asked("1", "CD4+"))
    except ReplyError:
        return
    assert sorted([v.cluster_id for v in found.verdicts] + list(found.missing)) == ["1", "CD4+"]
    assert {"1", "CD4+"}.isdisjoint(found.invented)
    assert all(v.label.strip() and 0 <= v.confidence_score <= 1 for v in found.verdicts)


def test_the_lengths_themselves_are_read():
    """A label of one character and one of the longest length are labels; a reply of the longest length is read."""
    assert one(label="B").label == "B"
    assert one(label="B" * reply.MAX_LABEL).label == "B" * reply.MAX_LABEL
    whole = text(entry("1", "T cell"))
    assert labels(whole + " " * (MAX_CHARACTERS - len(whole)), "1") == {"1": "T cell"}


def test_a_draft_without_clusters_before_the_answer():
    """An object that is no answer does not stand in for the one that is; alone, it is named as what it is."""
    assert labels(f'```json\n{{"plan": 1}}\n```\n{PLAIN}', "1", "2") == {"1": "T cell", "2": "B cell"}
    with pytest.raises(ReplyError, match="clusters of the reply is NoneType, not a list"):
        reply.parse('{"plan": 1} 7', asked("1"))


def test_no_rationale_is_none():
    """A rationale that is missing or null is empty."""
    assert one().rationale == one(rationale=None).rationale == ""


@pytest.mark.parametrize("before", ["{ " * 100, "of {1, 2} and [3], {JSON} " * 100, "{ or ``` "])
def test_brackets_in_a_preamble(before):
    """Brackets of a sentence do not hide the answer, however many there are."""
    assert labels(f"{before}\n{PLAIN}", "1", "2") == {"1": "T cell", "2": "B cell"}


@pytest.mark.parametrize(
    ("given", "score"),
    {"0.9": 0.9, ".9": 0.9, " 90% ": 0.9, "90": 0.9, "1%": 0.01, "1": 1, "High": 0.8, "medium": 0.6, "LOW": 0}.items(),
)
def test_confidence_as_text(given, score):
    """A number in quotes, a percentage, and a level, which is read as the lowest confidence of that level."""
    assert one(confidence=given).confidence_score == score


@pytest.mark.parametrize("others", [{"confidence": None}, {"confidence": ""}, {"confidence": float("nan")}])
def test_no_confidence(others):
    """A label without a confidence counts; its confidence is 0, and a caveat says so."""
    verdict = one(**others)
    assert (verdict.label, verdict.confidence_score) == ("T cell", 0.0)
    assert verdict.caveats == (reply.NO_CONFIDENCE,)


@pytest.mark.parametrize("written", ["**T cell**", "*T cell*", "`T cell`", "__T cell__", '"T cell"', " *T cell*\n"])
def test_a_label_in_markdown(written):
    """Marks of Markdown and quotes around a label are not part of it."""
    assert one(label=written).label == "T cell"


def test_marks_that_belong_to_a_label():
    """Marks on one side only are part of the label."""
    assert one(label="CD4+ T cell*").label == "CD4+ T cell*"


@pytest.mark.parametrize(
    "label",
    [
        *("ERROR: rate limit exceeded", "Error", "Exception: boom", "I'm sorry, I can't help", "I cannot say", "sorry"),
        *("As an AI model", "0.9", "12", "#1", "TODO", "tbd", "true", "False"),
    ],
)
def test_labels_that_name_nothing(label):
    """The message of an error, a refusal, a number and a placeholder are no names."""
    with pytest.raises(ReplyError, match="which is no name"):
        raise ReplyError(reply.parse(text(entry("1", label)), asked("1")).missing["1"])


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u2066", "\u00ad", "\U000e0041"])
def test_characters_that_are_not_seen(mark):
    """Marks of direction, spaces without width and tags, which change how a label looks or is read, are removed."""
    assert one(label=f"{mark}T{mark} cell{mark}").label == "T cell"
    assert one(rationale=f"by {mark}genes", caveats=[f"few{mark}"], alternatives=[f"NK{mark}"]).rationale == "by genes"


@pytest.mark.parametrize("mark", ["\u202e", "\u202d"])
def test_a_label_that_turns_its_letters(mark):
    """Shown, it reads "T cell"; without the mark it would be "llec T", so it is no answer."""
    with pytest.raises(ReplyError, match="turns the direction"):
        raise ReplyError(reply.parse(text(entry("1", f"{mark}llec T")), asked("1")).missing["1"])


@pytest.mark.parametrize(("given", "score"), [("0,9", 0.9), ("90,5 %", 0.905), ("Very high", 0.8), ("very low", 0)])
def test_confidence_with_a_comma_or_very(given, score):
    """A decimal comma, and a level with "very", are understood."""
    assert one(confidence=given).confidence_score == score
