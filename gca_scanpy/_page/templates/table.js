// The table of clusters: sorts by a column, filters by words and by status.

// "10" comes after "9", and "β" where a reader looks for it.
const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

// Without accents and case.
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

class Table extends EventTarget {
  #body;
  #rows;
  #statuses = new Set();
  #query = "";
  #column = null;
  #descending = false;
  #headings;

  constructor(table) {
    super();
    this.#body = table.tBodies[0];
    this.#rows = [...this.#body.rows].map((row, index) => ({
      row,
      index,
      cluster: BY_ANCHOR.get(row.dataset.cluster),
      name: folded(`cluster ${BY_ANCHOR.get(row.dataset.cluster).id}`).trim(),
      words: folded(BY_ANCHOR.get(row.dataset.cluster).words),
    }));
    this.#headings = [...table.tHead.rows[0].cells];
    this.#headings.forEach((heading, column) => heading.dataset.sort && this.#addSorter(heading, column));
    this.#apply();
  }

  // The shown clusters, in their current order.
  get shown() {
    return this.#rows.filter(({ row }) => !row.classList.contains("out")).map(({ cluster }) => cluster);
  }

  search(text) {
    this.#query = folded(text).trim();
    this.#apply();
  }

  // Shows only clusters of these statuses; all clusters if no status is given.
  only(statuses) {
    this.#statuses = new Set(statuses);
    this.#apply();
  }

  #addSorter(heading, column) {
    const button = make("button", { type: "button", textContent: heading.textContent });
    button.addEventListener("click", () => this.#sort(column));
    heading.replaceChildren(button);
    heading.setAttribute("aria-sort", "none");
  }

  // Ascending, then descending, then in the order of the report.
  #sort(column) {
    if (this.#column !== column) [this.#column, this.#descending] = [column, false];
    else if (!this.#descending) this.#descending = true;
    else this.#column = null;
    this.#headings.forEach((heading, at) => {
      if (!heading.hasAttribute("aria-sort")) return;
      const way = this.#descending ? "descending" : "ascending";
      heading.setAttribute("aria-sort", at === this.#column ? way : "none");
    });
    this.#rows.sort((a, b) => this.#compare(a, b) || a.index - b.index);
    this.#body.append(...this.#rows.map(({ row }) => row));
    this.dispatchEvent(new Event("change"));
  }

  #compare(a, b) {
    if (this.#column === null) return 0;
    const [first, second] = [a, b].map(({ row }) => row.cells[this.#column]);
    const numbers = this.#headings[this.#column].dataset.sort === "number";
    const order = numbers
      ? Number(first.dataset.value) - Number(second.dataset.value)
      : COLLATOR.compare(first.textContent.trim(), second.textContent.trim());
    return this.#descending ? -order : order;
  }

  // The row whose name is the search text: "cluster 1" does not mean cluster 10. Otherwise rows that contain the whole text.
  // If no row does, rows with all its words: "B cell" does not match every cell.
  #has() {
    const named = ({ name }) => name === this.#query;
    if (this.#rows.some(named)) return named;
    const whole = ({ words }) => words.includes(this.#query);
    if (this.#rows.some(whole)) return whole;
    const parts = this.#query.split(/\s+/);
    return ({ words }) => parts.every((part) => words.includes(part));
  }

  #apply() {
    const has = this.#has();
    for (const one of this.#rows) {
      const isIn = !this.#statuses.size || this.#statuses.has(one.cluster.status);
      one.row.classList.toggle("out", !(isIn && has(one)));
    }
    this.dispatchEvent(new Event("change"));
  }
}
