"""The page of ``gca review``, which runs ``streamlit run review_app.py -- FILE KEY``."""

from __future__ import annotations

import hmac
import os
import sys
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

from gca_scanpy import get
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._reporting.curation import Choice
from gca_scanpy._ui.desk import (
    PICK,
    Desk,
    bases,
    evidence,
    heading,
    meant_label,
    offered_labels,
    plain,
    points,
    spec,
    stopped_proposal,
    style,
    trail,
)
from gca_scanpy.errors import ConflictError, GcaError
from gca_scanpy.model import DecisionKind
from gca_scanpy.tl._curate import user

TOKEN = "GCA_REVIEW_TOKEN"  # environment variable with the token of the address
ACCEPT, KEEP, CHANGE, MIXED = "Accept", "Keep unknown", "Change", "Mixed"
KINDS: dict[str, DecisionKind] = {ACCEPT: "accepted", KEEP: "accepted", CHANGE: "changed", MIXED: "mixed"}
CLUSTER = "cluster"  # in the address: the id of the cluster to show


def main(path: Path, key: str) -> None:
    """Show the page."""
    st.set_page_config(page_title=f"{path.name}: review", layout="wide", initial_sidebar_state="collapsed")
    _only_with_the_address()
    state = st.session_state
    if "desk" not in state:
        state.desk = Desk.open(path, key)
        order, wanted = state.desk.order(), st.query_params.get(CLUSTER)
        state.current = wanted if wanted in order else order[0]
        state.turn, state.message = 0, None
        state.who = user()
    desk: Desk = state.desk
    if st.query_params.get(CLUSTER) != state.current:
        st.query_params[CLUSTER] = state.current
    st.html(style())
    _head(desk)
    with st.container(key="desk"):
        left, middle, right = st.columns([5, 5, 4], gap="medium")
        with left:
            _cluster_picker(desk)
            _embedding(desk)
        with middle:
            only = bool(desk.report.witnesses) and st.checkbox("Only genes with a witness", key="witnessed")
            st.html(evidence(desk.report, state.current, only_witnessed=only))
        with right:
            _form(desk)
            st.html(trail(desk.report, state.current))
    with st.expander("All clusters, and all decisions"):
        st.dataframe(get.clusters(desk.report).assign(curated_label=_curated(desk)))
        st.dataframe(get.curation(desk.report))


def _only_with_the_address() -> None:
    """Other users of the machine can reach the port, but cannot guess the token."""
    given = st.query_params.get("token", "")
    if not hmac.compare_digest(given.encode(), os.environ.get(TOKEN, "").encode()):
        st.error("Open this page with the whole address that `gca review` printed.")
        st.stop()


def _curated(desk: Desk) -> list[str | None]:
    decided = desk.decided
    return [decided[c.cluster_id].to_label if c.cluster_id in decided else None for c in desk.report.clusters]


def _head(desk: Desk) -> None:
    state, n, done = st.session_state, len(desk.report.clusters), len(desk.decided)
    name, bar, who = st.columns([5, 4, 3], gap="medium", vertical_alignment="center")
    # Before anything that reruns the page: older Streamlit forgets the text of a field that a run does not reach.
    who.text_input("Your name", key="who")
    name.html(heading(desk.path.name, desk.report))
    bar.progress(done / n, text=f"{done} of {n} clusters decided")
    if state.message is not None:
        kind, text = state.message
        (st.success if kind == "saved" else st.error)(plain(text))
        state.message = None
    if desk.is_behind():
        notice, button = st.columns([4, 1], vertical_alignment="center")
        notice.info("The file was saved elsewhere, by another tab or curator. This page shows an older state.")
        if button.button("Update", key="reload"):
            _go(state.current)


def _go(cluster: str) -> None:
    """Show a cluster, with an empty form."""
    state = st.session_state
    if state.desk.is_behind():
        state.desk.refresh()
    ids = [one.cluster_id for one in state.desk.report.clusters]
    state.current = cluster if cluster in ids else ids[0]
    state.turn += 1
    st.rerun()


