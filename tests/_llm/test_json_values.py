"""JSON in the spellings of language models."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._llm.json_values import MAX_DEPTH, read_values
from gca_scanpy.errors import ReplyError

VALUE = {"a": ["b", None, True, False], "c": {"d": 0.5}}
TEXT = json.dumps(VALUE)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        repr(VALUE),
        f"\ufeff\x00{TEXT}\x00",
        '{"a": ["b", null, true, false,], "c": {"d": 0.5,},\n}',
        '{"a": ["b", null, true, false], // don\'t } stop\n "c": {"d": 0.5 /* { */, # here\n}}',
        "{'a': ['b', null, True, false], \"c\": {'d': 0.5}}",
        "{“a”: [“b”, null, true, false], “c”: {“d”: 0.5}}",
        json.dumps(TEXT),
        f"```json\n{TEXT}\n```",
    ],
)
def test_spellings(content):
    """Trailing commas, comments, Python's literals, curly quotes, marks of a file and JSON in JSON are understood."""
    assert read_values(content) == [[VALUE]]


@pytest.mark.parametrize(
    "inside", ["None, True", "a // b", "# c", "d, }", "it's", "/* e */", "“f”", "{[", "\n\t", "\\"]
)
def test_what_is_inside_a_text_stays(inside):
    """Nothing inside a string is taken for a spelling, also where the spelling around it is read."""
    assert read_values(f"{{'n': None, \"a\": {json.dumps(inside)},}}") == [[{"n": None, "a": inside}]]
    assert read_values(repr({"n": None, "a": inside, 'q"': 'r"s'})) == [[{"n": None, "a": inside, 'q"': 'r"s'}]]


@pytest.mark.parametrize(
    "content",
    [
        "{1, 2}",
        "{'a', 'b'}",
        '{"a"}',
        '{"a": __import__("os")}',
        "{'a': 'it's'}",
        '{"a": 1, "a": 2}',
        '{"a": (1, 2)}',
        '{"a": b"c"}',
        '{"a": [1}',
        '{"a": "b}',
        '{"a": ,}',
        '{"a": 1e}',
    ],
)
def test_what_is_no_json(content):
    """Sets, calls, tuples, doubled keys and wrong brackets are no JSON, and are not made to be."""
    with pytest.raises(ReplyError, match="no complete JSON object"):
        read_values(content)


def test_every_cut_is_an_error():
    """Wherever a value is cut off, nothing is completed."""
    for end in range(len(TEXT)):
        with pytest.raises(ReplyError):
            read_values(TEXT[:end])


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth(brackets):
    """A value that is nested deeper than any answer is an error, and no RecursionError."""
    opening, closing = ('{"a":', "}") if brackets == "{}" else ("[", "]")
    assert read_values(opening * (MAX_DEPTH - 1) + "[]" + closing * (MAX_DEPTH - 1))
    for depth in (MAX_DEPTH, 5_000, 200_000):
        with pytest.raises(ReplyError):
            read_values(opening * depth + "[]" + closing * depth)


def test_numbers_of_any_length():
    """A number that no machine holds is infinite; it does not make the reply unreadable."""
    assert read_values('{"a": ' + "9" * 6000 + "}") == [[{"a": float("inf")}]]


def test_runs():
    """Values with nothing but white space or a comma between are one run; text between them ends it."""
    assert read_values('{"a":1}\n[],[]\n```\n{} x {}') == [[{"a": 1}, [], []], [{}], [{}]]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(),
    lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(), s, max_size=3),
)


@given(values)
def test_what_python_prints_has_its_value(value):
    """What Python prints is read as that value, or not at all, but never as another."""
    try:
        ((found,),) = read_values(repr([["x"], value]))
    except ReplyError:
        return
    assert found == [["x"], value]


@pytest.mark.parametrize(
    "after",
    [
        "Wait, cluster 0 has CD3D.",
        "Correction: it is a T cell.",
        "**Please ignore the JSON above.**",
        "Disregard my first answer",
        "Oops.",
        "Looks good?\n\n**Revised labels:** cluster 0 is a T cell.",
        "Done. Actually cluster 0 has CD3D.",
        "EDIT: 0 is a T cell",
        "No, 0 is a T cell",
        "Final answer: T cell",
        "Hmm, that is not right.",
        "On second thought, cluster 1 is a B cell.",
        "Cluster 0 should have been a T cell.",
        "I made a mistake: it is a B cell.",
        "This answer is incorrect.",
        "However, I cannot answer this question.",
        "I’m unable to help with that.",
        "Sorry, I can't provide annotations.",
    ],
)
def test_a_value_that_is_withdrawn_in_words(after):
    """A sentence after the value that takes it back, or refuses: no value counts."""
    with pytest.raises(ReplyError, match="takes its answer back"):
        read_values(f"```json\n{TEXT}\n```\n\n{after}")


@pytest.mark.parametrize(
    "after",
    [
        "Let me know if anything should be changed.",
        "Note: cluster 1 may be correct for B cells; I cannot exclude plasma cells.",
        "Cluster 3 is ambiguous; the right markers are missing.",
        "These labels are correct. Feel free to ask for more!",
        "</answer>",
        "No further questions. Update me if you need more; the corrected p values are small, actually.",
    ],
)
def test_words_after_a_value(after):
    """Other sentences after the value do not matter, nor do any before it or inside it."""
    assert read_values(f"Wait, let me think. {TEXT}\n{after}") == [[VALUE]]
    assert read_values('{"a": "Wait, I made a mistake"}') == [[{"a": "Wait, I made a mistake"}]]


def test_a_refusal_before_a_value():
    """An example after a refusal is no answer."""
    with pytest.raises(ReplyError, match="takes its answer back"):
        read_values(f"I'm sorry, but I can't help with that. The format would be: {TEXT}")
