// The canvas that shows a scene: where nodes lie on it, and how it is moved. Depth runs to the right, siblings run down.

const NARROW_SURFACE = 500; // below: less room between columns and around the tree
const ROW = 34;
const HEIGHT = 26; // of a box
const ZOOMS = [0.0005, 3];
const LEGIBLE = 0.45; // the least zoom at which a tree is opened: texts never get smaller than LEAST_TEXT (painter.js)

class Surface {
  // `on`: select(node), hover(node or null, event), and folded().
  constructor(scene, on) {
    this.scene = scene;
    this.on = on;
    this.canvas = el("canvas", { tabindex: "0", role: "application", class: "surface", "aria-label": "search tree; arrow keys move, ? lists the keys" });
    this.at = { zoom: 1, x: 24, y: 24 };
    this.painter = new Painter(this);
    this.isFitted = false;
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.canvas);
    listenToHands(this);
  }

  close() {
    this.watch.disconnect();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    [this.width, this.height] = [box.width, box.height];
    this.painter.resize(devicePixelRatio || 1);
    if (!this.isFitted) this.begin();
    else this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.width) this.painter.draw();
    });
  }

  // Places

  // Between two columns of boxes.
  get gap() {
    return this.width < NARROW_SURFACE ? 20 : 44;
  }

  // From one column to the next.
  get column() {
    return this.scene.boxWidth + this.gap;
  }

  x(depth) {
    return depth * this.column * this.at.zoom + this.at.x;
  }

  y(row) {
    return row * ROW * this.at.zoom + this.at.y;
  }

  // The first and last row of which something is in view.
  rowsInView() {
    const { y, zoom } = this.at;
    return [-y / zoom / ROW - 1, (this.height - y) / zoom / ROW + 1];
  }

  // The first and last depth of which something is in view.
  columnsInView() {
    const { x, zoom } = this.at;
    const from = Math.floor((-x - this.scene.boxWidth * zoom) / (this.column * zoom));
    return [Math.max(0, from), Math.min(this.scene.columns.length - 1, Math.ceil((this.width - x) / (this.column * zoom)))];
  }

  // What lies at a place: a node, or the handle beside it that folds.
  nodeAt(x, y) {
    const [{ zoom }, { boxWidth }] = [this.at, this.scene];
    const depth = Math.floor((x - this.at.x) / (this.column * zoom));
    const column = this.scene.columns[depth];
    if (!column || x - this.x(depth) > (boxWidth + this.gap / 2) * zoom) return null;
    const row = (y - this.at.y) / (ROW * zoom) - HEIGHT / ROW / 2;
    const node = column[firstAtLeast(column, row - 0.5, (n) => this.scene.row[n])];
    if (node === undefined || Math.abs(this.scene.row[node] - row) > 0.5) return null;
    return { node, isHandle: this.scene.tree.count[node] > 0 && x - this.x(depth) > boxWidth * zoom };
  }

  // Moves

  // The whole tree where that stays legible; else its whole depth if that does, around the selected node.
  begin() {
    this.isFitted = true;
    this.fit();
    if (this.at.zoom >= LEGIBLE) return;
    const { wide, margin } = this.extent();
    const fitting = (this.width - 2 * margin) / wide;
    const { selected } = this.scene;
    this.at.zoom = Math.min(Math.max(fitting, LEGIBLE), 0.8);
    this.centre(selected);
    if (fitting >= LEGIBLE) this.at.x = (this.width - wide * this.at.zoom) / 2;
    else if (!selected) this.at.x = margin;
  }

  // Of all that is laid out, at zoom 1, and the margin around it.
  extent() {
    const { columns, rows, boxWidth } = this.scene;
    return { wide: (columns.length - 1) * this.column + boxWidth, high: (rows - 1) * ROW + HEIGHT, margin: this.width < NARROW_SURFACE ? 12 : 24 };
  }

  fit() {
    const { wide, high, margin } = this.extent();
    this.at.zoom = Math.min(Math.max(Math.min((this.width - 2 * margin) / wide, (this.height - 48) / high, 1.25), ZOOMS[0]), ZOOMS[1]);
    this.at.x = Math.max(margin, (this.width - wide * this.at.zoom) / 2);
    this.at.y = Math.max(24, (this.height - high * this.at.zoom) / 2);
    this.draw();
  }

  // Bring a node to a place across the width (a share), halfway down.
  centre(node, across = 0.4) {
    this.at.x = this.width * across - this.scene.tree.depth[node] * this.column * this.at.zoom;
    this.at.y = this.height / 2 - (this.scene.row[node] + 0.4) * ROW * this.at.zoom;
    this.draw();
  }

  // Move as little as is needed to have a node in view.
  showNode(node) {
    if (!this.width) return;
    const [x, y, zoom] = [this.x(this.scene.tree.depth[node]), this.y(this.scene.row[node]), this.at.zoom];
    const [right, bottom] = [x + this.scene.boxWidth * zoom, y + HEIGHT * zoom];
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

  pan(x, y) {
    this.at.x += x;
    this.at.y += y;
    this.draw();
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
