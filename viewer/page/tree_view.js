// One tree: what is selected, its moment, and the panel that tells about it.

let shown = null; // {scene, surface, state}

async function openTree(number, node) {
  const view = byId("view-tree");
  const mine = (asked += 1);
  if (!lines[number]) {
    closeTree();
    return fill(view, el("p", { class: "muted empty" }, lines.length ? `there is no tree ${number}` : "there are no trees yet"));
  }
  if (shown && shown.scene.tree.number === number) {
    if (node !== null) select(node, true);
    return undefined;
  }
  const tree = await loadTree(number);
  if (mine !== asked) return undefined;
  closeTree();
  const scene = new Scene(tree);
  shown = { scene, state: { tab: "step", pairsOf: "kept", matchAt: -1, timer: null } };
  shown.surface = new Surface(scene, { select, hover: showTip, folded: tellPlace });
  shown.surface.canvas.setAttribute("aria-describedby", "said");
  fill(view, treeHead(number), toolbar(scene), el("div", { class: "stage" },
    el("div", { class: "canvas-box" }, shown.surface.canvas, placeBar(), replayBar(scene)),
    el("aside", { class: "panel", "aria-label": "the selected step" },
      el("div", { class: "choice tabs", role: "tablist" }, ["step", "path", "pairs"].map((tab) =>
        button(tab, () => showTab(tab), { role: "tab", id: `tab-${tab}`, "data-tab": tab, "aria-controls": "detail" }))),
      el("div", { id: "detail", role: "tabpanel", tabindex: "-1" })),
    el("p", { id: "said", class: "unseen", "aria-live": "polite" })));
  tellPlace();
  select(node ?? 0, node !== null);
  shown.surface.canvas.focus({ preventScroll: true });
  return undefined;
}

function closeTree() {
  if (!shown) return;
  clearInterval(shown.state.timer);
  shown.surface.close();
  shown = null;
}

// A tree and the one to compare it with: another run's where there is one.
function besides(line, same) {
  const other = same.find((each) => each.run !== line.run) ?? same.find((each) => each.number !== line.number);
  return [line.number, other.number].sort((a, b) => a - b);
}

function treeHead(number) {
  const line = lines[number];
  const same = treesLike(line);
  return el("div", { class: "tree-head" },
    el("strong", { class: "clip" }, oneLine(line.id)), " ",
    el("span", { class: "muted clip prompt" }, oneLine(line.prompt)),
    same.length > 1 ? el("select", { "aria-label": "trees of this problem", id: "same", on: { change: (event) => (location.hash = `#/tree/${event.target.value}`) } },
      same.map((other) => el("option", { value: other.number, selected: other.number === number }, `${placeOf(other)}, ${other.source}`))) : null,
    same.length > 1 ? el("a", { href: `#/compare/${besides(line, same).join("/")}`, class: "button" }, "Compare") : null,
    el("a", { href: `#/tree/${Math.max(0, number - 1)}`, class: "button", title: "previous tree" }, "←"),
    el("a", { href: `#/tree/${Math.min(lines.length - 1, number + 1)}`, class: "button", title: "next tree" }, "→"));
}

function setMetric(name) {
  shown.scene.metric = name;
  byId("metric").value = name;
  fill(byId("legend"), legend(shown.scene));
  shown.surface.draw();
}

function foldAll(isOpen) {
  shown.scene.setAll(isOpen);
  if (!shown.scene.isShown(shown.scene.selected)) select(shown.scene.nearestShown(shown.scene.selected));
  tellPlace();
  shown.surface.showNode(shown.scene.selected);
}

function tellPlace() {
  const { scene } = shown;
  const frame = scene.frames[scene.frame];
  const last = scene.frames.at(-1);
  byId("place").textContent = `${whole(scene.order.length)} of ${whole(scene.tree.size)} nodes`;
  byId("slider").value = scene.frame;
  const what = scene.tree.history ? `rollout ${frame.rollout} of ${last.rollout}` : `expansion ${scene.frame} of ${scene.frames.length - 1}, figures of the end (the file holds no history)`;
  byId("moment").textContent = scene.tree.size > 1 ? `${what} · ${whole(frame.size)} of ${whole(scene.tree.size)} nodes` : "the search made no step";
}

// Replay

function goTo(frame) {
  const { scene, surface } = shown;
  scene.goTo(frame);
  tellPlace();
  showDetail();
  surface.draw();
}

