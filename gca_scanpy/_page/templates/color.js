// The color of each cluster, for the mode that the reader chose.

const NO_CLUSTER = "none";

// The current value of a variable of the style sheet.
const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A shade that is visible on a dark page: dark colors are mixed with white.
function visible(hex, dark) {
  if (!dark) return hex;
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const light = (0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]) / 255;
  const white = Math.max(0, (0.42 - light) / (1 - light));
  return `rgb(${channels.map((value) => Math.round(value + (255 - value) * white)).join(" ")})`;
}

// Each mode of coloring: its name, the group of a cluster, and the color of the group.
const MODES = {
  label: { title: "Label", group: (c) => c.label, color: (c, dark) => visible(c.colors.label, dark) },
  broad: { title: "Broad type", group: (c) => c.broad, color: (c, dark) => visible(c.colors.broad, dark) },
  confidence: {
    title: "Confidence",
    group: (c) => c.confidence,
    color: (c) => styled(`--${c.confidence.toLowerCase()}`),
    order: ["High", "Medium", "Low"],
  },
  status: {
    title: "Status",
    group: (c) => c.status,
    color: (c) => styled(`--${c.status}`),
    order: ["supported", "flagged", "unknown"],
  },
  cluster: { title: "Cluster", group: (c) => c.id, color: (c, dark) => visible(c.colors.cluster, dark) },
};

// The colors of all clusters; the last is for the cells without a cluster.
function colorsBy(mode, dark) {
  return [...CLUSTERS.map((cluster) => MODES[mode].color(cluster, dark)), styled("--rail")];
}
