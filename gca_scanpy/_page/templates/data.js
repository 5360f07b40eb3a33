// The script of the page; render.py joins its parts in order. It is a module: strict, with its own scope, and run when
// the page is parsed. It never makes HTML of a text: all texts of a report go through textContent.

// The data that data_of in _page/html.py wrote.
const DATA = JSON.parse(document.getElementById("data").textContent);
const CLUSTERS = DATA.clusters.map((cluster, index) => ({ ...cluster, index }));
const BY_ANCHOR = new Map(CLUSTERS.map((cluster) => [cluster.anchor, cluster]));
const BY_ID = new Map(CLUSTERS.map((cluster) => [cluster.id, cluster]));
const STEPS = 65535; // of a coordinate

// The cluster whose address this is: escaped as anchor_of in _page/cluster.py does it, or with the id as someone typed it.
function clusterAt(hash) {
  const anchor = hash.slice(1);
  if (BY_ANCHOR.has(anchor)) return BY_ANCHOR.get(anchor);
  const [start, id] = [anchor.slice(0, "cluster-".length), anchor.slice("cluster-".length)];
  return start === "cluster-" ? BY_ID.get(unescaped(id)) : undefined;
}

// The text of an escaped one; a "%" that escapes nothing stays.
function unescaped(text) {
  return text.replace(/(?:%[\da-f]{2})+/gi, (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

// The cells: coordinates from 0 to 1 with y upwards, and the index of each cell's cluster, CLUSTERS.length if it has none.
function unpackCells({ name, counts, points }) {
  const bytes = Uint8Array.from(atob(points), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const n = bytes.length / 4;
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = view.getUint16(4 * i, true) / STEPS;
    y[i] = view.getUint16(4 * i + 2, true) / STEPS;
  }
  const cluster = new Uint32Array(n);
  let start = 0;
  counts.forEach((count, index) => {
    cluster.fill(index, start, start + count);
    start += count;
  });
  return { name, n, x, y, cluster, counts };
}
