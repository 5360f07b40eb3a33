// The legend: a button for each group of clusters, which highlights the group.

class Legend extends EventTarget {
  #list;
  #title;
  #counts;
  #mode;
  #pressed = new Set(); // groups
  #passing = null; // the group under the mouse

  // `counts` are the numbers of drawn cells of each cluster.
  constructor(list, title, counts) {
    super();
    this.#list = list;
    this.#title = title;
    this.#counts = counts;
  }

  show(mode, colors) {
    if (mode !== this.#mode) this.#pressed.clear();
    this.#mode = mode;
    this.#title.textContent = MODES[mode].title;
    const groups = this.#groups(colors);
    const texts = fitted(groups.map(({ name }) => name), 60);
    this.#list.replaceChildren(...groups.map((group, n) => make("li", {}, this.#button(group, texts[n]))));
  }

  // Whether a cluster is highlighted.
  lights(cluster) {
    const group = MODES[this.#mode].group(cluster);
    if (this.#passing !== null) return group === this.#passing;
    return !this.#pressed.size || this.#pressed.has(group);
  }

  #groups(colors) {
    const { group, order } = MODES[this.#mode];
    const byName = new Map();
    for (const cluster of CLUSTERS) {
      const name = group(cluster);
      const one = byName.get(name) ?? { name, color: colors[cluster.index], cells: 0, note: "" };
      one.cells += this.#counts[cluster.index];
      if (this.#mode === "cluster") one.note = cluster.label;
      byName.set(name, one);
    }
    const groups = [...byName.values()].filter(({ cells }) => cells);
    if (order) return groups.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    return this.#mode === "cluster" ? groups : groups.sort((a, b) => b.cells - a.cells);
  }

  #button({ name, color, note }, shown) {
    const text = make("span", {}, isolated(shown || "(empty)"));
    if (note) text.append(" ", make("small", {}, isolated(shortened(note, 60))));
    const button = make("button", { type: "button" }, swatch(color), text);
    button.setAttribute("aria-pressed", this.#pressed.has(name));
    button.addEventListener("click", () => {
      if (!this.#pressed.delete(name)) this.#pressed.add(name);
      button.setAttribute("aria-pressed", this.#pressed.has(name));
      this.#pass(null);
    });
    button.addEventListener("pointerenter", () => this.#pass(name));
    button.addEventListener("pointerleave", () => this.#pass(null));
    return button;
  }

  #pass(name) {
    this.#passing = name;
    this.dispatchEvent(new Event("change"));
  }
}
