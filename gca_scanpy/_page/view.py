"""What the page shows, in the order and the words in which it shows it. Pure: no HTML, no file, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional
from urllib.parse import quote

from attrs import frozen

from gca_scanpy._adata.members import Embedding
from gca_scanpy._page.cells import CellsView, ShareView, colors_of, composition, view_of_cells
from gca_scanpy._page.cluster import ClusterView, Facts, FlagView, view_of_cluster, view_of_flag
from gca_scanpy._reporting.colors import Color
from gca_scanpy._reporting.curation import history, standing
from gca_scanpy._reporting.display import STATUSES
from gca_scanpy._reporting.receipts import GRADES, Grade, Look, Receipts
from gca_scanpy._reporting.references import SECTIONS, Reference
from gca_scanpy._reporting.report import makers
from gca_scanpy.model import CONFIDENCE_LEVELS, DatasetReport

DOI = "https://doi.org/"
SHOWN = 20  # references of a section; a longer section is folded
LONGEST_NAME = 80  # letters of a name in the title
HEAD_PARAMETERS = ("species", "tissue", "groupby", "labels")  # those that stand at the head of the page


@frozen
class ReferenceView:
    """A reference: its text, its address if it has one, and what it stands for."""

    text: str
    url: str
    where: str
    uses: str


@frozen
class SectionView:
    """The references of one kind."""

    title: str
    references: tuple[ReferenceView, ...]

    @property
    def is_long(self) -> bool:
        """Whether the section is folded."""
        return len(self.references) > SHOWN


def view_of_references(references: Sequence[Reference]) -> tuple[SectionView, ...]:
    """The sections that have references."""
    sections = (
        SectionView(title, tuple(_view(one) for one in references if one.section == title)) for title in SECTIONS
    )
    return tuple(section for section in sections if section.references)


def _view(reference: Reference) -> ReferenceView:
    url = DOI + quote(reference.doi, safe="/:;()") if reference.doi else reference.url
    where = f"doi:{reference.doi}" if reference.doi else reference.url
    # Of some, nothing but the address is known.
    return ReferenceView("" if reference.text == where else reference.text, url, where, ", ".join(reference.uses))


@frozen(kw_only=True)
class PageView:
    """The whole page.

    Attributes
    ----------
    title
        The title in the tab of the browser, which tells this page from those of other data sets and clusterings.
    statuses, confidences
        Numbers of clusters by name, in the order of the scale.
    counted, composition
        The broad types, and whether their ``cells`` or their ``clusters`` are counted.
    cells
        The picture of the cells, or None if the page does not show it.
    unseen
        Why there is no picture of the cells; empty if that needs no explanation.
    grades
        How the witnesses of genes are shown; empty if the report has no witnesses.
    references
        What to cite for the evidence, by kind.
    origin
        The part of the provenance that stands beside each cluster.
    """

    title: str
    heading: str
    facts: Facts
    statuses: tuple[tuple[str, str, int], ...]
    confidences: tuple[tuple[str, int], ...]
    counted: str
    composition: tuple[ShareView, ...]
    flags: tuple[FlagView, ...]
    warnings: tuple[str, ...]
    cells: Optional[CellsView]
    unseen: str
    clusters: tuple[ClusterView, ...]
    grades: Mapping[Grade, Look]
    references: tuple[SectionView, ...]
    origin: Facts
    provenance: Facts
    parameters: Facts
    costs: Facts


def view_of(
    report: DatasetReport,
    color: Color,
    receipts: Receipts,
    references: Sequence[Reference],
    embedding: Optional[Embedding] = None,
    unseen: str = "",
    name: str = "",
    unshortened: Optional[DatasetReport] = None,
) -> PageView:
    """The page of a report.

    Parameters
    ----------
    report
        The report.
    color
        Gives the color of a label and its term.
    receipts
        The witnesses of its genes in words.
    references
        What to cite for its evidence.
    embedding
        The cells.
    unseen
        Why there are no cells.
    name
        Name of the data set; empty if it has none.
    unshortened
        The same report with its labels in full, if ``report`` has short ones.
    """
    provenance, metrics = report.provenance, report.metrics
    n_clusters = report.summary.total_clusters
    maker = ("labels from", makers(report))
    decided = standing(report)
    colors = [colors_of(cluster, position, color) for position, cluster in enumerate(report.clusters)]
    counted, shares = composition(report.clusters, colors)
    heading = f"Cell types of {n_clusters:,} cluster{'' if n_clusters == 1 else 's'}"
    names = [text[:LONGEST_NAME] for text in (name, report.parameters.get("groupby")) if text]
    return PageView(
        title=" · ".join([*names, heading]),
        heading=heading,
        facts=(*([("data set", name)] if name else []), *_head(report, maker)),
        statuses=_statuses(report),
        confidences=tuple((level, metrics.confidence_counts.get(level, 0)) for level in CONFIDENCE_LEVELS[::-1]),
        counted=counted,
        composition=shares,
        flags=tuple(view_of_flag(code, count) for code, count in metrics.flagged_reasons.items()),
        warnings=report.warnings,
        cells=view_of_cells(embedding, len(report.clusters)) if embedding else None,
        unseen=unseen,
        clusters=tuple(
            view_of_cluster(
                cluster,
                cluster_colors,
                receipts,
                history(report, cluster.cluster_id),
                decided.get(cluster.cluster_id),
                in_full,
            )
            for cluster, cluster_colors, in_full in zip(report.clusters, colors, (unshortened or report).clusters)
        ),
        grades=GRADES if report.witnesses else {},
        references=view_of_references(references),
        origin=(
            maker,
            ("marker database", provenance.database_version),
            ("Cell Ontology", provenance.ontology_version),
            ("created", provenance.created_at),
        ),
        provenance=_provenance(report),
        parameters=tuple(report.parameters.items()),
        costs=_costs(report),
    )


def _head(report: DatasetReport, maker: tuple[str, str]) -> Facts:
    without = report.telemetry.cells_without_cluster
    parameters = [(name, report.parameters[name]) for name in HEAD_PARAMETERS if report.parameters.get(name)]
    return (*parameters, maker, *([("cells without a cluster", f"{without:,}")] if without else []))


def _statuses(report: DatasetReport) -> tuple[tuple[str, str, int], ...]:
    summary = report.summary
    counts = {
        "supported": summary.supported_clusters,
        "flagged": summary.flagged_clusters,
        "unknown": len(summary.unknown_clusters),
    }
    return tuple((status, look.mark, counts[status]) for status, look in STATUSES.items())


def _provenance(report: DatasetReport) -> Facts:
    provenance = report.provenance
    texts: Mapping[str, Optional[str]] = {
        "marker database": provenance.database_version,
        "sha256": provenance.database_sha256,
        "Cell Ontology": provenance.ontology_version,
        "language model": provenance.model or "none",
        "prompt": provenance.prompt_version,
        "genes of": provenance.genes_of,
        "tissue": "; ".join(f"{text}: {', '.join(tissues)}" for text, tissues in provenance.tissues.items()),
        "request": provenance.request_id,
        "created": provenance.created_at,
        "report schema": report.schema_version,
    }
    return (*((name, text) for name, text in texts.items() if text), *provenance.versions.items())


def _costs(report: DatasetReport) -> Facts:
    cost = report.telemetry
    counts = {
        "requests": cost.requests,
        "retries": cost.retries,
        "prompt tokens": cost.prompt_tokens,
        "completion tokens": cost.completion_tokens,
        "answers from the cache": cost.cache_hits,
        "clusters without an answer": cost.unanswered,
        "labels stopped": cost.overrides,
    }
    return (
        *((name, f"{count:,}") for name, count in counts.items() if count),
        ("seconds", f"{sum(cost.seconds.values()):.2f}"),
    )
