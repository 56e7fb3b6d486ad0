// Mouse, pen and fingers on a surface: drag to pan, two fingers or Ctrl and wheel to zoom, click to select, twice to fold.

function listenToHands(surface) {
  const { canvas } = surface;
  const hands = { places: new Map(), moved: 0 }; // places: of each finger that is down
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const listen = (kind, run) => canvas.addEventListener(kind, run, { passive: false });
  listen("wheel", (event) => turnWheel(surface, event, place(event)));
  listen("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    hands.places.set(event.pointerId, place(event));
    hands.moved = 0;
  });
  listen("pointermove", (event) => {
    if (hands.places.has(event.pointerId)) drag(surface, hands, event.pointerId, place(event));
    else hover(surface, event, place(event));
  });
  listen("pointerup", (event) => {
    const wasDown = hands.places.delete(event.pointerId);
    if (wasDown && hands.moved < 5) click(surface, place(event));
  });
  listen("pointercancel", (event) => hands.places.delete(event.pointerId));
  listen("pointerleave", () => surface.on.hover?.(null));
  listen("dblclick", (event) => {
    const hit = surface.nodeAt(...place(event));
    if (hit) surface.fold(hit.node);
  });
}

function turnWheel(surface, event, [x, y]) {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) surface.zoomBy(Math.exp(-event.deltaY / 240), x, y);
  else if (event.shiftKey) surface.pan(-event.deltaY, 0);
  else surface.pan(-event.deltaX, -event.deltaY);
}

function drag(surface, hands, finger, [x, y]) {
  const before = hands.places.get(finger);
  const others = [...hands.places].filter(([id]) => id !== finger).map(([, spot]) => spot);
  if (others.length) {
    const [otherX, otherY] = others[0];
    const distance = (spot) => Math.hypot(spot[0] - otherX, spot[1] - otherY);
    surface.zoomBy(distance([x, y]) / Math.max(1, distance(before)), (x + otherX) / 2, (y + otherY) / 2);
  } else surface.pan(x - before[0], y - before[1]);
  hands.moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
  hands.places.set(finger, [x, y]);
}

function hover(surface, event, [x, y]) {
  const hit = surface.nodeAt(x, y);
  surface.canvas.style.cursor = hit ? "pointer" : "grab";
  surface.on.hover?.(hit ? hit.node : null, event);
}

function click(surface, [x, y]) {
  const hit = surface.nodeAt(x, y);
  if (!hit) return;
  if (hit.isHandle) surface.fold(hit.node);
  else surface.on.select(hit.node);
}