function play() {
  const { scene, state } = shown;
  if (state.timer) return stop();
  if (scene.frame === scene.frames.length - 1) goTo(0);
  byId("play").textContent = "❚❚";
  const pause = Math.max(40, Math.min(600, 12000 / scene.frames.length));
  state.timer = setInterval(() => {
    if (scene.frame >= scene.frames.length - 1) stop();
    else goTo(scene.frame + 1);
  }, pause);
  return undefined;
}

function stop() {
  clearInterval(shown.state.timer);
  shown.state.timer = null;
  byId("play").textContent = "▶";
}

// Selection

function select(node, isFar = false) {
  const { scene, surface } = shown;
  if (!(node >= 0 && node < scene.tree.size)) return;
  if (!scene.isShown(node)) {
    scene.reveal(node);
    tellPlace();
  }
  scene.selected = scene.nearestShown(node);
  history.replaceState(null, "", `#/tree/${scene.tree.number}/${scene.selected}`);
  showDetail();
  byId("said").textContent = sentence(scene, scene.selected);
  if (surface.width) isFar ? surface.centre(scene.selected) : surface.showNode(scene.selected);
}

function showTab(tab) {
  shown.state.tab = tab;
  showDetail();
}

function showDetail() {
  const { scene, state } = shown;
  const go = (node) => select(node);
  for (const tab of document.querySelectorAll("[data-tab]")) tab.setAttribute("aria-selected", String(tab.dataset.tab === state.tab));
  byId("detail").setAttribute("aria-labelledby", `tab-${state.tab}`);
  const content = state.tab === "step" ? stepDetail(scene, scene.selected, go)
    : state.tab === "path" ? pathDetail(scene, scene.selected, go) : pairDetail(scene, state, showPair, showDetail);
  fill(byId("detail"), content.flat());
}

function showPair(pair) {
  const { scene, surface } = shown;
  scene.shownPair = scene.shownPair === pair ? null : pair;
  for (const node of [pair.chosen, pair.rejected]) if (!scene.isShown(node)) scene.reveal(node);
  scene.selected = scene.nearestShown(pair.chosen);
  surface.showNode(scene.selected);
  tellPlace();
  showDetail();
}

// Text search

function findText(text) {
  const { scene, state, surface } = shown;
  scene.filter.text = text;
  state.matchAt = -1;
  const found = scene.matches();
  byId("matches").textContent = found ? `${whole(found.length)} found` : "";
  surface.draw();
}

function nextMatch(by) {
  const { scene, state } = shown;
  const found = scene.matches();
  if (!found?.length) return;
  state.matchAt = (state.matchAt + by + found.length) % found.length;
  byId("matches").textContent = `${state.matchAt + 1} of ${found.length}`;
  select(found[state.matchAt], true);
}

// What a reader who does not see the drawing hears of the selected step.
function sentence({ tree, moment }, n) {
  const { word } = MARKS[tree.ends[n]];
  const siblings = n ? tree.count[tree.parent[n]] : 1;
  return [
    n ? `node ${n}, step ${tree.depth[n]}` : "the problem",
    oneLine(startOf(n ? tree.text[n] : tree.prompt, 300)) || "(empty)",
    word, tree.firstErrors[n] ? "first error" : "", tree.isBest[n] ? "on the best path" : "",
    `${whole(moment.visits[n])} visits, Q ${signed(moment.q(n))}`,
    siblings > 1 ? `${n - tree.first[tree.parent[n]] + 1} of ${siblings} siblings` : "",
    `${whole(tree.count[n])} children`,
  ].filter(Boolean).join("; ");
}

// What hovers: the figures at a glance.
function showTip(node, event) {
  const tip = byId("tip");
  tip.hidden = node === null;
  if (node === null) return;
  const { tree, moment } = shown.scene;
  const end = MARKS[tree.ends[node]];
  fill(tip,
    el("div", { class: "tip-text" }, visible(startOf(node ? tree.text[node] : tree.prompt, 600))),
    el("div", { class: "muted" }, `#${node} · N ${whole(moment.visits[node])} · Q ${signed(moment.q(node))}`
      + (tree.score[node] === null ? "" : ` · PPM ${signed(tree.score[node])}`) + (end.word ? ` · ${end.mark} ${end.word}` : "")));
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + 20 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 20}px`;
}
