// Why a pair was chosen: every candidate of the tree with the rule that kept it or left it out.

const REASONS = {
  kept: "all rules let it through",
  few_visits: "a side was visited too rarely",
  one_sided: "no correct or no wrong side at this node",
  margin: "the difference of Q is too small",
  too_similar: "the two texts are too much alike",
  continuation: "the chosen's best continuation is no better than the rejected's worst",
  repeated: "the same two nodes are a pair already",
};

function pairDetail(scene, state, show, redraw) {
  const { tree } = scene;
  const kept = tree.pairs.filter((pair) => pair.isKept);
  const together = tree.pairs.filter((pair) => pair.chosen !== null);
  const counts = new Map();
  for (const pair of tree.pairs) if (!pair.isKept) counts.set(pair.reason, (counts.get(pair.reason) ?? 0) + 1);
  const choice = (name, label) => button(label, () => { state.pairsOf = name; redraw(); }, { "aria-pressed": String(state.pairsOf === name) });
  const isHere = (pair) => [pair.chosen, pair.rejected, pair.prefix, pair.child].includes(scene.selected);
  const wanted = tree.pairs.filter((pair) => ({ kept: pair.isKept, left: !pair.isKept && pair.chosen !== null, here: isHere(pair) })[state.pairsOf]);
  return [
    el("h2", {}, "Preference pairs"),
    el("p", { class: "muted" }, `${kept.length} kept, ${together.length - kept.length} left out`),
    el("ul", { class: "muted reasons" }, [...counts].map(([reason, count]) => el("li", {}, `${reason} ${count}: ${REASONS[reason] ?? reason}`))),
    el("div", { class: "choice" }, choice("kept", "kept"), choice("left", "left out"), choice("here", "at this node")),
    ...wanted.slice(0, 200).map((pair) => pairCard(tree, pair, scene.shownPair === pair, show)),
    wanted.length ? null : el("p", { class: "muted" }, tree.pairs.length ? "none of this kind" : "this tree gave no candidates for a pair"),
  ].filter(Boolean);
}

function pairCard(tree, pair, isShown, show) {
  const why = el("strong", {}, pair.isKept ? "kept" : `left out: ${pair.reason}`);
  const said = ` (${REASONS[pair.isKept ? "kept" : pair.reason] ?? pair.reason})`;
  if (pair.chosen === null) return el("p", { class: "alone muted" }, `node ${pair.child ?? pair.prefix} · ${pair.kind.replace("_", " ")} · `, why, said);
  const side = (node, tone, mark) => el("div", { class: `side ${tone}` }, el("span", {}, mark), el("span", { class: "step" }, oneLine(startOf(tree.text[node], 240))), el("span", { class: "muted" }, `#${node}`));
  return el("button", { type: "button", class: "pair", "aria-pressed": String(isShown), on: { click: () => show(pair) } },
    side(pair.chosen, "right", "+"), side(pair.rejected, "wrong", "−"),
    el("div", { class: "muted" }, `margin ${signed(pair.margin)} · ${pair.kind.replace("_", " ")} · `, why, said));
}
