"""What the page shows of a cluster: its cells in an embedding, and its evidence and decisions as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from jinja2 import Template

from gca_scanpy._adata import reported_clustering
from gca_scanpy._judging.reasons import REASONS, meaning
from gca_scanpy._keys import EMBEDDINGS
from gca_scanpy._page.html import template
from gca_scanpy._reporting.curation import history, standing
from gca_scanpy._reporting.display import LEVELS, STATUSES, is_label
from gca_scanpy._reporting.documents import VOTES
from gca_scanpy._reporting.receipts import GRADES, Receipt
from gca_scanpy._reporting.report import makers
from gca_scanpy.db import _bundled
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

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
    xy = np.asarray(cells.obsm[basis], dtype=float)[:, :2]
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

    candidates = [
        (one, shown([evidence.gene for evidence in one.supporting[:MOST_GENES]], receipts.of_candidate(one)))
        for one in cluster.candidates[:MOST_CANDIDATES]
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
