// The evidence of one cluster in a dialog beside the page: a copy of its section, with its own address.

const STOPS = "a[href], button:not([disabled]), [tabindex='0']";

class Drawer {
  #dialog;
  #body = byId("drawer-body");
  #genes = new Genes(byId("drawer-body"));
  #shown; // gives the clusters in the order of the table
  #current = null;

  constructor(dialog, shown) {
    this.#dialog = dialog;
    this.#shown = shown;
    byId("close").addEventListener("click", () => dialog.close());
    byId("before").addEventListener("click", () => this.#step(-1));
    byId("next").addEventListener("click", () => this.#step(1));
    dialog.addEventListener("close", () => this.#address(""));
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside the drawer
    dialog.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("hashchange", () => this.follow());
  }

  // Opens the cluster in the address; without one, closes the drawer.
  follow() {
    const cluster = clusterAt(location.hash);
    if (cluster) this.open(cluster);
    else if (this.#dialog.open) this.#dialog.close();
  }

  open(cluster) {
    this.#current = cluster;
    this.#fill(cluster);
    this.#address(`#${cluster.anchor}`);
    if (this.#dialog.open) return this.#genes.apply();
    this.#dialog.showModal(); // the page behind is inert; the browser restores the focus on closing
    this.#genes.apply();
    byId("drawer-title").focus();
  }

  #fill(cluster) {
    const copy = byId(cluster.anchor).cloneNode(true);
    copy.removeAttribute("id"); // an id must be unique
    const title = copy.querySelector("h3");
    title.id = "drawer-title";
    title.tabIndex = -1;
    this.#body.replaceChildren(copy);
    this.#body.scrollTop = 0;
    const order = this.#order();
    const at = order.indexOf(cluster);
    byId("place").replaceChildren(
      make("span", { textContent: `${at + 1} of ${order.length}` }),
      make("span", { className: "unseen" }, " cluster ", isolated(shortened(cluster.id, 40)), ", ", isolated(shortened(cluster.label, 80))),
    );
    byId("before").disabled = at === 0;
    byId("next").disabled = at === order.length - 1;
  }

  // The order of the table; that of the report if the table does not show this cluster.
  #order() {
    const shown = this.#shown();
    return shown.includes(this.#current) ? shown : CLUSTERS;
  }

  #step(by) {
    const order = this.#order();
    const cluster = order[order.indexOf(this.#current) + by];
    if (!cluster) return;
    const focused = document.activeElement;
    this.open(cluster);
    if (!focused.isConnected || focused.disabled) byId("drawer-title").focus();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Tab") this.#trap(event);
    const turning = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (turning && !event.target.closest(".scroll, .chips")) this.#step(turning); // a wide table and a list of genes use these keys
  }

  // Keeps the focus within the dialog; otherwise Tab would leave for the buttons of the browser.
  #trap(event) {
    const stops = [...this.#dialog.querySelectorAll(STOPS)].filter((stop) => stop.getClientRects().length);
    const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
    if (document.activeElement !== from) return;
    event.preventDefault();
    to.focus();
  }

  #address(hash) {
    try {
      history.replaceState(null, "", hash || location.pathname + location.search);
    } catch {
      // A page within another page may be unable to change its address; the drawer works without.
    }
  }
}
