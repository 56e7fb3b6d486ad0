// A scene on a canvas: only what lies in view is drawn. Depth runs to the right, siblings run down.

const COLUMN = 216;
const ROW = 34;
const BOX = { width: 172, height: 26 };
const DOTS_BELOW = 0.42; // zoom below which nodes are bars without text
const ZOOMS = [0.0005, 3];

class Surface {
  // `on`: select(node), hover(node or null, event), and folded().
  constructor(scene, on) {
    this.scene = scene;
    this.on = on;
    this.canvas = el("canvas", { tabindex: "0", role: "application", class: "surface", "aria-label": "search tree; arrow keys move, ? lists the keys" });
    this.pen = this.canvas.getContext("2d");
    this.at = { zoom: 1, x: 24, y: 24 };
    this.labels = new Map();
    this.pointers = new Map();
    this.isFitted = false;
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.canvas);
    this.listen();
  }

  close() {
    this.watch.disconnect();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const ratio = devicePixelRatio || 1;
    [this.width, this.height] = [box.width, box.height];
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!this.isFitted) this.begin();
    else this.draw();
  }

  // Places

  x(depth) {
    return depth * COLUMN * this.at.zoom + this.at.x;
  }

  y(row) {
    return row * ROW * this.at.zoom + this.at.y;
  }

  // The whole tree where that stays readable, else its root.
  begin() {
    this.isFitted = true;
    this.fit();
    if (this.at.zoom < 0.7) {
      this.at.zoom = Math.max(0.7, Math.min(1, this.width / 900));
      this.centre(0, 0.12);
    }
    this.draw();
  }

  fit() {
    const { columns, rows } = this.scene;
    const [wide, high] = [(columns.length - 1) * COLUMN + BOX.width, (rows - 1) * ROW + BOX.height];
    this.at.zoom = Math.min(Math.max(Math.min((this.width - 48) / wide, (this.height - 48) / high, 1.25), ZOOMS[0]), ZOOMS[1]);
    this.at.x = Math.max(24, (this.width - wide * this.at.zoom) / 2);
    this.at.y = Math.max(24, (this.height - high * this.at.zoom) / 2);
    this.draw();
  }

  // Bring a node to a place across the width (a share), halfway down.
  centre(node, across = 0.4) {
    this.at.x = this.width * across - this.scene.tree.depth[node] * COLUMN * this.at.zoom;
    this.at.y = this.height / 2 - (this.scene.row[node] + 0.4) * ROW * this.at.zoom;
    this.draw();
  }

  // Move as little as is needed to have a node in view.
  showNode(node) {
    if (!this.width) return;
    const [x, y, zoom] = [this.x(this.scene.tree.depth[node]), this.y(this.scene.row[node]), this.at.zoom];
    const [right, bottom] = [x + BOX.width * zoom, y + BOX.height * zoom];
    if (x < 16) this.at.x += 16 - x;
    else if (right > this.width - 16) this.at.x -= right - this.width + 16;
    if (y < 16) this.at.y += 16 - y;
    else if (bottom > this.height - 16) this.at.y -= bottom - this.height + 16;
    this.draw();
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(Math.max(this.at.zoom * factor, ZOOMS[0]), ZOOMS[1]);
    const change = zoom / this.at.zoom;
    this.at = { zoom, x: x - (x - this.at.x) * change, y: y - (y - this.at.y) * change };
    this.draw();
  }

  nodeAt(x, y) {
    const { zoom } = this.at;
    const depth = Math.floor((x - this.at.x) / (COLUMN * zoom));
    const column = this.scene.columns[depth];
    if (!column || x - this.x(depth) > (BOX.width + 22) * zoom) return null;
    const row = (y - this.at.y) / (ROW * zoom) - BOX.height / ROW / 2;
    const index = firstAtLeast(column, row - 0.5, (n) => this.scene.row[n]);
    const node = column[index];
    if (node === undefined || Math.abs(this.scene.row[node] - row) > 0.5) return null;
    return { node, isHandle: this.scene.tree.count[node] > 0 && x - this.x(depth) > BOX.width * zoom };
  }

  // Drawing

  draw() {
    this.frame ??= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.frame = null;
    if (!this.width) return;
    const style = getComputedStyle(document.documentElement);
    this.ink = (name) => style.getPropertyValue(`--${name}`).trim();
    this.palette = Object.fromEntries(["ink", "muted", "line", "panel", "accent", "right", "wrong", "edge", "warn"].map((n) => [n, this.ink(n)]));
    this.colour = colouring(this.scene.tree, this.scene.metric, this.scene.moment);
    this.found = new Set(this.scene.matches() ?? []);
    this.pen.clearRect(0, 0, this.width, this.height);
    const isSmall = this.at.zoom < DOTS_BELOW;
    const { columns } = this.scene;
    const from = Math.max(0, Math.floor((-this.at.x - BOX.width * this.at.zoom) / (COLUMN * this.at.zoom)));
    const to = Math.min(columns.length - 1, Math.ceil((this.width - this.at.x) / (COLUMN * this.at.zoom)));
    for (let depth = Math.max(0, from - 1); depth <= to; depth++) this.drawEdges(columns[depth], isSmall);
    for (let depth = from; depth <= to; depth++) {
      for (const node of this.inView(columns[depth])) (isSmall ? this.drawBar : this.drawBox).call(this, node);
    }
    if (!isSmall || this.scene.shownPair) this.drawPairs();
  }

  // The part of a column that lies in view.
  inView(column) {
    const { row } = this.scene;
    const [low, high] = [(-this.at.y / this.at.zoom) / ROW - 1, ((this.height - this.at.y) / this.at.zoom) / ROW + 1];
    const from = firstAtLeast(column, low, (n) => row[n]);
    const to = firstAtLeast(column, high, (n) => row[n]);
    return column.slice(from, to);
  }

  drawEdges(column, isSmall) {
    const { tree, row, top, bottom } = this.scene;
    const [low, high] = [(-this.at.y / this.at.zoom) / ROW - 1, ((this.height - this.at.y) / this.at.zoom) / ROW + 1];
    // Families of one depth lie one below the other, so those in view follow each other.
    const inner = column.filter((n) => top[n] >= 0);
    for (let at = firstAtLeast(inner, low, (n) => bottom[n]); at < inner.length && top[inner[at]] <= high; at++) {
      const parent = inner[at];
      if (isSmall) this.drawBracket(parent);
      else {
        for (const child of childrenOf(tree, parent)) {
          if (row[child] < 0) continue;
          if (Math.max(row[child], row[parent]) >= low && Math.min(row[child], row[parent]) <= high) this.drawEdge(parent, child);
        }
      }
    }
  }

  // From far away a family's edges are one bracket.
  drawBracket(parent) {
    const { tree, row, top, bottom } = this.scene;
    const [zoom, x] = [this.at.zoom, this.x(tree.depth[parent]) + BOX.width * this.at.zoom];
    const gap = (COLUMN - BOX.width) * zoom;
    const half = (BOX.height * zoom) / 2;
    this.pen.fillStyle = this.palette.edge;
    this.pen.fillRect(x, this.y(row[parent]) + half, gap / 2, 1);
    this.pen.fillRect(x + gap / 2, this.y(top[parent]) + half, 1, Math.max(1, this.y(bottom[parent]) - this.y(top[parent])));
  }

  drawEdge(parent, child) {
    const { pen, at: { zoom }, scene: { tree, row, moment } } = this;
    const [x1, y1] = [this.x(tree.depth[parent]) + BOX.width * zoom, this.y(row[parent]) + (BOX.height * zoom) / 2];
    const [x2, y2] = [this.x(tree.depth[child]), this.y(row[child]) + (BOX.height * zoom) / 2];
    const share = this.scene.widthByVisits ? Math.sqrt(moment.visits[child] / tree.most.visits) : 0.1;
    const isBest = tree.isBest[child] && this.isEnd();
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
    pen.lineWidth = (1 + 9 * share) * zoom;
    pen.strokeStyle = isBest ? this.palette.ink : this.palette.edge;
    pen.stroke();
  }

  isEnd() {
    return this.scene.frame === this.scene.frames.length - 1;
  }

  drawBar(node) {
    const { pen, at: { zoom }, scene: { tree, row } } = this;
    const height = Math.max(1, Math.min(BOX.height, ROW - 6) * zoom);
    const [x, y] = [this.x(tree.depth[node]), this.y(row[node])];
    pen.globalAlpha = this.alphaOf(node);
    pen.fillStyle = this.colour(node) ?? this.palette.line;
    pen.fillRect(x, y, BOX.width * zoom, height);
    if (node === this.scene.selected || this.found.has(node)) {
      pen.strokeStyle = node === this.scene.selected ? this.palette.accent : this.palette.warn;
      pen.lineWidth = 2;
      pen.strokeRect(x - 2, y - 2, BOX.width * zoom + 4, height + 4);
    }
    const end = MARKS[tree.ends[node]];
    if (end.tone && zoom > 0.15) {
      pen.fillStyle = this.palette[end.tone] ?? this.palette.muted;
      pen.fillRect(x + BOX.width * zoom + 2, y, Math.max(2, 8 * zoom), height);
    }
    pen.globalAlpha = 1;
  }

  alphaOf(node) {
    return this.scene.filter.text && !this.found.has(node) ? 0.28 : 1;
  }

  drawBox(node) {
    const { pen, at: { zoom }, scene: { tree, row, moment, selected, decoration } } = this;
    const [x, y, width, height] = [this.x(tree.depth[node]), this.y(row[node]), BOX.width * zoom, BOX.height * zoom];
    const colour = this.colour(node);
    const isBest = tree.isBest[node] && this.isEnd();
    pen.globalAlpha = this.alphaOf(node);
    round(pen, x, y, width, height, 6 * zoom);
    pen.fillStyle = this.palette.panel;
    pen.fill();
    if (colour) {
      pen.save();
      pen.clip();
      pen.globalAlpha *= 0.22;
      pen.fillStyle = colour;
      pen.fillRect(x, y, width, height);
      pen.globalAlpha = this.alphaOf(node);
      pen.fillRect(x, y, 7 * zoom, height);
      pen.restore();
      round(pen, x, y, width, height, 6 * zoom);
    }
    pen.lineWidth = (isBest ? 2.2 : 1) * Math.max(zoom, 0.6);
    pen.strokeStyle = isBest ? this.palette.ink : colour ?? this.palette.line;
    pen.setLineDash(moment.visits[node] ? [] : [3, 3]);
    pen.stroke();
    pen.setLineDash([]);
    this.drawText(node, x, y, width, height, isBest);
    const ring = node === selected ? { ring: this.palette.accent } : this.found.has(node) ? { ring: this.palette.warn } : decoration?.(node);
    if (ring) {
      round(pen, x - 3, y - 3, width + 6, height + 6, 8 * zoom);
      pen.lineWidth = 2.2;
      pen.strokeStyle = ring.ring;
      pen.setLineDash(ring.isDashed ? [5, 4] : []);
      pen.stroke();
      pen.setLineDash([]);
    }
    pen.globalAlpha = 1;
  }

  drawText(node, x, y, width, height, isBest) {
    const { pen, at: { zoom }, scene: { tree } } = this;
    const end = MARKS[tree.ends[node]];
    const middle = y + height / 2 + 0.5;
    let right = x + width - 6 * zoom;
    pen.textBaseline = "middle";
    if (end.mark) {
      pen.font = `700 ${13 * zoom}px system-ui, sans-serif`;
      pen.fillStyle = this.palette[end.tone] ?? this.palette.muted;
      pen.textAlign = "right";
      pen.fillText(end.mark, right, middle);
      right -= 15 * zoom;
    }
    if (tree.firstErrors[node]) {
      pen.font = `700 ${11 * zoom}px system-ui, sans-serif`;
      pen.fillStyle = this.palette.warn;
      pen.textAlign = "right";
      pen.fillText("▲", right, middle);
      right -= 14 * zoom;
    }
    pen.textAlign = "left";
    pen.fillStyle = this.palette.ink;
    pen.font = `${isBest ? 650 : 400} ${12.5 * zoom}px ui-sans-serif, system-ui, sans-serif`;
    pen.fillText(this.label(node, isBest), x + 13 * zoom, middle, right - x - 13 * zoom);
    const hidden = this.scene.hiddenBelow(node);
    if (!tree.count[node]) return;
    pen.font = `${11 * zoom}px system-ui, sans-serif`;
    pen.fillStyle = this.palette.muted;
    pen.fillText(hidden ? `+${hidden}` : "", x + width + 5 * zoom, y + height - 2 * zoom);
  }

  // As much of a step as its box holds, at any zoom.
  label(node, isBest) {
    const { tree } = this.scene;
    const room = BOX.width - 20 - (MARKS[tree.ends[node]].mark ? 15 : 0) - (tree.firstErrors[node] ? 14 : 0);
    const known = this.labels.get(node);
    if (known !== undefined) return known;
    let text = oneLine((node ? tree.text[node] : tree.prompt).slice(0, 200));
    const { font } = this.pen;
    this.pen.font = `${isBest ? 650 : 400} 12.5px ui-sans-serif, system-ui, sans-serif`;
    if (this.pen.measureText(text).width > room) {
      let [low, high] = [0, text.length];
      while (low < high) {
        const cut = (low + high + 1) >> 1;
        if (this.pen.measureText(`${text.slice(0, cut)}…`).width > room) high = cut - 1;
        else low = cut;
      }
      text = `${text.slice(0, low)}…`;
    }
    this.pen.font = font;
    this.labels.set(node, text);
    return text;
  }

  drawPairs() {
    const { scene } = this;
    const wanted = scene.tree.pairs.filter((pair) => pair.chosen !== null && (scene.pairs === "all" || (scene.pairs === "kept" && pair.isKept)));
    if (scene.shownPair && !wanted.includes(scene.shownPair)) wanted.push(scene.shownPair);
    for (const pair of wanted) if (scene.isShown(pair.chosen) && scene.isShown(pair.rejected)) this.drawPair(pair);
  }

  drawPair(pair) {
    const { pen, at: { zoom }, scene: { tree, row, shownPair } } = this;
    const [x1, y1] = [this.x(tree.depth[pair.chosen]) + BOX.width * zoom, this.y(row[pair.chosen] + 0.38)];
    const [x2, y2] = [this.x(tree.depth[pair.rejected]) + BOX.width * zoom, this.y(row[pair.rejected] + 0.38)];
    if (Math.max(y1, y2) < 0 || Math.min(y1, y2) > this.height) return;
    const bulge = Math.max(x1, x2) + (26 + Math.min(50, Math.abs(y1 - y2) * 0.12)) * Math.max(zoom, 0.5);
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo(bulge, y1, bulge, y2, x2, y2);
    pen.setLineDash(pair.isKept ? [] : [4, 4]);
    pen.lineWidth = pair === shownPair ? 3 : 1.6;
    pen.strokeStyle = pair.isKept ? this.palette.accent : this.palette.muted;
    pen.stroke();
    pen.setLineDash([]);
    pen.font = "600 11px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.fillStyle = this.palette.right;
    pen.fillText("+", x1 + 1, y1);
    pen.fillStyle = this.palette.wrong;
    pen.fillText("−", x2 + 1, y2);
    const text = pair.isKept ? signed(pair.margin) : `${signed(pair.margin)} ${pair.reason}`;
    const [x, y] = [bulge - 12 * zoom, (y1 + y2) / 2];
    const width = pen.measureText(text).width;
    pen.fillStyle = this.palette.panel;
    pen.globalAlpha = 0.85;
    pen.fillRect(x - 3, y - 8, width + 6, 16);
    pen.globalAlpha = 1;
    pen.fillStyle = pair.isKept ? this.palette.accent : this.palette.muted;
    pen.fillText(text, x, y);
  }

  // Hands

  listen() {
    const { canvas } = this;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = place(event);
      if (event.ctrlKey || event.metaKey) this.zoomBy(Math.exp(-event.deltaY / 240), x, y);
      else this.pan(-(event.shiftKey ? event.deltaY : event.deltaX), event.shiftKey ? 0 : -event.deltaY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, place(event));
      this.moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event, place(event)));
    canvas.addEventListener("pointerup", (event) => {
      const wasDown = this.pointers.delete(event.pointerId);
      if (wasDown && this.moved < 5) this.click(...place(event));
    });
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.on.hover?.(null));
    canvas.addEventListener("dblclick", (event) => {
      const hit = this.nodeAt(...place(event));
      if (hit) this.fold(hit.node);
    });
  }

  pan(x, y) {
    this.at.x += x;
    this.at.y += y;
    this.draw();
  }

  drag(event, [x, y]) {
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      const hit = this.nodeAt(x, y);
      this.canvas.style.cursor = hit ? "pointer" : "grab";
      this.on.hover?.(hit ? hit.node : null, event);
      return;
    }
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, spot]) => spot);
    if (others.length) {
      const distance = (spot) => Math.hypot(spot[0] - others[0][0], spot[1] - others[0][1]);
      this.zoomBy(distance([x, y]) / Math.max(1, distance(before)), (x + others[0][0]) / 2, (y + others[0][1]) / 2);
    } else this.pan(x - before[0], y - before[1]);
    this.moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
    this.pointers.set(event.pointerId, [x, y]);
  }

  click(x, y) {
    const hit = this.nodeAt(x, y);
    if (!hit) return;
    if (hit.isHandle) this.fold(hit.node);
    else this.on.select(hit.node);
  }

  // Fold or unfold; the node stays where it is on the screen.
  fold(node) {
    const before = this.scene.row[node];
    this.scene.toggle(node);
    this.at.y -= (this.scene.row[node] - before) * ROW * this.at.zoom;
    this.on.folded?.();
    this.draw();
  }
}

// The first index whose value is at least `wanted`, in a list in order.
function firstAtLeast(list, wanted, valueOf) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueOf(list[middle]) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function round(pen, x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, radius);
}
