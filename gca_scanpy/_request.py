"""What a run is asked, such as the tissue, the cases that it makes of clusters, and the provenance of its report."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

import numpy as np
import pandas as pd
from attrs import Factory, evolve, field, frozen

from gca_scanpy._events import Clock, now
from gca_scanpy._packages import versions
from gca_scanpy._prepare import Place, Tissue, canonical, check_species, genes_of, index_of, tissues_of
from gca_scanpy._propose import Offline, Proposer
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.database import MarkerDatabase
from gca_scanpy._scoring.weights import of_cells
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, UnknownTissueWarning, shown, warn
from gca_scanpy.model import Provenance

NOT_STATED = ("na", "n/a", "nan", "none", "unknown", "unspecified")  # these say that the tissue is not known


@frozen(kw_only=True)
class Request:
    """What a run is asked, apart from the markers.

    Attributes
    ----------
    tissue
        One text for all clusters, or a text by cluster id; :func:`check_tissue` has read it.
    parameters
        The arguments of the call, as text; for the ranking, what was used.
    warnings
        Warnings about the cells and their ranking, for the report.
    request_id
        Names the run in its report and its log: that of the settings, or a new one.
    """

    species: str = field(converter=check_species)
    tissue: Place
    database: MarkerDatabase
    settings: Settings
    proposer: Proposer = field(factory=Offline)
    parameters: Mapping[str, str] = field(factory=dict)
    cells_without_cluster: int = 0
    warnings: tuple[str, ...] = ()
    request_id: str = Factory(lambda self: self.settings.request_id or str(uuid.uuid4()), takes_self=True)

    def with_used(self, used: Mapping[str, object], warnings: tuple[str, ...]) -> Request:
        """The request with these parameters instead of those that were asked for; one that is None was not used."""
        parameters = {key: str(value) for key, value in {**self.parameters, **used}.items() if value is not None}
        return evolve(self, parameters=parameters, warnings=warnings)


def check_tissue(tissue: Tissue) -> Place:
    """The tissue as text, or as text by cluster, once every name in it is understood.

    Raises
    ------
    InputError
        If a name is unknown or not text.
    """
    if not isinstance(tissue, Mapping):
        return _text(tissue)
    texts = {str(key): _text(names) for key, names in tissue.items()}
    return {key: text for key, text in texts.items() if text is not None}


def _text(names: Any) -> Optional[str]:
    """One or several names as text, or None without a name, such as for a missing value of a table."""
    if names is None or names is pd.NA or (isinstance(names, float) and names != names):
        return None
    many = names
    if isinstance(names, str):
        many = [names]
    elif isinstance(names, (np.ndarray, pd.Index, pd.api.extensions.ExtensionArray)):  # the distinct values of a column
        many = list(np.ravel(names))
    elif isinstance(names, (set, frozenset)):  # the order of the tissues changes no answer
        many = sorted(names, key=str)
    if not isinstance(many, (list, tuple)) or not all(isinstance(name, str) for name in many):
        msg = (
            f"tissue contains {shown(names)}, of type {type(names).__name__}; give a name such as 'blood', a list of "
            "names, or a dict that maps cluster ids to these"
        )
        raise InputError(msg)
    texts = [name.strip() for name in many if name.strip() and name.strip().casefold() not in NOT_STATED]
    for text in texts:
        _check(text)
    return ", ".join(texts) or None


def _check(text: str) -> None:
    vocabulary = _bundled.tissues()
    reading = vocabulary.read(text)
    if reading.corrected:
        warn(f"tissue {text!r} is not known; it was read as {reading.corrected!r}", UnknownTissueWarning)
    if not reading.tissues:
        near = ", ".join(vocabulary.nearest(text))
        known = f"the nearest known: {near}" if near else f"known are: {', '.join(sorted(vocabulary.canonical))}"
        msg = f"tissue {text!r} is not known; {known}. If none of them fits, leave the tissue out"
        raise InputError(msg)


def prepare(markers: Sequence[ClusterMarkers], request: Request, clock: Clock) -> tuple[Iterator[Case], list[str]]:
    """A case for each cluster, scored when it is read, and warnings about its genes and about the database."""
    index, limits = index_of(request.database, request.species), Limits.of(request.settings)
    tissues = tissues_of(markers, request.tissue)
    with clock.step("genes"):
        clusters, warnings = canonical(markers, request.tissue, index)

    def cases() -> Iterator[Case]:
        with clock.step("scoring"):
            for cluster, cells in zip(clusters, of_cells(clusters, index)):
                yield Case.of(cluster, index, tissues[cluster.cluster_id], limits, cells)

    return cases(), [*warnings, *request.database.notes]


def provenance_of(request: Request, cases: Sequence[Case], models: Sequence[str]) -> Provenance:
    """The versions, the data and the models that a report comes from."""
    return Provenance(
        versions=versions(),
        database_version=request.database.version,
        database_sha256=request.database.sha256,
        ontology_version=_bundled.ontology().version,
        model=", ".join(models) or None,
        prompt_version=_prompt_version() if models else None,
        request_id=request.request_id,
        created_at=now(),
        species=request.species,
        genes_of=genes_of(request.species),
        tissues={case.markers.tissue: case.tissues for case in cases if case.markers.tissue},
    )


def _prompt_version() -> str:
    from gca_scanpy._llm import prompt  # here, because a run without language models does not need it

    return prompt.PROMPT_VERSION
