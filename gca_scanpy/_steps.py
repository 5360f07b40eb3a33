"""What one step of a run passes to the next, and how genes are ranked; nothing here is part of a report."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping  # these are read at run time, on Python 3.9 too
from typing import TYPE_CHECKING, Optional

from attrs import field, frozen

from gca_scanpy._arguments import is_count
from gca_scanpy.model import Alternative, AskedAgain, Consensus, Level, PairContrast, Panel, Source

if TYPE_CHECKING:  # the command line reads this module for --help, without NumPy
    import numpy as np
    import numpy.typing as npt


@frozen(kw_only=True)
class Ranking:
    """How the genes of each cluster are ranked; the fields are arguments of :func:`gca_scanpy.tl.annotate`."""

    n_markers: int = field(default=50, validator=is_count, metadata={"help": "Marker genes per cluster."})
    rank_key: str = field(default="rank_genes_groups", metadata={"help": "Key in .uns of a ranking to use."})
    method: str = field(default="t-test", metadata={"help": "How to rank the genes if there is no ranking."})
    use_raw: Optional[bool] = field(default=None, metadata={"option": "use-raw/--no-raw"})
    layer: Optional[str] = field(default=None, metadata={"help": "Layer to rank."})
    gene_symbols: Optional[str] = field(default=None, metadata={"help": "Column of .var with gene symbols."})


@frozen
class RankedGene:
    """A marker gene of a cluster.

    Attributes
    ----------
    name
        The gene as the data names it, so that plots of the result find it.
    symbol
        Its canonical symbol: HGNC for human genes and for mouse genes with an ortholog; None if unmapped.
    level
        Its mean in the cluster relative to the highest mean of any cluster, 0 to 1; 1 if no matrix shows it.
    """

    name: str
    symbol: Optional[str] = None
    level: float = 1.0


@frozen(eq=False)
class Activity:
    """How far the cells of each cluster have each gene on; one object for all clusters of a run.

    Attributes
    ----------
    rows
        The row of each cluster, by its id.
    columns
        The column of each gene that any cluster has and that may mark a type, by its symbol.
    on, off
        0 to 1, shape (clusters, genes). A gene that hardly any cell of the data shows is neither on nor off.
    usual
        The share of the clusters that have the gene on, shape (genes,).
    fractions
        Shares of the cells that express each gene, 0 to 1, shape (clusters, genes).
    """

    rows: Mapping[str, int]
    columns: Mapping[str, int]
    on: npt.NDArray[np.float64]
    off: npt.NDArray[np.float64]
    usual: npt.NDArray[np.float64]
    fractions: npt.NDArray[np.float64]


Symbols = Mapping[str, Optional[str]]  # by the names that were read; None for no gene
FindActivity = Callable[[Symbols, Container[str]], Optional[Activity]]


@frozen
class ClusterMarkers:
    """The ranked marker genes of one cluster, best first.

    Attributes
    ----------
    cluster_id
        The cluster as the data names it, as a string; it is matched exactly everywhere.
    genes
        Ranked marker genes, best first.
    expressed
        Genes that the cluster expresses more than the other cells (t-test), best first, if ``genes`` is a ranking of
        another kind; empty otherwise.
    present
        Genes that most of its cells express at the level of other clusters that have them; they show the lineage if
        all clusters share it. Empty if only a marker table was given.
    absent
        Genes that it lacks although another cluster shows that they can be detected; empty if only a marker table was
        given.
    measured
        All genes of the data, as symbols; None if only a marker table was given.
    activity
        Which genes each cluster has on; None if there is no matrix, or it has negative values.
    find_activity
        What finds it once the genes are read, from the symbols by name and those that mark anything.
    n_cells
        Number of cells; None if only a marker table was given.
    tissue
        Canonical tissue name, or None.
    warnings
        Problems with the markers of this cluster.
    """

    cluster_id: str
    genes: tuple[RankedGene, ...]
    expressed: tuple[RankedGene, ...] = ()
    present: tuple[RankedGene, ...] = ()
    absent: tuple[RankedGene, ...] = ()
    measured: Optional[Container[str]] = None
    activity: Optional[Activity] = field(default=None, eq=False)
    find_activity: Optional[FindActivity] = field(default=None, eq=False, repr=False)
    n_cells: Optional[int] = None
    tissue: Optional[str] = None
    warnings: tuple[str, ...] = ()


@frozen
class Verdict:
    """A proposed label of one cluster, before it is judged.

    Attributes
    ----------
    confidence_score
        The proposer's probability that the label is right, 0 to 1.
    source
        ``offline`` for the scorer, ``model`` for a language model, ``user`` for a label to be validated.
    unavailable
        Why the requested language model gave no answer; empty if it answered, or none was requested.
    struck
        Genes that the model named as supporting although the cluster does not have them.
    panel
        The answers of several models, if there were several.
    path
        For the scorer, the levels through the label down to its finest guess.
    consensus
        The votes behind a label on which several columns agreed.
    asked_again
        Both answers of each model that was asked about its label once more.
    """

    cluster_id: str
    label: str
    ontology_id: Optional[str]
    confidence_score: float
    source: Source
    rationale: str = ""
    alternatives: tuple[Alternative, ...] = ()
    caveats: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    unavailable: str = ""
    struck: tuple[str, ...] = ()
    panel: Optional[Panel] = None
    path: tuple[Level, ...] = ()
    consensus: Optional[Consensus] = None
    asked_again: tuple[AskedAgain, ...] = ()

    @property
    def key(self) -> str:
        """The label as a key of the index: its term if it has one."""
        return self.ontology_id or self.label


@frozen
class Objection:
    """What the checks say against the label of a language model, which is asked about it once more.

    Attributes
    ----------
    label
        The label that was stopped.
    reasons, notes
        The reason codes, and what stopped it in sentences.
    contrast
        What separates it from its best rival; None if no gene does.
    """

    label: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    contrast: Optional[PairContrast] = None
