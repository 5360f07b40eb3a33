// Cells as pixels. Without a graphics card, 50,000 circles drawn by the canvas take half a second.

const OPAQUE = 255;

// A circle of this radius in pixels: for each pixel its offset from the middle, and the share of it that is covered.
function disc(radius) {
  const half = Math.ceil(radius);
  const pixels = [];
  for (let y = -half; y <= half; y++) {
    for (let x = -half; x <= half; x++) {
      const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y)));
      if (cover > 0) pixels.push({ x, y, cover });
    }
  }
  return { half, pixels };
}

// The image that holds all cells; it is wider than the canvas by half a circle, so that no pixel needs a bounds check.
class Dots {
  #context;
  #image;
  #pixels;
  #disc;

  constructor(context, radius) {
    const { width, height } = context.canvas;
    this.#context = context;
    this.#disc = disc(radius);
    this.#image = context.createImageData(width + 4 * this.#disc.half, height + 4 * this.#disc.half);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
  }

  // A color of a style sheet as a pixel without its opacity.
  #pixel(color) {
    this.#context.fillStyle = color;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(this.#context.fillStyle.slice(at, at + 2), 16));
    return (blue << 16) | (green << 8) | red;
  }

  // Adds the cells in the colors of their clusters; a color null leaves them out. `toX` and `toY` give pixels.
  add(cells, order, colors, opacity, toX, toY) {
    const { x, y, cluster } = cells;
    const { half, pixels } = this.#disc;
    const { width } = this.#image;
    const [right, bottom] = [width - 4 * half, this.#image.height - 4 * half];
    const steps = Int32Array.from(pixels, (one) => one.y * width + one.x);
    const covers = Uint8Array.from(pixels, ({ cover }) => Math.round(OPAQUE * cover * opacity));
    const tones = Int32Array.from(colors, (color) => (color === null ? -1 : this.#pixel(color)));
    for (const i of order) {
      const tone = tones[cluster[i]];
      if (tone < 0) continue;
      const [across, down] = [Math.round(toX(x[i])), Math.round(toY(y[i]))];
      if (across < -half || down < -half || across >= right + half || down >= bottom + half) continue;
      this.#stamp((down + 2 * half) * width + across + 2 * half, steps, covers, tone);
    }
  }

  // Draws a circle over the image; at its edge the more covered of the two pixels is kept.
  #stamp(middle, steps, covers, tone) {
    const pixels = this.#pixels;
    for (let k = 0; k < steps.length; k++) {
      const at = middle + steps[k];
      const before = pixels[at] >>> 24;
      if (covers[k] > OPAQUE / 2 || covers[k] > before) pixels[at] = (Math.max(covers[k], before) << 24) | tone;
    }
  }

  show() {
    this.#context.putImageData(this.#image, -2 * this.#disc.half, -2 * this.#disc.half);
  }
}
