// Mouse, fingers and keys on the canvas.

const STRIDE = 48; // pixels that an arrow key moves
const STILL = 4; // pixels that the pointer may move during a click
const ZOOM = 1.3;

// `hover(place)` is called with the place under the mouse, or null; `choose(place)` for a click.
function addGestures(canvas, scatter, hover, choose) {
  const down = new Map(); // pointers that are pressed, by their id
  let slipped = 0;

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const middle = (places) => ({ x: (places[0].x + places[1].x) / 2, y: (places[0].y + places[1].y) / 2 });
  const apart = (places) => Math.hypot(places[0].x - places[1].x, places[0].y - places[1].y);

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (!down.size) slipped = 0;
    down.set(event.pointerId, placeOf(event));
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    const last = down.get(event.pointerId);
    if (!last) return event.pointerType === "mouse" ? hover(place) : undefined;
    const before = [...down.values()];
    down.set(event.pointerId, place);
    const now = [...down.values()];
    slipped += Math.hypot(place.x - last.x, place.y - last.y);
    if (slipped < STILL) return undefined;
    hover(null);
    if (now.length === 2) {
      scatter.approach(apart(now) / Math.max(apart(before), 1), middle(before));
      const [from, to] = [middle(before), middle(now)];
      scatter.move(to.x - from.x, to.y - from.y);
    } else if (event.pointerType === "mouse" || scatter.zoom > 1) {
      scatter.move(place.x - last.x, place.y - last.y);
    }
    return undefined;
  });

  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, ({ pointerId }) => down.delete(pointerId));
  // On click, not on pointerup: the click of a finger would land on the drawer that just opened under it.
  canvas.addEventListener("click", (event) => slipped < STILL && choose(placeOf(event)));
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("dblclick", (event) => scatter.approach(2, placeOf(event)));

  // Without Ctrl the wheel scrolls the page, unless the canvas has the focus.
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
      event.preventDefault();
      scatter.approach(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), placeOf(event));
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: () => scatter.move(STRIDE, 0),
    ArrowRight: () => scatter.move(-STRIDE, 0),
    ArrowUp: () => scatter.move(0, STRIDE),
    ArrowDown: () => scatter.move(0, -STRIDE),
    "+": () => scatter.approach(ZOOM, scatter.middle),
    "=": () => scatter.approach(ZOOM, scatter.middle),
    "-": () => scatter.approach(1 / ZOOM, scatter.middle),
    0: () => scatter.reset(),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  byId("closer").addEventListener("click", keys["+"]);
  byId("farther").addEventListener("click", keys["-"]);
  byId("whole").addEventListener("click", keys[0]);
}
