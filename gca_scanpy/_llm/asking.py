"""How language models are asked: the options, the question about each cluster, and the requests that it needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Optional, Union, get_args

from attrs import field, frozen
from attrs.validators import optional

from gca_scanpy._arguments import FLAG, PATH, TEXT, Kind, check, is_count, is_text, of_kind, one_of
from gca_scanpy._llm import prompt
from gca_scanpy._llm.cache import AnswerCache, key_of
from gca_scanpy._llm.language_model import ChatModel, LanguageModel
from gca_scanpy._llm.prompt import Message, Plan, PlannedRequest
from gca_scanpy._settings import Settings
from gca_scanpy._steps import Objection
from gca_scanpy.errors import InputError, shown

if TYPE_CHECKING:
    from gca_scanpy._scoring.case import Case
    from gca_scanpy._steps import Verdict

Escalate = Literal["all", "unsure"]
OnError = Literal["offline", "raise"]
OFFLINE = "offline"


CACHE = Kind(lambda value: isinstance(value, bool) or PATH.accepts(value), "True, False or a folder")


def _models(model: Any) -> tuple[Union[ChatModel, str], ...]:
    """The models that an argument names; none if it is None, which leaves the choice to the settings."""
    if model is None:
        return ()
    models = tuple(model) if isinstance(model, (list, tuple)) else (model,)
    if not models:
        msg = "model is an empty list; name a model, or leave it out for the offline scorer"
        raise InputError(msg)
    for one in models:
        if not isinstance(one, str) and (isinstance(one, (Mapping, type)) or not isinstance(one, ChatModel)):
            msg = (
                f"model={shown(one)} has no name and no method complete(messages, schema); name a model, such as "
                "'openai:gpt-4.1-mini', or pass a gca_scanpy.LanguageModel"
            )
            raise InputError(msg)
    names = [one if isinstance(one, str) else one.name for one in models]
    for name in names:
        check("the name of a model", name, TEXT)
    _check_distinct(names)
    if OFFLINE in names:
        msg = f"model={names!r} contains 'offline', which asks no model; pass model='offline' alone"
        raise InputError(msg)
    return models


def _check_distinct(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        msg = f"model names the same model twice: {', '.join(names)}"
        raise InputError(msg)


def _option(text: str, name: str = "") -> dict[str, str]:
    """What the command line shows of a field: its help, and its option if that is not called like the field."""
    return {"help": text, "option": name}


@frozen
class Asking:
    """Which language models are asked, about what, and within which bounds.

    Pass one as ``model=`` of :func:`gca_scanpy.tl.annotate` or :func:`gca_scanpy.tl.plan`. Making one with a bad value
    raises.

    Parameters
    ----------
    model
        A name such as ``"openai:gpt-4.1-mini"``, a :class:`gca_scanpy.LanguageModel`, any object with a ``name`` and a
        method ``complete(messages, schema)``, or a list of these. If several are named, each answers alone, and the
        term that most of them support is the verdict. If None, ``settings.model`` is asked.
    context
        Additional information for the model, in your own words; at most 4,000 characters are sent.
    escalate
        ``"all"`` asks about all clusters, ``"unsure"`` about those that the offline scorer does not support with High
        confidence.
    on_error
        If no model answers a cluster, ``"offline"`` uses the offline scorer's answer and flags it
        ``llm_unavailable``; ``"raise"`` raises, and the data stay as they were.
    ask_again
        Whether each model is asked once more about its labels that the guardrails stop, with the genes that separate
        the label from its best rival. What it then answers is checked again.
    max_requests, max_tokens
        Bounds of the run. A request that would pass one is not sent; tokens of open requests are estimated.
    chunk_size
        Clusters in a request.
    n_threads
        Requests at once.
    cache
        Whether answers are stored and used again: True for the folder of the settings, False for none, or a folder.

    Raises
    ------
    InputError
        If a value cannot be used; the message says what it was and what is accepted.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> asking = gca.Asking("openai:gpt-4.1-mini", escalate="unsure", max_requests=20)
    >>> asking.escalate, asking.chunk_size
    ('unsure', 16)
    """

    model: tuple[Union[ChatModel, str], ...] = field(default=None, converter=_models)
    context: Optional[str] = field(
        default=None,
        kw_only=True,
        validator=optional(is_text),
        metadata=_option("Additional information for a language model, such as the donor's disease."),
    )
    escalate: Escalate = field(
        default="all",
        kw_only=True,
        validator=of_kind(one_of(*get_args(Escalate))),
        metadata=_option("Ask a language model about all clusters, or about those the offline scorer is unsure of."),
    )
    on_error: OnError = field(
        default="offline",
        kw_only=True,
        validator=of_kind(one_of(*get_args(OnError))),
        metadata=_option("If a language model leaves a cluster unanswered: use the offline answer, or stop."),
    )
    ask_again: bool = field(
        default=False,
        kw_only=True,
        validator=of_kind(FLAG),
        metadata=_option("Ask a language model once more about each label that the guardrails stop."),
    )
    max_requests: Optional[int] = field(
        default=None, kw_only=True, validator=optional(is_count), metadata=_option("Send no more requests than this.")
    )
    max_tokens: Optional[int] = field(
        default=None, kw_only=True, validator=optional(is_count), metadata=_option("Use no more tokens than this.")
    )
    chunk_size: int = field(default=16, kw_only=True, validator=is_count, metadata=_option("Clusters in a request."))
    n_threads: int = field(
        default=8, kw_only=True, validator=is_count, metadata=_option("Requests at once.", "threads")
    )
    cache: Union[bool, str, os.PathLike[str]] = field(default=True, kw_only=True, validator=of_kind(CACHE))

    def resolve(self, settings: Settings) -> tuple[ChatModel, ...]:
        """The models to ask: those named here, else that of the settings.

        Raises
        ------
        InputError
            If none is named in either, or a name cannot be used.
        """
        named = self.model or _models(settings.model or None)
        if not named:
            msg = "no language model is named: pass a model to Asking, or set GCA_MODEL"
            raise InputError(msg)
        models = tuple(client(one, settings) if isinstance(one, str) else one for one in named)
        _check_distinct([model.name for model in models])  # two spellings may be one model
        return models


ModelLike = Union[Asking, ChatModel, str, Sequence[Union[ChatModel, str]], None]


def asking_of(model: ModelLike, settings: Settings) -> Optional[Asking]:
    """What the argument ``model=`` asks for; None if the offline scorer answers alone.

    Raises
    ------
    InputError
        If it is nothing that can be asked.
    """
    if isinstance(model, Asking):
        return model
    if model is None:
        model = settings.model
    if model is None or (isinstance(model, str) and model == OFFLINE):
        return None
    return Asking(model)


def client(name: str, settings: Settings) -> LanguageModel:
    """The model of this name, with the server, the headers and the limits of the settings."""
    return LanguageModel(
        name,
        base_url=settings.base_url or None,
        headers=settings.headers,
        timeout=settings.timeout,
        deadline=settings.deadline,
    )


@frozen
class Question:
    """What is the same for every cluster; with the cluster and the model, it determines the answer.

    ``objections`` are what the checks say against earlier labels, by cluster id, if a model is asked again.
    """

    species: str
    context: Optional[str]
    database_sha256: str
    objections: Mapping[str, Objection] = field(factory=dict)

    def messages(self, cases: Sequence[Case], problems: Optional[Mapping[str, str]] = None) -> tuple[Message, ...]:
        """The messages that ask about some clusters; ``problems`` says why an earlier reply could not be used."""
        return prompt.messages(
            cases, species=self.species, context=self.context, problems=problems, objections=self.objections
        )

    def key(self, case: Case, model: ChatModel) -> str:
        """The key of a model's answer about a cluster in the cache."""
        # The question about this cluster alone, because the other clusters in a request do not change the answer.
        (system, user) = self.messages([case])
        return key_of(
            {
                "prompt_version": prompt.PROMPT_VERSION,
                "system": system.content,
                "user": user.content,
                "model": model.name,
                "database": self.database_sha256,
            }
        )


