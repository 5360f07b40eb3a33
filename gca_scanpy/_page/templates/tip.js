// The tooltip of the cell under the mouse.

class Tip {
  #box;

  constructor(box) {
    this.#box = box;
  }

  // `hit` is what Scatter.nearest gives; null hides the tooltip.
  show(hit) {
    this.#box.hidden = !hit;
    if (!hit) return;
    const { cluster, x, y } = hit;
    this.#box.replaceChildren(
      make("strong", {}, isolated(shortened(cluster.label, 80))),
      make("span", {}, "Cluster ", isolated(shortened(cluster.id, 40))),
      make("span", {}, `${cluster.status}, ${cluster.confidence} confidence, ${cluster.score}`),
    );
    if (cluster.broad !== cluster.label) {
      this.#box.firstChild.after(make("span", {}, isolated(shortened(cluster.broad, 60))));
    }
    // Beside the cell, on the side with more room.
    const { clientWidth, clientHeight } = this.#box.parentElement;
    const left = x > clientWidth / 2 ? x - this.#box.offsetWidth - 12 : x + 12;
    const top = y > clientHeight / 2 ? y - this.#box.offsetHeight - 8 : y + 8;
    this.#box.style.transform = `translate(${Math.max(0, Math.round(left))}px, ${Math.max(0, Math.round(top))}px)`;
  }
}
