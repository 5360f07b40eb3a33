// Connects the parts.

document.documentElement.classList.add("scripted");
for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = false;

const theme = new Theme(byId("theme"));
const table = new Table(document.querySelector(".overview"));
const drawer = new Drawer(byId("drawer"), () => table.shown);
if (DATA.cells) showCells(unpackCells(DATA.cells));

function showCells(cells) {
  const canvas = byId("plot");
  const scatter = new Scatter(canvas, cells);
  const legend = new Legend(byId("legend"), byId("legend-title"), cells.counts);
  const tip = new Tip(byId("tip"));
  const mode = byId("color-by");
  let hovered = null; // the cluster whose row the mouse is on

  const paint = () => {
    const colors = colorsBy(mode.value, theme.dark);
    legend.show(mode.value, colors);
    scatter.paint(colors);
    scatter.draw(); // at once: printing does not wait for the next frame
  };
  const light = () => {
    const shown = new Set(table.shown);
    scatter.light((cluster) => (hovered ? cluster === hovered : shown.has(cluster) && legend.lights(cluster)));
  };
  addGestures(
    canvas,
    scatter,
    (place) => {
      const hit = place && scatter.nearest(place);
      canvas.classList.toggle("meets", Boolean(hit));
      tip.show(hit);
    },
    (place) => {
      const hit = scatter.nearest(place);
      if (hit) drawer.open(hit.cluster);
    },
  );
  mode.addEventListener("change", paint);
  theme.addEventListener("change", paint);
  table.addEventListener("change", light);
  legend.addEventListener("change", light);
  byId("names").addEventListener("change", (event) => scatter.name(event.target.checked));
  for (const row of document.querySelectorAll(".overview tbody tr")) {
    row.addEventListener("pointerenter", () => {
      hovered = BY_ANCHOR.get(row.dataset.cluster);
      light();
    });
    row.addEventListener("pointerleave", () => {
      hovered = null;
      light();
    });
  }
  light();
  paint(); // the last, because it draws at once
}

function count() {
  const { length } = table.shown;
  byId("count").textContent = `${length} of ${CLUSTERS.length} ${CLUSTERS.length === 1 ? "cluster" : "clusters"}`;
  byId("nothing").hidden = length > 0 || !CLUSTERS.length;
  byId("csv").disabled = !length;
}

// The circles beside the labels get the colors of the cells.
function paintSwatches() {
  for (const circle of document.querySelectorAll(".swatch circle[data-color]")) {
    circle.setAttribute("fill", visible(circle.dataset.color, theme.dark));
  }
}

const chips = [...document.querySelectorAll("[data-status]")];
for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
    table.only(chips.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.status));
  });
}
table.addEventListener("change", count);
count();
theme.addEventListener("change", paintSwatches);
paintSwatches();
byId("search").addEventListener("input", (event) => table.search(event.target.value));
byId("csv").addEventListener("click", () => saveCsv(table.shown));
document.querySelector(".overview tbody").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const row = event.target.closest("tr");
  if (!row || (link && !link.hash) || String(getSelection()) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  // When the drawer closes, the focus returns to the link of the row, wherever the click was.
  row.querySelector("a").focus({ preventScroll: true });
  drawer.open(BY_ANCHOR.get(row.dataset.cluster));
});
drawer.follow();