@frozen
class Round:
    """What one model is asked.

    Attributes
    ----------
    question
        What is the same for every cluster.
    verdicts
        Answers from the cache, by cluster id; of a prepared round, those of the chunks that were read.
    keys
        Keys of the answers in the cache, by cluster id; likewise.
    chunks
        Clusters without an answer in the cache, one chunk for each request; of a prepared round, to be read once.
    """

    model: ChatModel
    question: Question
    verdicts: Mapping[str, Verdict]
    keys: Mapping[str, str]
    chunks: Iterable[tuple[Case, ...]]


def prepare(
    cases: Iterable[Case], question: Question, model: ChatModel, cache: Optional[AnswerCache], chunk_size: int
) -> Round:
    """The answers of a model that the cache has, and the chunks of clusters to ask it about.

    A case is looked up when its chunk is read, so that the first chunk can be asked about before the last case is made.
    """
    keys: dict[str, str] = {}
    verdicts: dict[str, Verdict] = {}

    def unanswered() -> Iterator[Case]:
        for case in cases:
            key = case.cluster_id
            if cache is not None:
                keys[key] = question.key(case, model)
                verdict = cache.get(keys[key], partial(_restore, case))
                if verdict is not None:
                    verdicts[key] = verdict
                    continue
            yield case

    return Round(model, question, verdicts, keys, chunked(unanswered(), chunk_size))


def chunked(cases: Iterable[Case], size: int) -> Iterator[tuple[Case, ...]]:
    """The clusters in groups of at most ``size``."""
    rest = iter(cases)
    return iter(lambda: tuple(islice(rest, size)), ())


def _restore(case: Case, stored: Any) -> Optional[Verdict]:
    """A verdict from the cache; None if the file does not contain one for this cluster."""
    from gca_scanpy import _codec  # here, because the command line reads the options on each start

    verdict = _codec.verdict_from_plain(stored)
    return verdict if verdict is not None and verdict.cluster_id == case.cluster_id else None


def plan(rounds: Sequence[Round], offline: Sequence[str], again: Sequence[Round] = ()) -> Plan:
    """The plan of a run; ``again`` are the rounds that ask once more if all labels are stopped."""
    requests = [_request(r, chunk) for r in rounds for chunk in r.chunks]
    repeated = [(_request(r, chunk), len(chunk)) for r in again for chunk in r.chunks]
    return Plan(
        models=tuple(r.model.name for r in rounds),
        requests=tuple(requests),
        cache_hits=sum(len(r.verdicts) for r in rounds),
        offline=tuple(offline),
        prompt_tokens=sum(r.prompt_tokens for r in requests),
        completion_tokens=sum(prompt.REPLY_TOKENS * len(r.cluster_ids) for r in requests),
        requests_again=len(repeated),
        tokens_again=sum(
            request.prompt_tokens + (prompt.OBJECTION_TOKENS + prompt.REPLY_TOKENS) * n for request, n in repeated
        ),
    )


def _request(r: Round, chunk: Sequence[Case]) -> PlannedRequest:
    messages = r.question.messages(chunk)
    ids = tuple(cluster.cluster_id for cluster in chunk)
    return PlannedRequest(r.model.name, ids, messages, prompt.prompt_tokens(messages))
