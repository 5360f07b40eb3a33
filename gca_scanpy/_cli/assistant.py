"""What AI assistants may ask of ``gca mcp``: each tool is a function of the clusters of a call.

The tools read, look up and check; none writes or sends anything. The first line of a docstring is what an assistant
reads about the tool.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from gca_scanpy import annotate_markers, db, get, io, names, tl, validate_markers
from gca_scanpy._adata import read_clustering
from gca_scanpy._adata.clusters import group_columns
from gca_scanpy._cli.mcp import CELLS
from gca_scanpy._files import naming
from gca_scanpy._judging.reasons import meaning
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._stores import files
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, shown
from gca_scanpy.get._contrast import between

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._judging.contrast import Contrast
    from gca_scanpy.model import ClusterReport, DatasetReport

MAX_CELLS = 8_000_000_000  # bytes that an h5ad file unpacks to
MAX_SHOWN = 160  # characters of one text in an answer
FEW = 5  # genes and the like in one row of an answer
ONLY = "cluster"  # the id of the cluster of a list of genes
CONTRADICTIONS = frozenset({"contradictory_markers", "mixed_lineage"})
VERDICTS = ("supported", "contradicted", "not_supported")
Answer = dict[str, Any]


class Parts(NamedTuple):
    """An answer before it is cut into pages: its fields, and the list that may be long, with its name."""

    fields: Answer
    name: str
    rows: Iterable[Answer]


class Source(NamedTuple):
    """The clusters of a call: marker genes or a file, and what is needed to label them."""

    markers: Any = None
    file: Optional[Path] = None
    groupby: Optional[str] = None
    species: str = "human"
    tissue: Any = None

    @property
    def place(self) -> dict[str, Any]:
        """The arguments that every verb takes."""
        return {"species": self.species, "tissue": self.tissue}

    def by_cluster(self) -> dict[str, list[str]]:
        """The marker genes of each cluster."""
        if (self.file is None) == (self.markers is None):
            msg = "markers and file are both given, or neither is; pass one of them"
            raise InputError(msg)
        if self.file is not None:
            if _is_report(self.file):
                msg = f"{self.file.name} is a report, which has no lists of marker genes; pass markers instead"
                raise InputError(msg)
            return io.read_markers(self.file)
        return self.markers if isinstance(self.markers, dict) else {ONLY: self.markers}

    def report(self) -> DatasetReport:
        """The report of the offline scorer, or the one that the file has."""
        if self.file is None or self.markers is not None:
            return _annotated(self)
        state = self.file.stat()
        place = tuple(self.tissue) if isinstance(self.tissue, list) else self.tissue
        return _of_file(self._replace(tissue=place), state.st_mtime_ns, state.st_size)

    def cells(self) -> Optional[AnnData]:
        """The cells of the file; None if it has none."""
        if self.file is None or self.markers is not None or self.file.suffix.lower() != CELLS:
            return None
        files.check_alone(self.file, MAX_CELLS)
        return files.read(self.file)

    def column(self, adata: AnnData) -> str:
        """The column of the clusters, which the call must name."""
        if self.groupby is None:
            msg = f"groupby is needed for these cells; columns with groups: {_few(group_columns(adata.obs)) or 'none'}"
            raise InputError(msg)
        return self.groupby


def _annotated(source: Source) -> DatasetReport:
    return annotate_markers(source.by_cluster(), model="offline", **source.place)


@lru_cache(maxsize=8)  # the pages of an answer are requested one by one
def _of_file(source: Source, *state: int) -> DatasetReport:
    """The report of a file in this state, so that a changed file is read again."""
    del state
    adata, file = source.cells(), source.file
    if adata is not None:
        if source.groupby is not None or DEFAULT_KEY not in adata.uns:
            tl.annotate(adata, source.column(adata), model="offline", **source.place)
        return get.report(adata)
    return io.read_report(file) if file is not None and _is_report(file) else _annotated(source)


def _is_report(file: Path) -> bool:
    """Whether a file begins as a report does; other JSON files hold tables."""
    if file.suffix.lower() != ".json":
        return False
    with naming(file, "read"), file.open("rb") as opened:
        return b'"schema_version"' in opened.read(1_000)


def annotate(source: Source) -> Parts:
    """Name cell clusters by their marker genes, or those of a file, offline; a row for each cluster."""
    report = source.report()
    counts = {"supported": report.summary.supported_clusters, "flagged": report.summary.flagged_clusters}
    fields = {**counts, "unknown": len(report.summary.unknown_clusters), "database": report.provenance.database_version}
    return Parts(fields, "clusters", map(_row, report.clusters))


def _row(cluster: ClusterReport) -> Answer:
    annotation, checked = cluster.annotation, cluster.validation
    is_finer = cluster.fine_label != annotation.primary_label
    return {
        "cluster": cluster.cluster_id,
        "label": annotation.primary_label,
        "ontology_id": annotation.ontology_id,
        "confidence": cluster.confidence,
        "probability": cluster.confidence_score,
        "status": cluster.status,
        "reasons": list(checked.flag_reasons[:FEW]),
        "stopped_label": cluster.stopped_label,
        "finest_guess": cluster.fine_label if is_finer else "",
        "finest_probability": cluster.fine_probability if is_finer else None,
        "supporting": list(checked.supporting_markers[:FEW]),
        "against": list(checked.contradictory_markers)[:FEW],
    }


def evidence(source: Source, cluster: Optional[str] = None) -> Parts:
    """Show why a cluster got its label: genes for and against, with witnesses; other candidates; next steps."""
    report = source.report()
    one = report.cluster(_id(cluster, [c.cluster_id for c in report.clusters]))
    return Parts(_row(one), "evidence", _evidence(one, report))


def _evidence(cluster: ClusterReport, report: DatasetReport) -> Iterator[Answer]:

    checked, receipts = cluster.validation, _bundled.receipts(report).of_label(cluster)
    for code in checked.flag_reasons:
        yield {"kind": "reason", "code": code, "meaning": meaning(code)}
    for gene in checked.supporting_markers:
        yield {"kind": "supports", "gene": gene, "witnesses": receipts[gene].text if gene in receipts else ""}
    for gene, types in checked.contradictory_markers.items():
        yield {"kind": "contradicts", "gene": gene, "marks": list(types[:FEW])}
    for kind, genes in (("missing", checked.missing_markers), ("not_measured", checked.unmeasured_markers)):
        yield from ({"kind": kind, "gene": gene} for gene in genes)
    for level in cluster.path:
        yield {"kind": "level", "label": level.label, "id": level.ontology_id, "probability": level.probability}
    for one in cluster.candidates:
        fields = {"label": one.label, "id": one.ontology_id, "probability": one.probability}
        yield {"kind": "candidate", **fields, "genes": [item.gene for item in one.supporting[:FEW]]}
    for step in cluster.next_steps:
        yield {"kind": "next_step", "text": step.text, "genes": list(step.genes[:FEW]), "reason": step.reason}


def check_label(source: Source, labels: Any) -> Parts:
    """Check labels against marker genes: each is supported, contradicted, or not_supported, with the reasons.

    Pass the labels that you want to give to clusters, not those that another tool here proposed.
    """
    adata = source.cells()
    if adata is None:
        markers = source.by_cluster()
        by_cluster = _by_id(labels, list(markers))
        report = validate_markers({key: markers[key] for key in by_cluster}, by_cluster, **source.place)
    else:
        clustering, column = read_clustering(adata, source.column(adata)), "gca: label to check"
        by_cluster = _by_id(labels, list(clustering.all_ids))
        given = [*(by_cluster.get(key) for key in clustering.all_ids), None]  # a cell without a cluster has the code -1
        adata.obs[column] = [given[code] for code in clustering.codes]
        tl.validate(adata, clustering.groupby, column, groups=list(by_cluster), **source.place)
        report = get.report(adata)
    rows = [_verdict(cluster) for cluster in report.clusters]
    return Parts({name: sum(row["verdict"] == name for row in rows) for name in VERDICTS}, "labels", rows)


def _verdict(cluster: ClusterReport) -> Answer:
    checked, (label, term) = cluster.validation, cluster.judged
    is_contradicted = not CONTRADICTIONS.isdisjoint(checked.flag_reasons)
    stopped = "contradicted" if is_contradicted else "not_supported"
    is_stopped = cluster.status != "supported"
    against = [f"{gene} ({', '.join(types[:2])})" for gene, types in checked.contradictory_markers.items()]
    return {
        "cluster": cluster.cluster_id,
        "label": label,
        "ontology_id": term,
        "verdict": stopped if is_stopped else "supported",
        "reasons": list(checked.flag_reasons[:FEW]),
        "why": next(iter(checked.notes), "") if is_stopped else "",
        "probability": cluster.confidence_score,
        "supporting": list(checked.supporting_markers[:FEW]),
        "against": against[:FEW],
        "best_candidate": cluster.candidates[0].label if cluster.candidates and is_stopped else "",
    }


def contrast(source: Source, first: str, second: str, cluster: Optional[str] = None) -> Parts:
    """List the genes that separate two cell types; with markers or a file, also which of them a cluster has."""
    if source.markers is None and source.file is None:
        return _contrast(between(first, second, source.species))
    report = source.report()
    return _contrast(get.contrast(report, _id(cluster, [c.cluster_id for c in report.clusters]), first, second))


def _contrast(found: Contrast) -> Parts:
    names = ("first", "first_id", "second", "second_id")
    columns = ("gene", "speaks_for", "kind", "is_canonical", "says")
    rows = ({name: getattr(gene, name) for name in columns} for gene in found.genes)
    return Parts({"cluster": found.cluster_id, **{name: getattr(found, name) for name in names}}, "genes", rows)


def fact(_: Source, gene: str, cell_type: str) -> Parts:
    """Look up whether a gene marks a cell type, who states it, and in which expression profiles it stands out."""
    found = db.fact(gene, cell_type)
    names = ("gene", "cell_type", "ontology_id", "role", "strength", "species", "decision", "reason")
    measured = len(found.seen_in) + len(found.not_seen_in)
    fields = {**{name: getattr(found, name) for name in names}, "stands_out_in": f"{len(found.seen_in)} of {measured}"}
    columns = ("title", "kind", "grade", "neighbor", "citation", "doi")
    rows = ({name: getattr(one, name) for name in columns} for one in found.witnesses)
    return Parts({**fields, "tissue": list(found.tissue[:FEW])}, "witnesses", rows)


def find_term(source: Source, label: str) -> Parts:
    """Read a lab's name of a cell type as a Cell Ontology term, or as candidates if it may mean several."""
    found, ontology = names.find(label, source.tissue, source.species), _bundled.ontology()
    fields = {name: getattr(found, name) for name in ("label", "ontology_id", "name", "how", "score", "reason")}
    aside = [f"{word.kind}: {word.text}" for word in found.aside[:FEW]]
    rows = ({"name": ontology.label(term), "id": term} for term in found.candidates)
    return Parts({**fields, "aside": aside}, "candidates", rows)


