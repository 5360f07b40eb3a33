"""What a browser tab knows and shows: the file as last read, the labels to choose from, and each cluster as HTML."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from attrs import define
from filelock import FileLock, Timeout
from jinja2 import Template

from gca_scanpy._adata import reported_clustering
from gca_scanpy._adata.members import first_two
from gca_scanpy._events import now
from gca_scanpy._judging.reasons import REASONS, meaning
from gca_scanpy._keys import EMBEDDINGS, UNKNOWN_LABEL
from gca_scanpy._names.ontology import TERM_ID, Ontology, normalize_name
from gca_scanpy._page.html import template
from gca_scanpy._reporting.curation import Choice, decide, history, joined, standing
from gca_scanpy._reporting.display import LEVELS, STATUSES, VOTES, contrasts_of, is_label
from gca_scanpy._reporting.receipts import GRADES, Receipt
from gca_scanpy._reporting.report import makers
from gca_scanpy._stores import review
from gca_scanpy.db import _bundled
from gca_scanpy.errors import ConflictError
from gca_scanpy.model import ClusterReport, DatasetReport, Decision

if TYPE_CHECKING:
    from anndata import AnnData

PATIENCE = 120  # seconds that another curator may take to copy a large file
NEED = {"flagged": 0, "unknown": 1, "supported": 2}
DECIDED, OPEN = "☑", "☐"

Stamp = tuple[int, int, int]


def save(
    path: Path, key: str, seen: DatasetReport, choices: Collection[Choice], who: str, patience: float = PATIENCE
) -> DatasetReport:
    """Save the decisions of a curator who has read the report ``seen``; returns the report that the file then holds.

    Decisions that others saved about other clusters meanwhile are kept. The lock is a file beside the data, so it also
    works between machines that share a folder.

    Raises
    ------
    ConflictError
        If another curator decided about the same cluster meanwhile, or is saving for longer than ``patience`` seconds.
    InputError, MissingKeyError, ReportError, OSError
        If a decision or the file cannot be used.
    """
    place = path.resolve()
    try:
        with FileLock(str(place.with_name(f".{place.name}.lock")), timeout=patience):
            report = joined(seen, review.read_report(place, key), choices)
            decided = decide(report, choices, who, now(), _bundled.ontology())
            if decided is not report:
                review.write(place, decided, key, _bundled.palette())
            return decided
    except Timeout as error:
        msg = f"another curator has been saving {path.name} for {patience:g} seconds; nothing was saved, so try again"
        raise ConflictError(msg) from error


@define
class Desk:
    """A curator's view of a file.

    Attributes
    ----------
    report
        The report as the curator sees it; saving compares it with the file.
    cells
        Labels and embeddings, without expression.
    """

    path: Path
    key: str
    report: DatasetReport
    cells: AnnData
    _stamp: Stamp

    @classmethod
    def open(cls, path: Path, key: str) -> Desk:
        """Read a file; raises as :func:`gca_scanpy._stores.review.read_without_matrix` does."""
        stamp = _stamp(path)
        cells, report = review.read_without_matrix(path, key)
        return cls(path, key, report, cells, stamp)

    @property
    def decided(self) -> dict[str, Decision]:
        """The decisions that stand, by cluster."""
        return standing(self.report)

    def order(self) -> list[str]:
        """Cluster ids by need: open before decided, flagged before unknown before supported, low confidence first."""
        decided = self.decided

        def need(cluster: ClusterReport) -> tuple[bool, int, float]:
            return cluster.cluster_id in decided, NEED[cluster.status], cluster.confidence_score

        return [cluster.cluster_id for cluster in sorted(self.report.clusters, key=need)]

    def next_open(self, after: str) -> str:
        """The cluster to show after one is decided: the first open one by need, or the same if all are decided."""
        decided = self.decided
        return next((name for name in self.order() if name not in decided and name != after), after)

    def title(self, cluster_id: str) -> str:
        """A cluster in a line: whether it is decided, its status if it is open, its id, label and number of cells."""
        cluster, decision = self.report.cluster(cluster_id), self.decided.get(cluster_id)
        label = decision.to_label if decision else cluster.annotation.primary_label
        mark = DECIDED if decision else f"{OPEN} {STATUSES[cluster.status].mark}"
        n = cluster.n_cells
        cells = "" if n is None else f" ({n:,} {'cell' if n == 1 else 'cells'})"
        return f"{mark} {cluster_id}: {label}{cells}"

    def is_behind(self) -> bool:
        """Whether the file was written since it was read."""
        return _stamp(self.path) != self._stamp

    def refresh(self) -> None:
        """Read the report again; if the file was annotated again, its cells too."""
        stamp, report = _stamp(self.path), review.read_report(self.path, self.key)
        if report.provenance != self.report.provenance:
            self.cells, report = review.read_without_matrix(self.path, self.key)
        self.report, self._stamp = report, stamp

    def save(self, choice: Choice, who: str) -> None:
        """Save a decision and read the file again; raises as :func:`gca_scanpy._ui.desk.save` does."""
        save(self.path, self.key, self.report, [choice], who)
        self.refresh()


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def offered_labels(cluster: ClusterReport) -> dict[str, str]:
    """The labels to choose from for a cluster, by their shown text.

    First are the levels of its path, the finest guess before the broader ones, then the other labels of the run, then
    the Cell Ontology.
    """
    annotation = cluster.annotation
    ideas = [
        *((level.label, level.ontology_id) for level in reversed(cluster.path)),
        (annotation.proposed_label, annotation.proposed_ontology_id),
        *((candidate.label, candidate.ontology_id) for candidate in cluster.candidates),
        *((alternative.label, alternative.ontology_id) for alternative in annotation.alternatives),
    ]
    ontology = _bundled.ontology()
    ideas_shown = {
        _shown(label, term): term if term is not None and term in ontology else label
        for label, term in ideas
        if label.strip()
    }
    return {**ideas_shown, **_of_ontology()}


def stopped_proposal(cluster: ClusterReport) -> str:
    """The proposed label that the checks stopped, as :func:`meant_label` gives it; empty if none was stopped."""
    label, term = cluster.stopped_label.strip(), cluster.judged[1]
    if label in ("", UNKNOWN_LABEL):
        return ""
    ontology = _bundled.ontology()
    return f"{label} ({term})" if term is not None and term in ontology and TERM_ID.fullmatch(term) else label


def meant_label(label: str, words: str) -> str:
    """The label that a chosen term (or idea of the run) and a curator's own words mean; either may be empty."""
    if not words.strip():
        return label
    return f"{words} ({label})" if TERM_ID.fullmatch(label) else words


