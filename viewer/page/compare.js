// Two trees of one problem side by side. Nodes answer to each other when the texts on their paths are the same.

let pair = null; // {a, b: {scene, surface}}

async function openCompare(first, second) {
  const view = byId("view-compare");
  closeCompare();
  const mine = (asked += 1);
  const [a, b] = lines[first] && lines[second] ? [lines[first], lines[second]] : (lines[first] && sidesOf(lines[first])) ?? firstSides() ?? [];
  if (!a) return fill(view, el("p", { class: "muted empty" }, nothingShared()));
  const same = treesLike(a);
  const [left, right] = [await loadTree(a.number), await loadTree(b.number)];
  if (mine !== asked) return undefined;
  const match = align(left, right);
  const changes = changesOf(left, right, match);
  pair = { match };
  pair.a = half(left, (n) => (match.to[n] < 0 ? { ring: "wrong", isDashed: true } : changed(left, right, n, match.to[n])), "a");
  pair.b = half(right, (n) => (match.from[n] < 0 ? { ring: "right" } : changed(left, right, match.from[n], n)), "b");
  const chooser = (line, side) => el("select", { id: `compare-${side}`, "aria-label": `tree ${side}`, on: { change: (event) => {
    location.hash = side === "left" ? `#/compare/${event.target.value}/${b.number}` : `#/compare/${a.number}/${event.target.value}`;
  } } }, same.map((other) => el("option", { value: other.number, selected: other.number === line.number }, `${placeOf(other)}, ${other.source}`)));
  fill(view,
    el("div", { class: "tree-head" }, el("strong", { class: "clip" }, oneLine(a.id)), el("span", { class: "muted clip prompt" }, oneLine(a.prompt)),
      el("input", { type: "search", id: "compare-find", placeholder: "another problem's id", "aria-label": "another problem", on: { change: (event) => {
        const named = lines.filter((each) => each.id === event.target.value.trim());
        const line = named.find((each) => isShared(each)) ?? named.find(sidesOf);
        if (line) location.hash = `#/compare/${line.number}`;
        else notice(named.length ? `${event.target.value} has no second tree of the same prompt here` : `there is no problem ${event.target.value}`);
      } } })),
    el("p", { class: "muted", id: "compare-summary" }, `${changes.vanished.length} steps vanished, ${changes.appeared.length} appeared, ${changes.moved.length} moved by at least 0.2 in Q, ${changes.kept} are in both`),
    el("div", { class: "halves" },
      el("div", { class: "half" }, chooser(a, "left"), pair.a.surface.canvas), el("div", { class: "half" }, chooser(b, "right"), pair.b.surface.canvas)),
    el("div", { class: "key" }, el("span", { class: "swatch vanished" }), "vanished", el("span", { class: "swatch appeared" }), "appeared", el("span", { class: "swatch moved" }), "Q moved"),
    changes.moved.length + changes.appeared.length + changes.vanished.length ? changeTable(left, right, changes) : null);
  return undefined;
}

// All trees of a problem; runs of different tasks may give two problems one id.
const treesLike = (line) => lines.filter((other) => other.id === line.id && other.prompt === line.prompt);

const nameOf = (line) => JSON.stringify([line.id, line.prompt]);

// Has another run a tree of the problem?
const isShared = (line, same = treesLike(line)) => same.some((other) => other.run !== line.run);

// What stands left and right when a tree is compared and nothing else was said: each run's latest tree of the problem
// where two runs have it, else this one and the first other. Null where there is no other.
function sidesOf(line) {
  const same = treesLike(line);
  const latest = (trees) => trees.reduce((best, other) => (other.round > best.round ? other : best));
  const sides = isShared(line, same)
    ? [latest(same.filter((other) => other.run === line.run)), latest(same.filter((other) => other.run !== line.run))]
    : [line, same.find((other) => other.number !== line.number)];
  return sides[1] ? sides.sort((a, b) => a.number - b.number) : null;
}

// The first problem that two runs share, or where there is one run, the first that has two trees.
function firstSides() {
  const seen = new Map();
  for (const line of lines) {
    const other = seen.get(nameOf(line));
    if (other && (head.runs.length === 1 || other.run !== line.run)) seen.set("found", Math.min(seen.get("found") ?? Infinity, other.number));
    if (!other) seen.set(nameOf(line), line);
  }
  return seen.has("found") ? sidesOf(lines[seen.get("found")]) : null;
}

