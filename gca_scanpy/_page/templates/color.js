// Which color a cluster has, by what the reader asks for.

const NO_CLUSTER = "none";

// The color of a variable of the style sheet, as it is now.
const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A shade that is seen on a dark page: the darkest are mixed with white until they are.
function visible(hex, dark) {
  if (!dark) return hex;
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const light = (0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]) / 255;
  const white = Math.max(0, (0.42 - light) / (1 - light));
  return `rgb(${channels.map((value) => Math.round(value + (255 - value) * white)).join(" ")})`;
}

// For each way to color: its name, the group that a cluster belongs to, and the group's color.
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

// The colors of all clusters, and last that of the cells without one.
function colorsBy(mode, dark) {
  return [...CLUSTERS.map((cluster) => MODES[mode].color(cluster, dark)), styled("--rail")];
}