@lru_cache(maxsize=1)
def _of_ontology() -> dict[str, str]:
    ontology = _bundled.ontology()
    labels = {_shown(term.label, term.id): term.id for term in ontology.terms.values()}
    synonyms = {f"{name} → {_shown(ontology.label(term), term)}": term for name, term in _synonyms(ontology)}
    return {name: terms[name] for terms in (labels, synonyms) for name in sorted(terms, key=str.casefold)}


def _synonyms(ontology: Ontology) -> list[tuple[str, str]]:
    """Synonyms and short names with their ids, without those that differ from another name of the id in case only."""
    names = [(synonym, term.id) for term in ontology.terms.values() for synonym in term.synonyms]
    known = {(normalize_name(term.label), term.id) for term in ontology.terms.values()}
    synonyms = []
    short = [(row.name, row.term) for row in ontology.names if row.term]
    for name, term in [*names, *short]:
        if (normalize_name(name), term) not in known:
            known.add((normalize_name(name), term))
            synonyms.append((name, term))
    return synonyms


def _shown(label: str, term: str | None) -> str:
    return f"{label} ({term})" if term else label


MOST_POINTS = 20_000
MOST_CHOSEN = 5_000
PICK = "pick"  # name of the selection that a click makes
CHOSEN_COLOR, OTHERS_COLOR = "#D55E00", "#9AA5B1"
MOST_CANDIDATES = 5
MOST_GENES = 6  # of a candidate
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SPACE = re.compile(r"\s+")


def bases(cells: AnnData) -> list[str]:
    """The embeddings of an object, those that are known by name first."""
    names = [str(name) for name in cells.obsm]
    return [name for name in EMBEDDINGS if name in names] + [name for name in names if name not in EMBEDDINGS]


def points(cells: AnnData, report: DatasetReport, basis: str, chosen: str) -> pd.DataFrame:
    """The cells to draw: ``x``, ``y``, ``cluster``, ``label`` and ``chosen``; a large dataset is thinned."""
    clustering = reported_clustering(cells, report)
    xy = first_two(cells.obsm[basis], basis)
    order = np.argsort(clustering.codes, kind="stable")
    order = order[(clustering.codes[order] >= 0) & np.isfinite(xy[order]).all(axis=1)]
    code = clustering.all_ids.index(chosen) if chosen in clustering.all_ids else -1
    is_chosen = clustering.codes[order] == code
    drawn = np.concatenate([_spaced(order[~is_chosen], MOST_POINTS), _spaced(order[is_chosen], MOST_CHOSEN)])
    labels = {cluster.cluster_id: cluster.annotation.primary_label for cluster in report.clusters}
    labels |= {cluster_id: decision.to_label for cluster_id, decision in standing(report).items()}
    ids = [clustering.all_ids[code] for code in clustering.codes[drawn]]
    return pd.DataFrame({
        "x": xy[drawn, 0],
        "y": xy[drawn, 1],
        "cluster": ids,
        "label": [labels.get(name, "") for name in ids],
        "chosen": clustering.codes[drawn] == code,
    })  # fmt: skip


