// One tree: toolbar, canvas, replay and the panel that tells about the selected step.

let shown = null; // {scene, surface, state}

async function openTree(number, node) {
  const view = byId("view-tree");
  if (!lines[number]) return fill(view, el("p", { class: "muted empty" }, "there is no such tree"));
  if (shown && shown.scene.tree.number === number) {
    if (node !== null) select(node, true);
    return undefined;
  }
  const tree = await loadTree(number);
  closeTree();
  const scene = new Scene(tree);
  shown = { scene, state: { tab: "step", pairsOf: "kept", matchAt: -1, timer: null } };
  shown.surface = new Surface(scene, { select, hover: showTip, folded: tellPlace });
  fill(view, treeHead(number), toolbar(scene), el("div", { class: "stage" },
    el("div", { class: "canvas-box" }, shown.surface.canvas, replayBar(scene)),
    el("aside", { class: "panel", "aria-label": "the selected step" },
      el("div", { class: "choice tabs", role: "tablist" }, ["step", "path", "pairs"].map((tab) =>
        button(tab, () => showTab(tab), { role: "tab", "data-tab": tab }))),
      el("div", { id: "detail", "aria-live": "polite" }))));
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

function treeHead(number) {
  const line = lines[number];
  const same = lines.filter((other) => other.id === line.id);
  return el("div", { class: "tree-head" },
    el("strong", { class: "clip" }, oneLine(line.id)), " ",
    el("span", { class: "muted clip prompt" }, oneLine(line.prompt)),
    same.length > 1 ? el("select", { "aria-label": "trees of this problem", id: "same", on: { change: (event) => (location.hash = `#/tree/${event.target.value}`) } },
      same.map((other) => el("option", { value: other.number, selected: other.number === number }, `round ${roundName(other.run, other.round)}, ${other.source}`))) : null,
    same.length > 1 ? el("a", { href: `#/compare/${same[0].number === number ? same[1].number : same[0].number}/${number}`, class: "button" }, "Compare") : null,
    el("a", { href: `#/tree/${Math.max(0, number - 1)}`, class: "button", title: "previous tree" }, "←"),
    el("a", { href: `#/tree/${Math.min(lines.length - 1, number + 1)}`, class: "button", title: "next tree" }, "→"));
}

function toolbar(scene) {
  const { tree, filter } = scene;
  const change = (apply) => (event) => { apply(event.target); scene.layOut(); tellPlace(); shown.surface.draw(); };
  const check = (label, name, id) => el("label", {}, el("input", { type: "checkbox", id, checked: filter[name], on: { change: change((box) => (filter[name] = box.checked)) } }), label);
  const number = (label, name, id, most) => el("label", {}, label, el("input", { type: "number", id, min: 0, max: most, value: filter[name],
    on: { input: change((box) => (filter[name] = Math.max(0, Number(box.value) || 0))) } }));
  return el("div", { class: "tools" },
    el("label", {}, "colour ", el("select", { id: "metric", on: { change: (event) => setMetric(event.target.value) } },
      Object.entries(METRICS).map(([name, metric]) => el("option", { value: name, selected: name === scene.metric }, metric.label)))),
    el("span", { id: "legend" }, legend(tree, scene.metric)),
    el("label", {}, el("input", { type: "checkbox", id: "width", checked: true, on: { change: (event) => { scene.widthByVisits = event.target.checked; shown.surface.draw(); } } }), "width by visits"),
    el("label", {}, "pairs ", el("select", { id: "show-pairs", on: { change: (event) => { scene.pairs = event.target.value; shown.surface.draw(); } } },
      [["off", "off"], ["kept", "kept"], ["all", "with those left out"]].map(([value, label]) => el("option", { value }, label)))),
    check("only to a correct end", "right", "only-right"), check("only in pairs", "paired", "only-paired"),
    number("depth ≤ ", "depth", "max-depth", tree.most.depth), number("visits ≥ ", "visits", "min-visits", tree.most.visits),
    el("input", { type: "search", id: "find-step", placeholder: "find in steps", "aria-label": "find in steps",
      on: { input: (event) => findText(event.target.value), keydown: (event) => { if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1); } } }),
    el("span", { class: "muted", id: "matches", role: "status" }),
    el("span", { class: "grow" }),
    el("span", { class: "muted", id: "place", role: "status" }),
    button("fit", () => shown.surface.fit(), { id: "fit" }), button("−", () => shown.surface.zoomBy(1 / 1.25), { id: "zoom-out", "aria-label": "zoom out" }),
    button("+", () => shown.surface.zoomBy(1.25), { id: "zoom-in", "aria-label": "zoom in" }),
    button("fold all", () => foldAll(false), { id: "fold-all" }), button("unfold all", () => foldAll(true), { id: "unfold-all" }));
}

function replayBar(scene) {
  const last = scene.frames.length - 1;
  return el("div", { class: "replay", role: "group", "aria-label": "replay of the search" },
    button("▶", play, { id: "play", "aria-label": "play or stop" }),
    button("‹", () => goTo(scene.frame - 1), { id: "back", "aria-label": "one rollout back" }),
    el("input", { type: "range", id: "slider", min: 0, max: last, value: last, "aria-label": "rollout", on: { input: (event) => goTo(Number(event.target.value)) } }),
    button("›", () => goTo(scene.frame + 1), { id: "forward", "aria-label": "one rollout on" }),
    el("span", { id: "moment", class: "muted", role: "status" }));
}

function setMetric(name) {
  shown.scene.metric = name;
  byId("metric").value = name;
  fill(byId("legend"), legend(shown.scene.tree, name));
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
  byId("moment").textContent = `${what} · ${whole(frame.size)} of ${whole(scene.tree.size)} nodes`;
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

// What hovers: the figures at a glance.
function showTip(node, event) {
  const tip = byId("tip");
  tip.hidden = node === null;
  if (node === null) return;
  const { tree, moment } = shown.scene;
  const end = MARKS[tree.ends[node]];
  fill(tip,
    el("div", { class: "tip-text" }, visible((node ? tree.text[node] : tree.prompt).slice(0, 600))),
    el("div", { class: "muted" }, `#${node} · N ${whole(moment.visits[node])} · Q ${signed(moment.q(node))}`
      + (tree.score[node] === null ? "" : ` · PPM ${signed(tree.score[node])}`) + (end.word ? ` · ${end.mark} ${end.word}` : "")));
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${event.clientY + 20 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 20}px`;
}
