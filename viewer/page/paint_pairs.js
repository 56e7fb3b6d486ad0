// Preference pairs on the tree: an arc from the chosen (+) to the rejected (−) step with its margin.

function drawPairs(painter) {
  const { scene } = painter;
  const isWanted = (pair) => pair === scene.shownPair || scene.pairs === "all" || (scene.pairs === "kept" && pair.isKept);
  for (const pair of scene.tree.pairs) {
    if (pair.chosen !== null && isWanted(pair) && scene.isShown(pair.chosen) && scene.isShown(pair.rejected)) drawPair(painter, pair);
  }
}

function drawPair(painter, pair) {
  const { pen, zoom, palette, scene: { tree, row, shownPair, boxWidth } } = painter;
  const [x1, y1] = [painter.x(tree.depth[pair.chosen]) + boxWidth * zoom, painter.y(row[pair.chosen] + 0.38)];
  const [x2, y2] = [painter.x(tree.depth[pair.rejected]) + boxWidth * zoom, painter.y(row[pair.rejected] + 0.38)];
  if (Math.max(y1, y2) < 0 || Math.min(y1, y2) > painter.surface.height) return;
  const bulge = Math.max(x1, x2) + (26 + Math.min(50, Math.abs(y1 - y2) * 0.12)) * Math.max(zoom, 0.5);
  const colour = pair.isKept ? palette.accent : palette.muted;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.bezierCurveTo(bulge, y1, bulge, y2, x2, y2);
  pen.setLineDash(pair.isKept ? [] : [4, 4]);
  pen.lineWidth = pair === shownPair ? 3 : 1.6;
  pen.strokeStyle = colour;
  pen.stroke();
  pen.setLineDash([]);
  pen.font = fontOf(600, 11);
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillStyle = palette.right;
  pen.fillText("+", x1 + 1, y1);
  pen.fillStyle = palette.wrong;
  pen.fillText("−", x2 + 1, y2);
  drawMargin(painter, pair, colour, bulge - 12 * zoom, (y1 + y2) / 2);
}

function drawMargin({ pen, palette }, pair, colour, x, y) {
  const text = pair.isKept ? signed(pair.margin) : `${signed(pair.margin)} ${pair.reason}`;
  const width = pen.measureText(text).width;
  pen.fillStyle = palette.panel;
  pen.globalAlpha = 0.85;
  pen.fillRect(x - 3, y - 8, width + 6, 16);
  pen.globalAlpha = 1;
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}
