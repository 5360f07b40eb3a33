// The cells on a canvas: their places on the screen and their looks. gestures.js moves them.

const MARGIN = 28; // pixels of the page around the cells
const MOST_ZOOM = 60;
const REACH = 10; // pixels from the pointer within which a cell counts as hit
const DIM = 0.13;

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

// All numbers below n, each once, in a fixed mixed order, so that no cluster is drawn over all others.
function mixed(n) {
  let step = Math.max(1, Math.floor(n * 0.618));
  while (gcd(step, n) > 1) step++;
  return Uint32Array.from({ length: n }, (_, i) => (i * step) % n);
}

function median(values) {
  return values.length ? values.sort()[values.length >> 1] : NaN; // typed arrays sort by number
}

class Scatter {
  #canvas;
  #context;
  #cells;
  #order;
  #extent;
  #centers;
  #colors = [];
  #lit = () => true;
  #names = true;
  #width = 0;
  #height = 0;
  #zoom = 1;
  #shift = { x: 0, y: 0 }; // pixels
  #asked = 0;

  constructor(canvas, cells) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#cells = cells;
    this.#order = mixed(cells.n);
    this.#extent = { x: cells.x.reduce((a, b) => Math.max(a, b), 0), y: cells.y.reduce((a, b) => Math.max(a, b), 0) };
    this.#centers = this.#findCenters();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  // The middle of each cluster, the largest first, so that its name is placed first.
  #findCenters() {
    const { x, y, counts } = this.#cells;
    let start = 0;
    return CLUSTERS.map((cluster, index) => {
      const part = [start, (start += counts[index])];
      return { cluster, size: counts[index], x: median(x.slice(...part)), y: median(y.slice(...part)) };
    }).filter(({ size }) => size).sort((a, b) => b.size - a.size);
  }

  get zoom() {
    return this.#zoom;
  }

  get middle() {
    return { x: this.#width / 2, y: this.#height / 2 };
  }

  // Sets the colors by cluster; the last is for cells without one.
  paint(colors) {
    this.#colors = colors;
    this.ask();
  }

  // Sets which clusters are highlighted: a function of a cluster.
  light(lit) {
    this.#lit = lit;
    this.ask();
  }

  name(shown) {
    this.#names = shown;
    this.ask();
  }

  resize() {
    const density = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.#canvas;
    this.#width = clientWidth;
    this.#height = clientHeight;
    this.#canvas.width = Math.round(clientWidth * density);
    this.#canvas.height = Math.round(clientHeight * density);
    this.draw();
  }

  reset() {
    this.#zoomTo(1);
    this.move(-this.#shift.x, -this.#shift.y);
  }

  // Zooms by this factor; the point at this place of the canvas stays there.
  approach(factor, place) {
    const zoom = Math.min(MOST_ZOOM, Math.max(0.5, this.#zoom * factor));
    const ratio = zoom / this.#zoom;
    const from = { x: place.x - this.middle.x - this.#shift.x, y: place.y - this.middle.y - this.#shift.y };
    this.#zoomTo(zoom);
    this.move(from.x * (1 - ratio), from.y * (1 - ratio));
  }

  #zoomTo(zoom) {
    this.#zoom = zoom;
    this.#canvas.classList.toggle("near", zoom > 1); // then a finger moves the cells, not the page
  }

  // Moves by pixels; some of the cells stay in sight.
  move(x, y) {
    const { scale } = this.#view();
    const limit = (at, size, extent) => Math.min(Math.max(at, -(size + extent) / 2 + MARGIN), (size + extent) / 2 - MARGIN);
    this.#shift.x = limit(this.#shift.x + x, this.#width, scale * this.#extent.x);
    this.#shift.y = limit(this.#shift.y + y, this.#height, scale * this.#extent.y);
    this.ask();
  }

  // Pixels of the canvas are left + scale * x, and top - scale * y.
  #view() {
    const room = (size, extent) => Math.max(size - 2 * MARGIN, 1) / (extent || 1);
    const scale = this.#zoom * Math.min(room(this.#width, this.#extent.x), room(this.#height, this.#extent.y));
    return {
      scale,
      left: this.middle.x + this.#shift.x - (scale * this.#extent.x) / 2,
      top: this.middle.y + this.#shift.y + (scale * this.#extent.y) / 2,
    };
  }

  get #radius() {
    const area = (this.#width * this.#height) / Math.max(this.#cells.n, 1);
    return Math.min(4, Math.max(1.1, 0.16 * Math.sqrt(area))) * Math.min(2.2, this.#zoom ** 0.35);
  }

  // The cluster and the place of the nearest highlighted cell within reach; or null.
  nearest(place) {
    const { scale, left, top } = this.#view();
    const { n, x, y, cluster } = this.#cells;
    const lit = CLUSTERS.map((one) => this.#lit(one));
    let best = (REACH + this.#radius) ** 2;
    let index = -1;
    for (let i = 0; i < n; i++) {
      const distance = (left + scale * x[i] - place.x) ** 2 + (top - scale * y[i] - place.y) ** 2;
      if (distance < best && lit[cluster[i]]) [best, index] = [distance, i];
    }
    if (index < 0) return null;
    return { cluster: CLUSTERS[cluster[index]], x: left + scale * x[index], y: top - scale * y[index] };
  }

  // Draws once before the next frame, however often it is called.
  ask() {
    this.#asked ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    if (!this.#colors.length || !this.#width) return;
    const density = this.#canvas.width / this.#width;
    const { scale, left, top } = this.#view();
    const lit = CLUSTERS.map((cluster) => this.#lit(cluster));
    lit.push(lit.every(Boolean)); // cells without a cluster
    const dots = new Dots(this.#context, this.#radius * density);
    const toX = (x) => density * (left + scale * x);
    const toY = (y) => density * (top - scale * y);
    const gray = styled("--quiet");
    if (lit.includes(false)) dots.add(this.#cells, this.#order, lit.map((isLit) => (isLit ? null : gray)), DIM, toX, toY);
    const colors = this.#colors.map((color, index) => (lit[index] ? color : null));
    dots.add(this.#cells, this.#order, colors, 1, toX, toY);
    dots.show();
    this.#context.setTransform(density, 0, 0, density, 0, 0);
    if (this.#names) this.#drawNames(lit);
  }

  // The names of the highlighted clusters, as far as there is room; zooming in makes room.
  #drawNames(lit) {
    const { scale, left, top } = this.#view();
    const context = this.#context;
    const taken = [];
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3.5;
    context.strokeStyle = styled("--card");
    context.fillStyle = styled("--text");
    const names = fitted(this.#centers.map(({ cluster }) => cluster.id), 18);
    for (const [n, { cluster, x, y }] of this.#centers.entries()) {
      if (!lit[cluster.index]) continue;
      const text = `\u2068${names[n]}\u2069`;
      const [across, down] = [left + scale * x, top - scale * y];
      const half = context.measureText(text).width / 2 + 2;
      if (taken.some((box) => Math.abs(box.across - across) < box.half + half && Math.abs(box.down - down) < 14)) continue;
      taken.push({ across, down, half });
      context.strokeText(text, across, down);
      context.fillText(text, across, down);
    }
  }
}
