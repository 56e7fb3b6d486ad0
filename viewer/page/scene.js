// What of a tree is on show and where: folds, filters, a moment of the replay, and the tidy layout of the rest.

const ROWS_AT_FIRST = 120;
const BOX_WIDTHS = [96, 172];

// Of every box: room for the longest step, within bounds; short steps leave room for a deeper tree.
function boxWidthOf(tree) {
  let letters = 0;
  for (let n = 1; n < tree.size; n++) letters = Math.max(letters, Math.min(tree.text[n].length, 40));
  return Math.min(Math.max(52 + 8 * letters, BOX_WIDTHS[0]), BOX_WIDTHS[1]);
}

class Scene {
  constructor(tree) {
    this.tree = tree;
    this.frames = framesOf(tree);
    this.boxWidth = boxWidthOf(tree);
    this.metric = "q";
    this.widthByVisits = true;
    this.pairs = "off"; // kept, all
    this.filter = { right: false, paired: false, depth: tree.most.depth, visits: 0, text: "" };
    this.selected = 0;
    this.shownPair = null;
    this.decoration = null; // node -> {ring, dashed}
    this.open = new Uint8Array(tree.size);
    this.unfoldMostVisited();
    this.goTo(this.frames.length - 1);
  }

  // Folds

  unfoldMostVisited() {
    const tree = this.tree;
    const inner = [];
    const rank = new Float64Array(tree.size); // no node before its parent, whose score may be no visit of its own
    for (let n = 0; n < tree.size; n++) {
      rank[n] = n ? Math.min(tree.visits[n], rank[tree.parent[n]]) : tree.visits[0];
      if (tree.count[n]) inner.push(n);
    }
    inner.sort((a, b) => rank[b] - rank[a] || a - b);
    this.open.fill(0);
    let rows = 1;
    for (const n of inner) {
      if (n && !this.open[tree.parent[n]]) continue;
      if (n && rows > ROWS_AT_FIRST && !tree.isBest[n]) continue;
      this.open[n] = 1;
      rows += tree.count[n] - 1;
    }
  }

  setAll(isOpen) {
    this.open.fill(isOpen ? 1 : 0);
    this.open[0] = 1;
    this.layOut();
  }

  toggle(n) {
    if (!this.tree.count[n]) return;
    this.open[n] ^= 1;
    this.layOut();
  }

  // Unfold what lies above a node.
  reveal(n) {
    for (let up = this.tree.parent[n]; up >= 0; up = this.tree.parent[up]) this.open[up] = 1;
    this.layOut();
  }

  // Replay

  goTo(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.frames.length - 1);
    this.moment = new Moment(this.tree, this.frames[this.frame], this.frame === this.frames.length - 1);
    this.layOut();
  }

  // Filters

  passes(n) {
    const { filter, tree } = this;
    if (filter.right && !tree.hasRight[n]) return false;
    return !filter.paired || Boolean(tree.inPair[n]);
  }

  // Nodes that pass, and all above them.
  keep() {
    const { filter, tree } = this;
    const kept = new Uint8Array(tree.size);
    for (let n = tree.size - 1; n >= 0; n--) {
      if (n >= this.moment.size || tree.depth[n] > filter.depth || this.moment.visits[n] < filter.visits) continue;
      if (this.passes(n)) kept[n] = 1;
      if (n && kept[n]) kept[tree.parent[n]] = 1;
    }
    kept[0] = 1;
    return kept;
  }

  matches() {
    const wanted = this.filter.text.toLowerCase();
    if (!wanted) return null;
    const found = [];
    for (let n = 0; n < this.moment.size; n++) {
      const text = n ? this.tree.text[n] : this.tree.prompt;
      if (text.toLowerCase().includes(wanted)) found.push(n);
    }
    return found;
  }

  // The rule of viewer.layout.tidy_rows, for what is unfolded and not filtered out.
  layOut() {
    const tree = this.tree;
    const kept = this.keep();
    const order = [];
    const stack = [0];
    const shownBelow = (n) => {
      let count = 0;
      for (let c = tree.first[n], end = c + tree.count[n]; c < end; c++) count += kept[c];
      return count;
    };
    while (stack.length) {
      const n = stack.pop();
      order.push(n);
      if (this.open[n]) for (let c = tree.first[n] + tree.count[n] - 1; tree.count[n] && c >= tree.first[n]; c--) if (kept[c]) stack.push(c);
    }
    this.row = new Float64Array(tree.size).fill(-1);
    this.top = new Float64Array(tree.size).fill(-1);
    this.bottom = new Float64Array(tree.size).fill(-1);
    this.columns = [];
    this.rows = 0;
    for (const n of order) {
      if (!this.open[n] || !shownBelow(n)) this.row[n] = this.rows++;
      (this.columns[tree.depth[n]] ??= []).push(n);
    }
    for (let at = order.length - 1; at >= 0; at--) {
      const n = order[at];
      if (this.row[n] < 0) this.row[n] = (this.top[n] + this.bottom[n]) / 2;
      const above = tree.parent[n];
      if (above < 0) continue;
      this.top[above] = this.row[n];
      if (this.bottom[above] < 0) this.bottom[above] = this.row[n];
    }
    this.kept = kept;
    this.order = order;
    if (this.row[this.selected] < 0) this.selected = this.nearestShown(this.selected);
  }

  isShown(n) {
    return this.row[n] >= 0;
  }

  nearestShown(n) {
    while (n > 0 && this.row[n] < 0) n = this.tree.parent[n];
    return n;
  }

  // Children that a fold or a filter hides.
  hiddenBelow(n) {
    const tree = this.tree;
    let hidden = 0;
    for (let c = tree.first[n], end = c + tree.count[n]; tree.count[n] && c < end; c++) hidden += this.row[c] < 0 && c < this.moment.size;
    return hidden;
  }

  // Keyboard: the neighbour in a direction, or null.
  neighbour(direction) {
    const { tree, selected } = this;
    if (direction === "parent") return selected ? tree.parent[selected] : null;
    if (direction === "child") {
      const shown = childrenOf(tree, selected).filter((c) => this.isShown(c));
      return shown.sort((a, b) => this.moment.visits[b] - this.moment.visits[a] || a - b)[0] ?? null;
    }
    const column = this.columns[tree.depth[selected]];
    return column[column.indexOf(selected) + (direction === "next" ? 1 : -1)] ?? null;
  }
}