def _spaced(cells: Any, most: int) -> Any:
    return cells if len(cells) <= most else cells[np.linspace(0, len(cells) - 1, most).astype(np.intp)]


def spec(n_points: int, height: int = 370) -> dict[str, Any]:
    """The chart of the points: the chosen cluster in color, the others in gray, each with its id in the middle."""
    size = float(np.clip(40_000 / max(n_points, 1), 6, 40))
    axis = {"axis": None, "type": "quantitative", "scale": {"zero": False}}
    place = {"x": {"field": "x", **axis}, "y": {"field": "y", **axis}}
    tooltip = [{"field": "cluster", "type": "nominal"}, {"field": "label", "type": "nominal"}]

    def dots(is_chosen: bool, color: str, opacity: float, size: float) -> dict[str, Any]:
        return {
            "transform": [{"filter": f"datum.chosen === {str(is_chosen).lower()}"}],
            "mark": {"type": "circle", "color": color, "opacity": opacity, "size": size, "cursor": "pointer"},
            "encoding": {**place, "tooltip": tooltip},
        }

    middle = {axis: {**place[axis], "aggregate": "median"} for axis in ("x", "y")}
    names = {
        "mark": {"type": "text", "fontWeight": "bold", "fontSize": 12, "stroke": "white", "strokeWidth": 3,
                 "strokeOpacity": 0.85},
        "encoding": {**middle, "text": {"field": "cluster", "type": "nominal"}, "detail": {"field": "cluster"}},
    }  # fmt: skip
    over = {**names, "mark": {"type": "text", "fontWeight": "bold", "fontSize": 12, "color": "#222"}}
    others = dots(False, OTHERS_COLOR, 0.45, size)
    others["params"] = [{"name": PICK, "select": {"type": "point", "fields": ["cluster"]}}]
    return {"height": height, "layer": [others, dots(True, CHOSEN_COLOR, 0.9, size * 1.3), names, over]}


def _template(name: str) -> Template:
    return template("gca_scanpy._ui", name)


def evidence(report: DatasetReport, cluster_id: str, *, only_witnessed: bool = False) -> str:
    """The label of a cluster, the automatic and the curated one, and the evidence.

    Parameters
    ----------
    only_witnessed
        Whether the genes without a witness are left out; only of a report that has witnesses.
    """
    cluster, receipts = report.cluster(cluster_id), _bundled.receipts(report)
    annotation, validation = cluster.annotation, cluster.validation

    def shown(genes: Iterable[str], known: Mapping[str, Receipt]) -> list[tuple[str, Optional[Receipt]]]:
        return [(gene, known.get(gene)) for gene in genes if not only_witnessed or known[gene].is_witnessed]

    by_candidate, rivals = contrasts_of(cluster)
    candidates = [
        (one, shown([evidence.gene for evidence in one.supporting[:MOST_GENES]], receipts.of_candidate(one)), pairs)
        for one, pairs in zip(cluster.candidates[:MOST_CANDIDATES], by_candidate)
    ]
    codes = dict.fromkeys((*validation.flag_reasons, *cluster.warnings))
    remarks = dict.fromkeys((*validation.notes, *annotation.caveats, *cluster.warnings))
    return _template("evidence.html.j2").render(
        cluster=cluster,
        decision=standing(report).get(cluster_id),
        was_overruled=bool(cluster.stopped_label),
        mark=STATUSES[cluster.status].mark,
        flags=[meaning(code) for code in codes if code in REASONS],
        remarks=[text for text in remarks if text not in REASONS],
        path=[(level, is_label(level, cluster)) for level in cluster.path],
        candidates=candidates,
        rivals=rivals,
        support=shown(validation.supporting_markers, receipts.of_label(cluster)),
        has_witnesses=bool(report.witnesses),
        grades=GRADES,
        votes=VOTES,
    )


def heading(name: str, report: DatasetReport) -> str:
    """The name of the file, and where its labels come from."""
    provenance, parameters = report.provenance, report.parameters
    maker = f"labels from {makers(report)}, {provenance.created_at[:10]}"
    facts = [text for text in (parameters.get("groupby"), parameters.get("tissue"), maker) if text]
    return _template("heading.html.j2").render(name=name, facts=facts)


def trail(report: DatasetReport, cluster_id: str) -> str:
    """The decisions about a cluster, the newest first."""
    return _template("trail.html.j2").render(decisions=history(report, cluster_id)[::-1])


def style() -> str:
    """The style sheet of the review."""
    colors = {name: look.plot for name, look in {**STATUSES, **LEVELS}.items()}
    return f"<style>{_template('review.css').render(colors=colors)}</style>"


def plain(text: str) -> str:
    """A text for a message of Streamlit, which reads Markdown: every sign of it is escaped."""
    return _PUNCTUATION.sub(r"\\\1", _SPACE.sub(" ", text))
