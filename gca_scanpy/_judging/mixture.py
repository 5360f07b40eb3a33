"""What the cells of a mixed cluster are: two populations, doublets, or one population among ambient RNA.

Each lineage is a switch that is on or off in a cell, so a cell has the first, the second, both or neither. Each gene
belongs to one switch: it is expressed with one rate where that is on, and with a lower one where it is off. Given the
switches, genes are independent, as dropout is. The rates and the shares of the four states are fitted to the cells of
the cluster; the other clusters give the rates to begin with, because a cluster of doublets has no cell without a
lineage, and a cluster among ambient RNA none with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy.model import Mixture, MixtureKind, Part

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NEITHER, FIRST, SECOND, BOTH = range(4)  # the states of a cell, and the columns of their probabilities
MAX_ROUNDS, TOLERANCE = 300, 1e-6  # of the fits; the shares hardly change any more
LOWEST = 0.01  # a rate is never closer to 0 or 1, so that one gene alone decides nothing

SHOWN_GENES = 3
SHOWN_SHARE = 0.005  # a smaller share of the cells is 0 %

TOO_FEW_GENES = "too few of their genes tell the two apart in these cells"
TOO_FEW_COUNTS = "most cells express too few of the genes"
INDEPENDENT = "the genes of the two vary independently of each other"
NO_SOURCE = "the same cells express both, and no other cells express each of the two alone, so they may be of one type"
NOWHERE = "no cell, here or elsewhere, expresses the genes of both or of one of them together"


@frozen
class Lineage:
    """One of the two lineages of a cluster, with the genes that are specific for it against the other."""

    label: str
    ontology_id: Optional[str]
    genes: tuple[str, ...]


@frozen(eq=False)
class Switches:
    """The fitted model.

    Attributes
    ----------
    cuts
        A gene is expressed if its value is above this; shape (genes,).
    is_first
        Whether a gene belongs to the first lineage, or else to the second; shape (genes,).
    on, off
        Shares of expressing cells where the lineage is on or off, 0 to 1; shape (genes,).
    shares
        Shares of the cells by state, 0 to 1; shape (4,).
    """

    cuts: Floats
    is_first: Flags
    on: Floats
    off: Floats
    shares: Floats

    def probabilities(self, values: Floats) -> Floats:
        """The probability of each state, 0 to 1, shape (cells, 4), for values of the shape (cells, genes)."""
        return _posterior(self.evidence(values > self.cuts), self.shares)

    def evidence(self, expressed: Flags) -> Floats:
        """Log-likelihood of each state, in nats, shape (cells, 4)."""
        return _log_likelihoods(expressed.astype(np.float64), self.is_first, self.on, self.off)


@frozen(eq=False)
class Outcome:
    """What the cells of a cluster are.

    Attributes
    ----------
    why
        Why it is undecided; empty if it is decided.
    model
        The fitted model; None if too few genes tell the lineages apart.
    """

    kind: MixtureKind
    why: str = ""
    model: Switches | None = None


def find(values: Floats, clusters: npt.NDArray[np.intp], cluster: int, is_first: Flags, *, logged: bool) -> Outcome:
    """Decide what the cells of one cluster are.

    Parameters
    ----------
    values
        Expression of the genes of both lineages in cells of all clusters, shape (cells, genes).
    clusters
        The cluster of each cell, shape (cells,).
    cluster
        The cluster in question.
    is_first
        Whether a gene is specific for the first lineage, or else for the second; shape (genes,).
    logged
        Whether the values are logarithms, not counts.
    """
    cuts = _cuts(values, logged=logged)
    expressed, here = values > cuts, clusters == cluster
    elsewhere = _rates(expressed[~here], clusters[~here])
    on, off = _expected(elsewhere, expressed[here].mean(axis=0))
    telling = on - off >= numbers.NUMBERS.min_rate_gap
    least = numbers.NUMBERS.min_lineage_genes
    if min((telling & is_first).sum(), (telling & ~is_first).sum()) < least:
        return Outcome("undecided", TOO_FEW_GENES)
    model = _fit(expressed[here], cuts, is_first, on, np.where(telling, off, on))
    return _decide(model, expressed[here], elsewhere, telling)


def _cuts(values: Floats, *, logged: bool) -> Floats:
    """The value above which each gene counts as expressed: a part of what it has in cells that express it well."""
    part, lowest = numbers.NUMBERS.expressed_part, np.minimum(values.min(axis=0), 0.0)
    logged = logged and not lowest.any()  # scaled values have no logarithm left, and their lowest value is no count
    linear = np.expm1(np.minimum(values, numbers.NUMBERS.max_logged)) if logged else values - lowest
    high = np.array([np.quantile(gene[gene > 0], 0.9) if (gene > 0).any() else 0.0 for gene in linear.T])
    return np.asarray(np.log1p(part * high) if logged else lowest + part * high, dtype=np.float64)


def _rates(expressed: Flags, clusters: npt.NDArray[np.intp]) -> Floats:
    """Shares of expressing cells, shape (clusters, genes); half a cell is added on each side."""
    groups = [expressed[clusters == code] for code in np.unique(clusters)]
    rates = [(group.sum(axis=0) + 0.5) / (len(group) + 1) for group in groups]
    return np.array(rates, dtype=np.float64).reshape(len(rates), expressed.shape[1])


def _expected(elsewhere: Floats, here: Floats) -> tuple[Floats, Floats]:
    """The rates to begin with: on as in the cluster that expresses the gene most, off as in those that hardly do."""
    if not len(elsewhere):
        return _within(here), _within(here * numbers.NUMBERS.expressed_part)
    low = np.sort(elsewhere, axis=0)[(len(elsewhere) - 1) // 4]  # the lower quartile, and always the rate of a cluster
    on, off = np.maximum(elsewhere.max(axis=0), here), np.minimum(low, here)
    return _within(on), _within(off)


def _within(rates: Floats) -> Floats:
    return np.clip(rates, LOWEST, 1 - LOWEST)


@frozen(eq=False)
class _Rates:
    """The rates of the genes as they are fitted; the expected ones count as ``rate_prior`` cells more."""

    on: Floats
    off: Floats
    expected: tuple[Floats, Floats]

    def updated(self, cells: Floats, is_first: Flags, states: Floats) -> _Rates:
        """The most probable rates if the cells are in these states, with these probabilities."""
        prior, (expected_on, expected_off) = numbers.NUMBERS.rate_prior, self.expected
        first, second = states[:, FIRST] + states[:, BOTH], states[:, SECOND] + states[:, BOTH]
        n_on = np.where(is_first, first.sum(), second.sum())
        sum_on = np.where(is_first, first @ cells, second @ cells)
        totals = cells.sum(axis=0)
        on = (sum_on + prior * expected_on) / (n_on + prior)
        off = (totals - sum_on + prior * expected_off) / (len(cells) - n_on + prior)
        # A gene that is not higher where its lineage is on tells nothing.
        mean = (totals + prior * (expected_on + expected_off)) / (len(cells) + 2 * prior)
        wrong = (on < off) | (expected_on <= expected_off)
        return _Rates(_within(np.where(wrong, mean, on)), _within(np.where(wrong, mean, off)), self.expected)

    def log_prior(self) -> float:
        """Log-probability of the rates before the cells were seen, in nats."""
        pairs = zip((self.on, self.off), self.expected)
        nats = sum((mean * np.log(rate) + (1 - mean) * np.log1p(-rate)).sum() for rate, mean in pairs)
        return float(numbers.NUMBERS.rate_prior * nats)


def _fit(expressed: Flags, cuts: Floats, is_first: Flags, on: Floats, off: Floats) -> Switches:
    """Fit rates and shares by expectation maximization, from two starts of which the more probable fit is used.

    The first start takes the expected rates for granted. The second lets the cells of either lineage show first which
    genes they share after all.
    """
    cells, expected = expressed.astype(np.float64), _Rates(on, off, (on, off))
    apart, _, _ = _climb(cells, is_first, expected, (FIRST, SECOND))
    starts = [_climb(cells, is_first, rates, range(4)) for rates in (expected, apart)]
    rates, shares, _ = max(starts, key=lambda fit: fit[2])
    model = Switches(cuts, is_first, rates.on, rates.off, shares)
    return evolve(model, shares=_best_shares(model.evidence(expressed), range(4))[1])


def _climb(cells: Floats, is_first: Flags, rates: _Rates, allowed: Sequence[int]) -> tuple[_Rates, Floats, float]:
    """The rates and the shares of the allowed states from this start, and their log-probability in nats."""
    shares, is_allowed = np.zeros(4), np.isin(range(4), allowed)
    shares[is_allowed] = 1 / len(allowed)
    for _ in range(MAX_ROUNDS):
        states = _posterior(_log_likelihoods(cells, is_first, rates.on, rates.off), shares)
        rates = rates.updated(cells, is_first, states)
        before, shares = shares, is_allowed * (states.sum(axis=0) + 1) / (len(cells) + len(allowed))
        if np.abs(shares - before).max() < TOLERANCE:
            break
    evidence = _log_likelihoods(cells, is_first, rates.on, rates.off)
    highest = evidence.max(axis=1, keepdims=True)
    neither = float((cells @ np.log(rates.off) + (1 - cells) @ np.log1p(-rates.off)).sum())
    return rates, shares, neither + _total(np.exp(evidence - highest) @ shares, highest) + rates.log_prior()


def _log_likelihoods(cells: Floats, is_first: Flags, on: Floats, off: Floats) -> Floats:
    """Log-likelihood of each state, in nats, shape (cells, 4)."""
    gains = np.log(on) - np.log(off), np.log1p(-on) - np.log1p(-off)  # if a gene is expressed, and if it is not
    per_gene = gains[0] - gains[1]
    first, second = (cells[:, of_it] @ per_gene[of_it] + gains[1][of_it].sum() for of_it in (is_first, ~is_first))
    return np.stack([np.zeros(len(cells)), first, second, first + second], axis=1)


def _posterior(log_likelihoods: Floats, shares: Floats) -> Floats:
    logs = log_likelihoods + np.log(np.maximum(shares, np.finfo(np.float64).tiny))
    states = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(states / states.sum(axis=1, keepdims=True), dtype=np.float64)


def _best_shares(log_likelihoods: Floats, states: Sequence[int]) -> tuple[float, Floats]:
    """The shares of these states that explain the cells best, without the others, and their log-likelihood in nats."""
    highest = log_likelihoods.max(axis=1, keepdims=True)
    likelihoods = np.exp(log_likelihoods - highest)
    shares = np.zeros(4)
    shares[list(states)] = 1 / len(states)
    for _ in range(MAX_ROUNDS):
        before, shares = shares, _mean_states(likelihoods, shares)
        if np.abs(shares - before).max() < TOLERANCE:
            break
    return _total(likelihoods @ shares, highest), shares


def _independent(log_likelihoods: Floats) -> float:
    """The highest log-likelihood, in nats, if a lineage is on regardless of the other."""
    highest = log_likelihoods.max(axis=1, keepdims=True)
    likelihoods, shares = np.exp(log_likelihoods - highest), np.full(4, 0.25)
    for _ in range(MAX_ROUNDS):
        states = _mean_states(likelihoods, shares)
        first, second = states[FIRST] + states[BOTH], states[SECOND] + states[BOTH]
        before = shares
        shares = np.array([(1 - first) * (1 - second), first * (1 - second), (1 - first) * second, first * second])
        if np.abs(shares - before).max() < TOLERANCE:
            break
    return _total(likelihoods @ shares, highest)


def _mean_states(likelihoods: Floats, shares: Floats) -> Floats:
    states = likelihoods * shares
    totals = np.maximum(states.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return np.asarray((states / totals).mean(axis=0), dtype=np.float64)


def _total(likelihoods: Floats, highest: Floats) -> float:
    return float((np.log(np.maximum(likelihoods, np.finfo(np.float64).tiny)) + highest[:, 0]).sum())


def _decide(model: Switches, expressed: Flags, elsewhere: Floats, telling: Flags) -> Outcome:
    """The kind of mixture that a fitted model shows."""
    used, evidence, shares = numbers.NUMBERS, model.evidence(expressed), model.shares
    best, _ = _best_shares(evidence, range(4))
    told = 1 - shares[NEITHER]
    if told < used.min_told:
        return Outcome("undecided", TOO_FEW_COUNTS, model)

    def exists(state: int) -> bool:
        without, _ = _best_shares(evidence, [other for other in range(4) if other != state])
        return bool(shares[state] >= used.min_part * told and best - without >= used.min_part_evidence)

    first, second, both = exists(FIRST), exists(SECOND), exists(BOTH)
    has_all = first and second
    if has_all and _exclude_each_other(evidence, shares, best):
        return Outcome("two_populations", model=model)
    if has_all and shares[BOTH] < used.min_doublets * told:
        return Outcome("undecided", INDEPENDENT, model)
    # Among doublets, a few cells of either lineage alone are rather doublets of which much was not detected.
    of_first, of_second = telling & model.is_first, telling & ~model.is_first
    has_first = (first and not has_all) or _has_source(model, elsewhere, of_first, of_second)
    has_second = (second and not has_all) or _has_source(model, elsewhere, of_second, of_first)
    if not (has_first and has_second):
        return Outcome("undecided", NO_SOURCE if both else NOWHERE, model)
    return Outcome("doublets" if both else "ambient", model=model)


def _exclude_each_other(evidence: Floats, shares: Floats, best: float) -> bool:
    """Whether a cell with one lineage has the other less often than chance gives."""
    half = 0.5 / len(evidence)  # of a cell, so that no state is impossible
    neither, first, second, both = shares + half
    is_certain = best - _independent(evidence) >= numbers.NUMBERS.min_part_evidence
    return bool(is_certain and both * neither / (first * second) <= numbers.NUMBERS.max_odds_ratio)


def _has_source(model: Switches, elsewhere: Floats, of_first: Flags, of_second: Flags) -> bool:
    """Whether another cluster expresses the first of these genes as cells of their lineage do, and not the second."""
    first, second = (
        np.minimum(elsewhere[:, genes] / model.on[genes], 1).mean(axis=1) >= numbers.NUMBERS.min_source
        for genes in (of_first, of_second)
    )
    return bool((first & ~second).any())


def mixture_of(outcome: Outcome, lineages: Sequence[Lineage]) -> Mixture:
    """What the outcome for two lineages says of the cluster, for the report."""
    if outcome.kind == "undecided" or outcome.model is None:
        return Mixture("undecided")
    shares = [round(float(share), 4) for share in outcome.model.shares]
    parts = tuple(
        Part(lineage.label, lineage.ontology_id, shares[state], lineage.genes)
        for lineage, state in zip(lineages, (FIRST, SECOND))
    )
    return Mixture(outcome.kind, parts, shares[BOTH])


def note_of(found: Mixture, labels: Sequence[str], why: str = "") -> str:
    """What the cells are in a sentence; why, if they do not show it."""
    first, second = labels
    if found.kind == "undecided":
        return f"the cells do not show whether {first} and {second} are two populations or doublets: {why}"
    parts, both = found.parts, _percent(found.both)
    genes = " and of ".join(f"{part.label} ({_named(part)})" for part in parts)
    shares = [f"{_percent(part.share)} express only those of {part.label}" for part in parts]
    if found.kind == "two_populations":
        return (
            f"the cells are two populations by the genes of {genes}: {shares[0]}, {shares[1]}, and {both} both; "
            "gca_scanpy.tl.split separates them"
        )
    if found.kind == "doublets":
        others = [text for text, part in zip(shares, parts) if part.share >= SHOWN_SHARE]
        return ", ".join([f"{both} of the cells express the genes of {genes} together, as doublets do", *others])
    absent = min(parts, key=lambda part: part.share)
    return (
        f"no cell is of the lineage of {absent.label}: its genes ({_named(absent)}) are at a low level in all cells, "
        "as ambient RNA is, and higher in other clusters"
    )


def _named(part: Part) -> str:
    return ", ".join(part.genes[:SHOWN_GENES])


def _percent(share: float) -> str:
    return f"{share:.0%}"
