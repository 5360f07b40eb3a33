// The genes of a cluster with their witnesses: which are shown, and how the keyboard goes from one to the next.

class Genes {
  #body;
  #box = byId("witnessed"); // null if the report has no witnesses
  #count = byId("witnessed-count");

  constructor(body) {
    this.#body = body;
    body.addEventListener("keydown", (event) => this.#key(event));
    this.#box?.addEventListener("change", () => this.apply());
  }

  // To be called when the body has other genes, too.
  apply() {
    if (!this.#box) return;
    this.#body.classList.toggle("witnessed", this.#box.checked);
    for (const list of this.#body.querySelectorAll(".chips")) this.#stopAt(this.#shown(list)[0]);
    const support = this.#body.querySelector("article > .chips.for");
    const all = support ? support.children.length : 0;
    const shown = support ? this.#shown(support).length : 0;
    this.#count.textContent = this.#box.checked && all ? `${shown} of ${all} supporting genes` : "";
  }

  #shown(list) {
    return [...list.querySelectorAll("[data-grade]")].filter((gene) => gene.getClientRects().length);
  }

  // The Tab key stops at one gene of each list.
  #stopAt(gene) {
    if (!gene) return;
    for (const other of gene.parentElement.querySelectorAll("[data-grade]")) other.tabIndex = other === gene ? 0 : -1;
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const gene = event.target.closest("[data-grade]");
    if (!by || !gene) return;
    event.preventDefault();
    const shown = this.#shown(gene.parentElement);
    const next = shown[shown.indexOf(gene) + by];
    if (!next) return;
    this.#stopAt(next);
    next.focus();
  }
}
