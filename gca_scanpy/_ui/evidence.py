"""What speaks for and against a label, as HTML in which every text of the report is text."""

from __future__ import annotations

import re

from jinja2 import Template

from gca_scanpy._judging.reasons import REASONS, meaning
from gca_scanpy._page.render import template
from gca_scanpy._reporting.curation import history, standing
from gca_scanpy.model import DatasetReport

MOST_CANDIDATES = 5
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_SPACE = re.compile(r"\s+")


def _template(name: str) -> Template:
    return template("gca_scanpy._ui", name)


def evidence(report: DatasetReport, cluster_id: str) -> str:
    """The label of a cluster, the machine's and the curator's, and the evidence."""
    cluster = report.cluster(cluster_id)
    annotation, validation = cluster.annotation, cluster.validation
    codes = (*validation.flag_reasons, *cluster.warnings)
    remarks = [text for text in (*validation.notes, *annotation.caveats, *cluster.warnings) if text not in REASONS]
    return _template("evidence.html.j2").render(
        cluster=cluster,
        decision=standing(report).get(cluster_id),
        was_overruled=annotation.proposed_label != annotation.primary_label,
        flags=[meaning(code) for code in dict.fromkeys(codes) if code in REASONS],
        remarks=list(dict.fromkeys(remarks)),
        candidates=cluster.candidates[:MOST_CANDIDATES],
    )


def heading(name: str, report: DatasetReport) -> str:
    """The file, and where its labels come from."""
    return _template("heading.html.j2").render(name=name, provenance=report.provenance, parameters=report.parameters)


def trail(report: DatasetReport, cluster_id: str) -> str:
    """The decisions about a cluster, newest first."""
    return _template("trail.html.j2").render(decisions=history(report, cluster_id)[::-1])


def style() -> str:
    """The style sheet of the page."""
    return f"<style>{_template('review.css').render()}</style>"


def plain(text: str) -> str:
    """A text for a message of Streamlit's, which reads Markdown: every sign of it stands for itself."""
    return _PUNCTUATION.sub(r"\\\1", _SPACE.sub(" ", text))