def _id(given: Optional[str], ids: Sequence[str]) -> str:
    """The id of the cluster that a call names, as it is or as an answer shows it; by default that of the only one."""
    matching = [key for key in ids if key == given] or [key for key in ids if given in (None, plain(key))]
    if len(matching) == 1:
        return matching[0]
    what = "cluster is needed, for there are several" if given is None else f"there is no cluster {shown(given)}"
    msg = f"{what}; the clusters are: {_few(ids)}"
    raise InputError(msg)


def _by_id(labels: Any, ids: Sequence[str]) -> dict[str, str]:
    """The labels by the ids of their clusters."""
    if isinstance(labels, str):
        return {_id(None, ids): labels}
    return {_id(key, ids): label for key, label in labels.items()}


def _few(texts: Sequence[str], most: int = 12) -> str:
    """The first of some names, and how many more there are."""
    more = len(texts) - most
    return ", ".join(map(plain, texts[:most])) + (f" and {more} more" if more > 0 else "")


def plain(text: str, most: int = MAX_SHOWN) -> str:
    """A text in an answer: one short line, in which characters that could hide something are escaped."""
    short = text[:most]
    while True:
        escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in short)
        if len(json.dumps(escaped)) <= most + 2:
            return escaped if len(short) == len(text) else f"{escaped}..."
        short = short[: len(short) * 3 // 4]