function nothingShared() {
  if (!allRead) return "The trees are still being read.";
  if (head.runs.length === 1) return "No problem has two trees here. A run of several rounds may have; --compare RUN puts another run beside this one.";
  const ids = head.runs.map((_, run) => new Set(lines.filter((line) => line.run === run).map((line) => line.id)));
  const alike = [...ids[0]].filter((id) => ids[1].has(id)).length;
  const why = alike ? `; ${whole(alike)} ${alike === 1 ? "id stands" : "ids stand"} in both for problems with different prompts: the tasks' settings differ` : "";
  return `${head.runs.map((run) => oneLine(run.name)).join(" and ")} share no problem${why}.`;
}

function closeCompare() {
  if (!pair) return;
  pair.a.surface.close();
  pair.b.surface.close();
  pair = null;
}

function half(tree, decoration, name) {
  const scene = new Scene(tree);
  const surface = new Surface(scene, {
    select: (node) => {
      const other = name === "a" ? "b" : "a";
      const answer = (name === "a" ? pair.match.to : pair.match.from)[node];
      show(pair[name], node);
      if (answer >= 0) show(pair[other], answer);
    },
    hover: () => undefined,
  });
  scene.decoration = decoration;
  const show = (side, node) => {
    side.scene.reveal(node);
    side.scene.selected = node;
    side.surface.showNode(node);
  };
  return { scene, surface, show };
}

const qOf = (tree, n) => (tree.visits[n] ? tree.value_sum[n] / tree.visits[n] : null);

function moveOf(a, b, n, m) {
  const [before, after] = [qOf(a, n), qOf(b, m)];
  return before === null || after === null ? 0 : after - before;
}

const changed = (a, b, n, m) => (Math.abs(moveOf(a, b, n, m)) >= 0.2 ? { ring: "warn" } : null);

// For each node of one tree the node of the other whose path has the same texts, -1 where there is none: the rule of
// viewer.diff.align.
function align(a, b) {
  const [to, from] = [new Int32Array(a.size).fill(-1), new Int32Array(b.size).fill(-1)];
  [to[0], from[0]] = [0, 0];
  for (let n = 0; n < a.size; n++) {
    if (to[n] < 0) continue;
    const waiting = new Map();
    for (const m of childrenOf(b, to[n])) waiting.set(b.text[m], [...(waiting.get(b.text[m]) ?? []), m]);
    for (const child of childrenOf(a, n)) {
      const m = waiting.get(a.text[child])?.shift();
      if (m !== undefined) [to[child], from[m]] = [m, child];
    }
  }
  return { to, from };
}

function changesOf(a, b, { to, from }) {
  const moved = [];
  let kept = 0;
  for (let n = 1; n < a.size; n++) {
    if (to[n] < 0) continue;
    kept++;
    const by = moveOf(a, b, n, to[n]);
    if (Math.abs(by) >= 0.2) moved.push([n, to[n], by]);
  }
  moved.sort((x, y) => Math.abs(y[2]) - Math.abs(x[2]) || x[0] - y[0]);
  const missing = (list) => Array.from(list.keys()).filter((n) => list[n] < 0);
  return { moved, kept, vanished: missing(to), appeared: missing(from) };
}

function changeTable(a, b, changes) {
  const row = (what, tone, text, before, after, go) => el("tr", {}, el("td", { class: tone }, what),
    el("td", { class: "step" }, button(oneLine(startOf(text, 200)) || "(empty)", go, { class: "link" })), el("td", {}, signed(before)), el("td", {}, signed(after)));
  const most = 100;
  return el("div", { class: "scroll" }, el("table", { class: "facts ranked" },
    el("thead", {}, el("tr", {}, ["", "step", "Q left", "Q right"].map((title) => el("th", {}, title)))),
    el("tbody", {},
      changes.moved.slice(0, most).map(([n, m]) => row("moved", "unsure", a.text[n], qOf(a, n), qOf(b, m), () => { pair.a.show(pair.a, n); pair.b.show(pair.b, m); })),
      changes.appeared.slice(0, most).map((m) => row("appeared", "right", b.text[m], null, qOf(b, m), () => pair.b.show(pair.b, m))),
      changes.vanished.slice(0, most).map((n) => row("vanished", "wrong", a.text[n], qOf(a, n), null, () => pair.a.show(pair.a, n))))));
}