def _cluster_picker(desk: Desk) -> None:
    state, order = st.session_state, desk.order()
    place = order.index(state.current)
    picker, before, after = st.columns([6, 1, 1], vertical_alignment="bottom")
    picked = picker.selectbox(
        "Cluster (open ones first)", order, place, format_func=desk.title, key=f"cluster-{state.turn}"
    )
    if before.button("‹", key="before", help="previous", disabled=place == 0):
        _go(order[place - 1])
    if after.button("›", key="after", help="next", disabled=place == len(order) - 1):
        _go(order[place + 1])
    if picked is not None and picked != state.current:
        _go(picked)


def _embedding(desk: Desk) -> None:
    state, names = st.session_state, bases(desk.cells)
    if not names:
        st.info("The file has no embedding (such as `X_umap`) in `.obsm`, so there is no picture.")
        return
    if state.get("basis") not in names:
        state.basis = names[0]
    if len(names) > 1:
        place = names.index(state.basis)
        chosen = st.selectbox("Embedding", names, place, key=f"basis-{state.turn}", label_visibility="collapsed")
        state.basis = chosen or names[0]
    drawn = points(desk.cells, desk.report, state.basis, state.current)
    chart, caption = spec(len(drawn)), f"{len(drawn):,} of {desk.cells.n_obs:,} cells"
    try:
        event = st.vega_lite_chart(drawn, chart, key=f"map-{state.turn}", on_select="rerun", selection_mode=PICK)
    except StreamlitAPIException:  # older versions, such as the last for Python 3.9, take no clicks here
        st.vega_lite_chart(drawn, chart)
        st.caption(caption)
        return
    clicked = [point.get("cluster") for point in event.get("selection", {}).get(PICK, [])]
    if clicked and clicked[0] != state.current and clicked[0] in desk.order():
        _go(clicked[0])
    st.caption(f"{caption}; click a cell to go to its cluster")


def _form(desk: Desk) -> None:
    state, turn = st.session_state, st.session_state.turn
    cluster = desk.report.cluster(state.current)
    decision = desk.decided.get(state.current)
    proposal = "" if decision else stopped_proposal(cluster)
    kinds = [ACCEPT, *([KEEP] if proposal else []), CHANGE, MIXED]
    label_now = decision.to_label if decision else cluster.annotation.primary_label
    is_unknown = label_now == UNKNOWN_LABEL and not proposal and decision is None
    kind = st.radio("Decision", kinds, kinds.index(CHANGE) if is_unknown else 0, horizontal=True, key=f"kind-{turn}")
    note = "Why"
    label = proposal if kind == ACCEPT else ""
    if kind in (ACCEPT, KEEP):
        accepted = cluster.stopped_label if label else label_now
        st.caption(plain(f"The curated label will be: {accepted}"))
    if kind == CHANGE:
        offered = offered_labels(cluster)
        chosen = st.selectbox(
            "Cell Ontology term", list(offered), None, key=f"label-{turn}",
            placeholder="a name, synonym or id", help="Type a part of it and choose one of the terms that appear.",
        )  # fmt: skip
        # A field of its own: in the one above, Enter would replace the words by the most similar term.
        words = st.text_input(
            "Or in your own words", key=f"words-{turn}",
            help="With a term, these words are the label. Without one, the label has a term only if the words name it.",
        )  # fmt: skip
        label = meant_label(offered.get(chosen or "", ""), words)
    elif kind == MIXED:
        note = "Which types are in it"
    why = st.text_area(note, key=f"why-{turn}", height=80)
    save, again = st.columns([3, 2])
    if save.button("Save decision", key="save", type="primary"):
        # Who accepts a label that the checks stopped changes "Unknown or Novel" to it.
        _save(desk, Choice(state.current, "changed" if label else KINDS[kind], label, why))
    about_reopening = "The cluster is undecided again; the trail keeps all decisions."
    if decision is not None and again.button("Reopen", key="reopen", help=about_reopening):
        _save(desk, Choice(state.current, "reopened", why=why))


def _save(desk: Desk, choice: Choice) -> None:
    state = st.session_state
    try:
        desk.save(choice, state.who)
    except ConflictError as error:
        desk.refresh()  # shows what the other curator did; the form keeps what was typed
        state.message = "failed", str(error)
        if state.current not in desk.order():
            _go(state.current)
        st.rerun()
    except (GcaError, OSError) as error:
        state.message = "failed", f"Not saved: {error}"
        st.rerun()
    state.message = "saved", f"Saved: {desk.title(choice.cluster_id)}"
    _go(choice.cluster_id if choice.kind == "reopened" else desk.next_open(choice.cluster_id))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
