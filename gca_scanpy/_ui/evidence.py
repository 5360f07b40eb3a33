"""The HTML of the review: heading, evidence and trail of decisions; every text of a report is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Optional

from jinja2 import Template

from gca_scanpy._judging.reasons import REASONS, meaning
from gca_scanpy._page.render import template
from gca_scanpy._reporting.curation import history, standing
from gca_scanpy._reporting.palette import LEVELS, STATUSES
from gca_scanpy._reporting.receipts import GRADES, Receipt
from gca_scanpy._reporting.report import makers
from gca_scanpy.db import _bundled
from gca_scanpy.model import DatasetReport

MOST_CANDIDATES = 5
MOST_GENES = 6  # of a candidate
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SPACE = re.compile(r"\s+")


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
        candidates=candidates,
        support=shown(validation.supporting_markers, receipts.of_label(cluster)),
        has_witnesses=bool(report.witnesses),
        grades=GRADES,
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
