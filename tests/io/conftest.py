"""What is exported: a plain report, one whose every text is hostile, and an annotated object."""

from __future__ import annotations

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy import model

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert(1)</script>{{ 7*7 }}{% for %}",
    "quotes": "\"' onmouseover='alert(1)' x=\"&amp;&lt;",
    "long": "L" * 10_000,
    "right_to_left": "\u202egnp.exe תא מסוג B",
    "control": "a\x1b[31mb\x07\r\nc\td\x00e\u2028f",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0;=1+1",
    "surrogate": "half \ud83e of a pair",
}


@pytest.fixture
def report(lineages):
    """Report with an unknown cluster, and ids that other formats break on."""
    keys = ["NK/T cell", "", "β", "7_0"]
    return gca.annotate_markers({**dict(zip(keys, lineages.values())), "none": []}, tissue="blood")


def _spoilt(cluster, text):
    """A cluster with this text in all its texts."""
    evidence = (model.Evidence(text, 1.5),)
    annotation = evolve(
        cluster.annotation,
        primary_label=text,
        proposed_label=f"{text} too",
        ontology_id=text,
        proposed_ontology_id=text,
        rationale=text,
        alternatives=(model.Alternative(text, text, text),),
        caveats=(text,),
        markers=(text,),
    )
    validation = evolve(
        cluster.validation,
        supporting_markers=(text,),
        missing_markers=(text,),
        contradictory_markers={text: (text,)},
        notes=(text,),
        flag_reasons=(text,),
    )
    return evolve(
        cluster,
        cluster_id=text,
        annotation=annotation,
        validation=validation,
        warnings=(text,),
        broad_label=text,
        broad_ontology_id=text,
        states=(text,),
        candidates=(model.Candidate(text, text, -2.0, 0.5, evidence, evidence),),
        tissue=text,
        struck_markers=(text,),
        panel=model.Panel((model.ModelAnswer(text, text, text, 0.5),), 0.5, 1.0),
    )


@pytest.fixture
def hostile(report):
    """Report with a cluster for each hostile text, and these texts in the rest of it too."""
    clusters = tuple(_spoilt(report.clusters[0], text) for text in HOSTILE.values())
    named = {text: text for text in HOSTILE.values()}
    provenance = evolve(report.provenance, versions=named, model="\n".join(HOSTILE.values()), request_id="<b>")
    summary = evolve(report.summary, unknown_clusters=tuple(HOSTILE.values()))
    metrics = evolve(report.metrics, flagged_reasons=dict.fromkeys(HOSTILE.values(), 1))
    return evolve(
        report,
        clusters=clusters,
        parameters=named,
        provenance=provenance,
        summary=summary,
        metrics=metrics,
        warnings=tuple(HOSTILE.values()),
        witnesses={text: {text: model.Witnesses(text, (text,), (f"{text}@{text}",))} for text in HOSTILE.values()},
    )


@pytest.fixture
def annotated(cells):
    """Cells with a label each, but for one cluster without markers and one cell without a cluster."""
    cells.obs["cluster"] = cells.obs["cluster"].astype(object)
    cells.obs.loc["cell0", "cluster"] = None
    cells.obs.loc["cell119", "cluster"] = "alone"
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells
