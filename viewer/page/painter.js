// Draws a scene on its surface: only what lies in view.

const BARS_BELOW = 0.42; // zoom below which nodes are bars without text
const LEAST_TEXT = 0.72; // texts grow and shrink with the tree, but not below this share of their size: 9 pixels
const INKS = ["ink", "muted", "line", "panel", "accent", "right", "wrong", "edge", "warn", "unsure"];

class Painter {
  constructor(surface) {
    this.surface = surface;
    this.scene = surface.scene;
    this.pen = surface.canvas.getContext("2d");
    this.labels = new Map();
  }

  resize(ratio) {
    const { canvas, width, height } = this.surface;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  get zoom() {
    return this.surface.at.zoom;
  }

  // Of texts and marks.
  get textZoom() {
    return Math.max(this.zoom, LEAST_TEXT);
  }

  x(depth) {
    return this.surface.x(depth);
  }

  y(row) {
    return this.surface.y(row);
  }

  draw() {
    const { surface, scene } = this;
    const style = getComputedStyle(document.documentElement);
    this.palette = Object.fromEntries(INKS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.colour = colouring(scene.tree, scene.metric, scene.moment);
    this.found = new Set(scene.matches() ?? []);
    this.pen.clearRect(0, 0, surface.width, surface.height);
    const isFar = this.zoom < BARS_BELOW;
    const [from, to] = surface.columnsInView();
    for (let depth = Math.max(0, from - 1); depth <= to; depth++) this.drawEdges(scene.columns[depth], isFar);
    for (let depth = from; depth <= to; depth++) {
      for (const node of this.inView(scene.columns[depth])) (isFar ? drawBar : drawBox)(this, node);
    }
    if (!isFar || scene.shownPair) drawPairs(this);
  }

  // The part of a column that lies in view.
  inView(column) {
    const { row } = this.scene;
    const [low, high] = this.surface.rowsInView();
    return column.slice(firstAtLeast(column, low, (n) => row[n]), firstAtLeast(column, high, (n) => row[n]));
  }

  drawEdges(column, isFar) {
    const { tree, row, top, bottom } = this.scene;
    const [low, high] = this.surface.rowsInView();
    // Families of one depth lie one below the other, so those in view follow each other.
    const inner = column.filter((n) => top[n] >= 0);
    for (let at = firstAtLeast(inner, low, (n) => bottom[n]); at < inner.length && top[inner[at]] <= high; at++) {
      const parent = inner[at];
      if (isFar) {
        this.drawBracket(parent);
        continue;
      }
      for (const child of childrenOf(tree, parent)) {
        const isInView = Math.max(row[child], row[parent]) >= low && Math.min(row[child], row[parent]) <= high;
        if (row[child] >= 0 && isInView) this.drawEdge(parent, child);
      }
    }
  }

  // From far away a family's edges are one bracket.
  drawBracket(parent) {
    const { pen, zoom, scene: { tree, row, top, bottom } } = this;
    const x = this.x(tree.depth[parent]) + this.scene.boxWidth * zoom;
    const gap = this.surface.gap * zoom;
    const half = (HEIGHT * zoom) / 2;
    pen.fillStyle = this.palette.edge;
    pen.fillRect(x, this.y(row[parent]) + half, gap / 2, 1);
    pen.fillRect(x + gap / 2, this.y(top[parent]) + half, 1, Math.max(1, this.y(bottom[parent]) - this.y(top[parent])));
  }

  drawEdge(parent, child) {
    const { pen, zoom, scene: { tree, row, moment, widthByVisits, boxWidth } } = this;
    const half = (HEIGHT * zoom) / 2;
    const [x1, y1] = [this.x(tree.depth[parent]) + boxWidth * zoom, this.y(row[parent]) + half];
    const [x2, y2] = [this.x(tree.depth[child]), this.y(row[child]) + half];
    const share = widthByVisits ? Math.sqrt(moment.visits[child] / tree.most.visits) : 0.1;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
    pen.lineWidth = (1 + 9 * share) * zoom;
    pen.strokeStyle = this.isBest(child) ? this.palette.ink : this.palette.edge;
    pen.stroke();
  }

  // The best path is that of the end: earlier moments of the replay have none.
  isBest(node) {
    return Boolean(this.scene.tree.isBest[node]) && this.scene.frame === this.scene.frames.length - 1;
  }
}
