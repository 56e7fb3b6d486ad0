// One node: a box with its text, or from far away a bar.

const fontOf = (weight, size) => `${weight} ${size}px ui-sans-serif, system-ui, sans-serif`;

function drawBar(painter, node) {
  const { pen, zoom, palette, scene: { tree, row, selected, boxWidth } } = painter;
  const [x, y, width] = [painter.x(tree.depth[node]), painter.y(row[node]), boxWidth * zoom];
  const height = Math.max(1, HEIGHT * zoom);
  pen.globalAlpha = alphaOf(painter, node);
  pen.fillStyle = painter.colour(node) ?? palette.line;
  pen.fillRect(x, y, width, height);
  if (node === selected || painter.found.has(node)) {
    pen.strokeStyle = node === selected ? palette.accent : palette.warn;
    pen.lineWidth = 2;
    pen.strokeRect(x - 2, y - 2, width + 4, height + 4);
  }
  const { tone } = MARKS[tree.ends[node]];
  if (tone && zoom > 0.15) {
    pen.fillStyle = palette[tone];
    pen.fillRect(x + width + 2, y, Math.max(2, 8 * zoom), height);
  }
  pen.globalAlpha = 1;
}

function drawBox(painter, node) {
  const { pen, zoom, palette, scene: { tree, row, moment, boxWidth } } = painter;
  const box = [painter.x(tree.depth[node]), painter.y(row[node]), boxWidth * zoom, HEIGHT * zoom];
  const colour = painter.colour(node);
  const isBest = painter.isBest(node);
  pen.globalAlpha = alphaOf(painter, node);
  rounded(pen, box, 6 * zoom);
  pen.fillStyle = palette.panel;
  pen.fill();
  if (colour) drawColour(painter, node, box, colour);
  pen.lineWidth = (isBest ? 2.2 : 1) * Math.max(zoom, 0.6);
  pen.strokeStyle = isBest ? palette.ink : colour ?? palette.edge;
  pen.setLineDash(moment.visits[node] ? [] : [3, 3]);
  pen.stroke();
  pen.setLineDash([]);
  drawInside(painter, node, box);
  drawRing(painter, node, box);
  pen.globalAlpha = 1;
}

// A band at the left and a tint of the whole box.
function drawColour(painter, node, box, colour) {
  const { pen, zoom } = painter;
  const [x, y, width, height] = box;
  pen.save();
  pen.clip();
  pen.fillStyle = colour;
  pen.globalAlpha *= 0.22;
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = alphaOf(painter, node);
  pen.fillRect(x, y, 7 * zoom, height);
  pen.restore();
  rounded(pen, box, 6 * zoom);
}

// Selected, found, or what a comparison says of the node ({ring: name of an ink, isDashed}).
function drawRing(painter, node, [x, y, width, height]) {
  const { pen, zoom, palette, scene } = painter;
  const found = painter.found.has(node) ? { ring: "warn" } : scene.decoration?.(node);
  const ring = node === scene.selected ? { ring: "accent" } : found;
  if (!ring) return;
  rounded(pen, [x - 3, y - 3, width + 6, height + 6], 8 * zoom);
  pen.lineWidth = 2.2;
  pen.strokeStyle = palette[ring.ring];
  pen.setLineDash(ring.isDashed ? [5, 4] : []);
  pen.stroke();
  pen.setLineDash([]);
}

// Marks at the right end, and as much of the step's text as there is room for.
function drawInside(painter, node, [x, y, width, height]) {
  const { pen, textZoom: zoom, palette, scene } = painter;
  const { tree } = scene;
  const end = MARKS[tree.ends[node]];
  const middle = y + height / 2 + 0.5;
  let right = x + width - 6 * zoom;
  const mark = (text, colour, size, room) => {
    pen.font = fontOf(700, size * zoom);
    pen.fillStyle = colour;
    pen.textAlign = "right";
    pen.fillText(text, right, middle);
    right -= room * zoom;
  };
  pen.textBaseline = "middle";
  if (end.mark) mark(end.mark, palette[end.tone], 13, 15);
  if (tree.firstErrors[node]) mark("▲", palette.warn, 11, 14);
  const { text, isMuted } = labelOf(painter, node);
  pen.textAlign = "left";
  pen.fillStyle = isMuted ? palette.muted : palette.ink;
  pen.font = fontOf(painter.isBest(node) ? 650 : 400, 12.5 * zoom);
  pen.fillText(text, x + 13 * zoom, middle, right - x - 13 * zoom);
  const hidden = tree.count[node] ? scene.hiddenBelow(node) : 0;
  if (!hidden) return;
  pen.font = fontOf(400, 11 * zoom);
  pen.fillStyle = palette.muted;
  pen.fillText(`+${hidden}`, x + width + 5 * zoom, y + height - 2 * zoom);
}

// As much of a step as its box holds. What fits is the same at all zooms at which texts shrink with their boxes.
function labelOf(painter, node) {
  const { pen, labels, scene: { tree, boxWidth } } = painter;
  const width = Math.round((boxWidth * painter.zoom) / painter.textZoom);
  if (painter.labelWidth !== width) labels.clear();
  painter.labelWidth = width;
  if (!labels.has(node)) {
    const text = oneLine(startOf(lowMarks(startOf(node ? tree.text[node] : tree.prompt, 4000)), 200));
    const room = width - 20 - (MARKS[tree.ends[node]].mark ? 15 : 0) - (tree.firstErrors[node] ? 14 : 0);
    pen.font = fontOf(tree.isBest[node] ? 650 : 400, 12.5);
    const fits = (part) => pen.measureText(part).width <= room;
    labels.set(node, text ? { text: fits(text) ? text : cutToFit(text, fits) } : { text: "(empty)", isMuted: true });
  }
  return labels.get(node);
}

// The longest start that fits with an ellipsis. Letters are cut between, never within: an emoji, a letter with accents.
function cutToFit(text, fits) {
  const letters = lettersOf(text);
  let [low, high] = [0, letters.length];
  while (low < high) {
    const cut = (low + high + 1) >> 1;
    if (fits(`${letters.slice(0, cut).join("")}…`)) low = cut;
    else high = cut - 1;
  }
  return `${letters.slice(0, low).join("")}…`;
}

const alphaOf = (painter, node) => (painter.scene.filter.text && !painter.found.has(node) ? 0.28 : 1);

function rounded(pen, [x, y, width, height], radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, radius);
}
