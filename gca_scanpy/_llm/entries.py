"""What a reply says about each cluster: which of its JSON values are the answer, and whose entry is whose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from attrs import frozen

from gca_scanpy._llm.json_values import read_values
from gca_scanpy._llm.prompt import asked_id
from gca_scanpy.errors import ReplyError

MAX_NESTING = 5  # objects and lists around an answer
# What stands in the place of a label but names nothing: a repeated schema or example, a number, an error, a refusal.
PLACEHOLDER = re.compile(
    r"[\W\d_]+|<.*>|string|label|cell[ _]type|todo|tbd|true|false"
    r"|(?:error|exception|sorry|I can|I cannot|I['’]m|As an AI)\b.*",
    re.IGNORECASE,
)
# A key under which an object of texts by id gives their labels; another one, such as "rationale", says something else.
_LABELS = re.compile(
    r"\$|(?:cell|cluster)?[ _]?(?:types?|labels?|names?|annotations?|identit(?:y|ies)|assignments?)|clusters?|answers?"
    r"|results?|predictions?|output|response|data|arguments|input",
    re.IGNORECASE,
)
# A key that takes back what stands next to it.
_REVISION = re.compile(r"(?:correct|final|revis|actual|updat|amend|better|instead|retract|withdraw)", re.IGNORECASE)
_PREFIX = re.compile(r"cluster(?:[\s_#:.-]+|(?=[0-9]))", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")

_Find = Callable[[Any], tuple[str, ...]]  # from an id in a reply to the clusters that it may mean


@frozen
class Entry:
    """What a reply says about one cluster.

    Attributes
    ----------
    given_id
        The id of the cluster as the reply writes it.
    place
        The place in the reply, which errors name.
    """

    given_id: Any
    fields: Mapping[str, Any]
    place: str


def read_entries(text: str, asked: Sequence[str]) -> tuple[dict[str, list[Entry]], tuple[str, ...]]:
    """The entries of a reply by the id of a requested cluster, and the ids that were not requested.

    A reply counts if it has one answer. An answer is an object with a list ``clusters``, the list alone or under
    another key, an object of clusters or of their labels by id, or objects of one cluster each that follow one
    another, as JSON lines do. The same answer twice is one answer. If a reply has several, such as an example and the
    answer, or a draft and its correction, none of them counts, because nothing says which of them the model means.
    Thoughts are no answers, nor are values that name none of the clusters or have a placeholder for the label.

    Entries are never matched by position. The id of an entry is that of a cluster if it is equal to it, or if it has
    the same number (``0`` or ``0.0`` for ``"0"``) or the same text after "cluster" as that of one cluster only. If a
    reply renumbers the clusters, from one for instance, none of its ids counts.

    Raises
    ------
    ReplyError
        If the reply has no answer, several, one that is cut off or damaged, or one with other numbers.
    """
    find = _finder(asked)
    entries: dict[str, list[Entry]] = {cluster_id: [] for cluster_id in asked}
    invented: dict[str, None] = {}
    answer = _answer(read_values(text), find)
    _check_numbers([entry.given_id for entry in answer], asked)
    for entry in answer:
        ids = find(entry.given_id)
        if not ids and entry.given_id is not None:
            invented[str(entry.given_id)] = None
        if len(ids) == 1:
            entries[ids[0]].append(entry)
    return entries, tuple(invented)


def _finder(asked: Sequence[str]) -> _Find:
    """A function that gives the clusters that an id in a reply may mean: none, one, or several."""
    exact = {key: cluster_id for cluster_id in asked for key in (asked_id(cluster_id), cluster_id)}
    bare = {key: _without_prefix(key) for key in exact}
    values = {key: Decimal(name) for key, name in bare.items() if _NUMBER.fullmatch(name)}

    def find(written: Any) -> tuple[str, ...]:
        keys: list[str] = []
        if isinstance(written, str):
            name = _without_prefix(written)
            keys = [written] if written in exact else [key for key in exact if bare[key] == name]
        elif isinstance(written, (int, float)) and not isinstance(written, bool):
            keys = [key for key, value in values.items() if value == written]
        return tuple(dict.fromkeys(exact[key] for key in keys))

    return find


def _check_numbers(given: Sequence[Any], asked: Sequence[str]) -> None:
    """Raise an error if the ids of a reply are another numbering of the clusters, so that equal ids are so by chance.

    Its numbers are then those of the question moved by one step, or count from 0 or 1, in the order of the question.
    """
    theirs, ours = _numbers(map(str, given)), _numbers(asked)
    if theirs == ours or not 1 < len(given) == len(theirs) == len(ours) == len(asked):
        return
    steps = {one - other for one, other in zip(theirs, ours)}
    if len(steps) == 1 or theirs in ([*range(len(theirs))], [*range(1, len(theirs) + 1)]):
        msg = f"the reply renumbers the clusters: its cluster_ids go from {theirs[0]} to {theirs[-1]}"
        raise ReplyError(msg)


def _numbers(ids: Iterable[str]) -> list[Decimal]:
    """The numbers among some ids, alone or after the word "cluster"."""
    names = map(_without_prefix, ids)
    return [Decimal(name) for name in names if _NUMBER.fullmatch(name)]


def _without_prefix(key: str) -> str:
    """The id after the word "cluster", or the whole one if it does not begin with it."""
    match = _PREFIX.match(key)
    return key[match.end() :] if match else key


def _answer(runs: Sequence[Sequence[Any]], find: _Find) -> list[Entry]:
    """The entries of the one answer in a reply."""
    answers = _distinct([answer for run in runs for answer in _of_run([("$", value) for value in run], find)])
    relevant = [answer for answer in answers if any(_is_relevant(entry, find) for entry in answer)]
    if len(relevant) > 1:
        msg = f"the reply contains {len(relevant)} different answers instead of one"
        raise ReplyError(msg)
    if answers:
        return (relevant or answers)[0]
    objects = [value for run in runs for value in run if isinstance(value, dict)]
    if not objects:
        msg = "the reply contains no complete JSON object with the clusters"
        raise ReplyError(msg)
    clusters = objects[-1].get("clusters")
    if isinstance(clusters, list):
        return []
    msg = f"$.clusters of the reply is {type(clusters).__name__}, not a list"
    raise ReplyError(msg)


def _is_relevant(entry: Entry, find: _Find) -> bool:
    """Whether an entry may be an answer about a requested cluster, and not a part of the question or an example."""
    label = entry.fields.get("label")
    if isinstance(label, str) and PLACEHOLDER.fullmatch(label):
        return False
    is_question = "label" not in entry.fields and "candidates" in entry.fields
    return not is_question and (entry.given_id is None or bool(find(entry.given_id)))


def _of_run(run: Iterable[tuple[str, Any]], find: _Find, depth: int = 0) -> list[list[Entry]]:
    """The answers of values, with places, that follow one another; those of one cluster each are one in pieces."""
    by_value = [list(_of_value(value, place, find, depth)) for place, value in run]
    answers = _distinct([answer for of_value in by_value for answer in of_value])
    if answers and all(len(of_value) == 1 for of_value in by_value) and all(len(answer) == 1 for answer in answers):
        return [[answer[0] for answer in answers]]
    return answers


def _distinct(answers: Sequence[list[Entry]]) -> list[list[Entry]]:
    """The answers without repetitions."""
    texts = [json.dumps([(entry.given_id, entry.fields) for entry in answer], sort_keys=True) for answer in answers]
    return list(dict(zip(texts, answers)).values())


def _of_value(value: Any, place: str, find: _Find, depth: int) -> Iterator[list[Entry]]:
    """The answers in a JSON value."""
    if depth > MAX_NESTING:
        return
    if isinstance(value, str):
        yield from _of_text(value, place, find, depth)
    elif isinstance(value, list):
        yield from _of_list(value, place, find, depth)
    elif _has_id(value):
        yield [Entry(value["cluster_id"], value, place)]
    elif _has_label(value):
        yield [Entry(None, value, place)]
    elif isinstance(value, dict):
        entries = _by_id(value, place, find)
        if entries:
            yield entries
        for key, item in value.items():
            if isinstance(item, str) and item.strip() and _REVISION.match(key):  # in words, which cannot be read
                yield [Entry(None, {key: item}, f"{place}.{key}")]
            if not (entries and _has_label(item)):
                yield from _of_value(item, f"{place}.{key}", find, depth + 1)


def _of_list(value: Sequence[Any], place: str, find: _Find, depth: int) -> Iterator[list[Entry]]:
    """The answers in a list: its entries, or those of its items."""
    entries = [Entry(item["cluster_id"], item, f"{place}[{n}]") for n, item in enumerate(value) if _has_id(item)]
    if not entries:
        yield from _of_run([(f"{place}[{n}]", item) for n, item in enumerate(value)], find, depth + 1)
        return
    yield entries
    for n, item in enumerate(value):
        if not (_has_id(item) or _has_label(item)):  # next to entries, one without an id is about nobody
            yield from _of_value(item, f"{place}[{n}]", find, depth + 1)


def _of_text(value: str, place: str, find: _Find, depth: int) -> Iterator[list[Entry]]:
    """The answers in a text inside JSON; some models write a list or an object as the text of one."""
    if value[:1] in ("{", "["):
        with suppress(ReplyError):
            for run in read_values(value):
                yield from _of_run([(place, item) for item in run], find, depth + 1)


def _by_id(value: Mapping[str, Any], place: str, find: _Find) -> list[Entry]:
    """The entries of an object that has them, or only their labels, by id; none if no id is a requested one."""
    entries = []
    is_named = _LABELS.fullmatch(re.sub(r"\[[0-9]+\]", "", place).rpartition(".")[2]) is not None
    for key, item in value.items():
        fields = {"label": item if is_named else None} if isinstance(item, str) and find(key) else item
        if not (isinstance(item, str) and find(key)) and not _has_label(fields):
            continue
        written = fields.get("cluster_id", key)
        # An entry under one id that states another is about nobody.
        entries.append(Entry(key if find(written) == find(key) else None, fields, f"{place}.{key}"))
    return entries if any(find(key) for key in value) else []


def _has_id(item: Any) -> bool:
    key = item.get("cluster_id") if isinstance(item, dict) else None
    return isinstance(key, (str, int, float)) and not isinstance(key, bool)


def _has_label(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("label"), str)


def other_label(entry: Entry) -> str:
    """The key under which an entry gives another label than its own, as a correction does; empty if there is none."""
    label = str(entry.fields.get("label")).casefold()
    for key, value in entry.fields.items():
        is_revision = key != "label" and (_REVISION.match(key) or key.casefold() == "label")
        if is_revision and isinstance(value, str) and value.strip() and value.casefold() != label:
            return key
        items = value if isinstance(value, list) else [value]
        nested = [
            item for item in items if _has_label(item) and item.get("cluster_id", entry.given_id) == entry.given_id
        ]
        if key != "alternatives" and any(item["label"].casefold() != label for item in nested):
            return key
    return ""
