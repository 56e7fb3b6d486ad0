// The keyboard. Everything that the mouse can do has a key.

const KEYS = [
  ["← → ↑ ↓", "to the parent, the most visited child, the neighbours"], ["Space, Enter", "fold or unfold"], ["b", "along the best path"],
  ["[ ]", "one rollout back, on"], ["p", "play or stop the replay"], ["c", "next colour"], ["f", "fit the tree into view"], ["+ −", "zoom"],
  ["x", "fold or unfold everything"], ["/", "search"], ["n N", "next match, the one before"], ["e", "next first error"], ["1 2 3", "step, path, pairs"],
  ["o", "overview"], ["j k", "next tree, the one before"], ["t", "light, dark, as the system"], ["?", "this list"],
];

function buildHelp() {
  fill(byId("help"), el("h2", { id: "help-title" }, "Keys"),
    el("dl", { class: "keys" }, KEYS.map(([key, what]) => [el("dt", {}, key), el("dd", {}, what)]).flat()),
    el("p", { class: "muted" }, "Drag to pan, Ctrl and wheel (or pinch) to zoom, click a step to read it, double-click to fold it. Colour: orange is bad, blue is good; "
      + "✓ correct, ✗ wrong, ? unverifiable, ! verifier error, ∅ dead end, ▲ first wrong step by the task's oracle. A bold outline is the best path."),
    el("form", { method: "dialog" }, el("button", { id: "help-close" }, "Close")));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
}

const treeKeys = {
  ArrowLeft: () => move("parent"), ArrowRight: () => move("child"), ArrowUp: () => move("before"), ArrowDown: () => move("next"),
  " ": () => shown.surface.fold(shown.scene.selected), Enter: () => shown.surface.fold(shown.scene.selected),
  b: () => alongBest(), "[": () => goTo(shown.scene.frame - 1), "]": () => goTo(shown.scene.frame + 1), p: () => play(), f: () => shown.surface.fit(),
  c: () => setMetric(Object.keys(METRICS)[(Object.keys(METRICS).indexOf(shown.scene.metric) + 1) % Object.keys(METRICS).length]),
  "+": () => shown.surface.zoomBy(1.25), "=": () => shown.surface.zoomBy(1.25), "-": () => shown.surface.zoomBy(1 / 1.25),
  x: () => foldAll(shown.scene.order.length < shown.scene.tree.size), n: () => nextMatch(1), N: () => nextMatch(-1), e: () => nextError(),
  1: () => showTab("step"), 2: () => showTab("path"), 3: () => showTab("pairs"),
  j: () => (location.hash = `#/tree/${Math.min(lines.length - 1, shown.scene.tree.number + 1)}`),
  k: () => (location.hash = `#/tree/${Math.max(0, shown.scene.tree.number - 1)}`),
};

function move(direction) {
  const { scene, surface } = shown;
  if (direction === "child" && scene.neighbour("child") === null && scene.tree.count[scene.selected]) surface.fold(scene.selected);
  const node = scene.neighbour(direction);
  if (node !== null) select(node);
}

function alongBest() {
  const { scene } = shown;
  const path = [0, ...scene.tree.best];
  const at = path.indexOf(scene.selected);
  select(path[at >= 0 && at + 1 < path.length ? at + 1 : 0]);
}

function nextError() {
  const { tree, selected } = shown.scene;
  const errors = Array.from(tree.firstErrors.keys()).filter((n) => tree.firstErrors[n]);
  if (errors.length) select(errors.find((n) => n > selected) ?? errors[0]);
}

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target.matches("input:not([type=checkbox], [type=range]), select, textarea");
    if (event.key === "Escape" && isWriting) event.target.blur();
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const isControl = event.target.matches("button, a, summary, input");
    const run = { "?": () => byId("help").showModal(), o: () => (location.hash = "#/"), t: nextTheme, "/": focusSearch }[event.key]
      ?? (shown && !byId("view-tree").hidden && !(isControl && [" ", "Enter"].includes(event.key)) && !(event.target.type === "range" && event.key.startsWith("Arrow")) ? treeKeys[event.key] : null);
    if (!run) return;
    event.preventDefault();
    run();
  });
}

function focusSearch() {
  document.querySelector("main:not([hidden]) input[type=search]")?.focus();
}
