// The controls of a tree: colours, pairs, filters, folds and search above it, places on it, the replay below it.

function toolbar(scene) {
  const { tree } = scene;
  const colours = Object.entries(METRICS).map(([name, metric]) => el("option", { value: name, selected: name === scene.metric }, metric.label));
  const kinds = [["off", "off"], ["kept", "kept"], ["all", "all"]].map(([value, label]) => el("option", { value }, label));
  const hasPairs = tree.pairs.some((pair) => pair.chosen !== null);
  const none = hasPairs ? "all: those that a rule left out too" : "this tree gave no pairs";
  return el("div", { class: "tools" },
    el("label", {}, "Colour ", el("select", { id: "metric", on: { change: (event) => setMetric(event.target.value) } }, colours)),
    el("span", { id: "legend" }, legend(scene)),
    el("label", { title: none }, "Pairs ", el("select", { id: "show-pairs", disabled: !hasPairs, on: { change: (event) => { scene.pairs = event.target.value; shown.surface.draw(); } } }, kinds)),
    el("button", { type: "button", id: "filters-open", popovertarget: "filters" }, "Filters"), filters(scene),
    button("Fold all", () => foldAll(false), { id: "fold-all" }), button("Unfold all", () => foldAll(true), { id: "unfold-all" }),
    el("span", { class: "grow" }),
    el("span", { class: "muted", id: "matches", role: "status" }),
    el("input", { type: "search", id: "find-step", placeholder: "find in steps", "aria-label": "find in steps",
      on: { input: (event) => findText(event.target.value), keydown: (event) => { if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1); } } }));
}

// What is drawn at all; opens below its button.
function filters({ tree, filter, widthByVisits }) {
  const check = (label, id, checked, set) => el("label", {}, el("input", { type: "checkbox", id, checked, on: { change: (event) => setFilter(() => set(event.target.checked)) } }), label);
  const number = (label, id, name, most) => el("label", {}, label, el("input", { type: "number", id, min: 0, max: most, value: filter[name],
    on: { input: (event) => setFilter(() => (filter[name] = Math.max(0, Number(event.target.value) || 0))) } }));
  return el("div", { id: "filters", popover: "auto", role: "group", "aria-label": "filters", on: { toggle: placeFilters } },
    check("only steps to a correct end", "only-right", filter.right, (isOn) => (filter.right = isOn)),
    check("only steps in pairs", "only-paired", filter.paired, (isOn) => (filter.paired = isOn)),
    number("depth at most", "max-depth", "depth", tree.most.depth), number("visits at least", "min-visits", "visits", tree.most.visits),
    check("edges as wide as visits", "width", widthByVisits, (isOn) => (shown.scene.widthByVisits = isOn)));
}

function placeFilters(event) {
  const box = byId("filters-open").getBoundingClientRect();
  event.target.style.left = `${Math.max(8, Math.min(box.left, innerWidth - event.target.offsetWidth - 8))}px`;
  event.target.style.top = `${box.bottom + 4}px`;
}

function setFilter(apply) {
  const { scene, surface } = shown;
  apply();
  scene.layOut();
  const { right, paired, depth, visits } = scene.filter;
  const active = [right, paired, depth < scene.tree.most.depth, visits > 0].filter(Boolean).length;
  byId("filters-open").textContent = active ? `Filters · ${active}` : "Filters";
  press(byId("filters-open"), active > 0);
  tellPlace();
  surface.draw();
}

// In a corner of the canvas: how much of the tree is on show, and the zoom.
function placeBar() {
  return el("div", { class: "over" },
    el("span", { class: "muted", id: "place", role: "status" }),
    button("Fit", () => shown.surface.fit(), { id: "fit", title: "the whole tree (f)" }),
    button("−", () => shown.surface.zoomBy(1 / 1.25), { id: "zoom-out", "aria-label": "zoom out" }),
    button("+", () => shown.surface.zoomBy(1.25), { id: "zoom-in", "aria-label": "zoom in" }));
}

function replayBar(scene) {
  const last = scene.frames.length - 1;
  const disabled = last === 0;
  return el("div", { class: "replay", role: "group", "aria-label": "replay of the search" },
    button("▶", play, { id: "play", "aria-label": "play or stop", disabled }),
    button("‹", () => goTo(scene.frame - 1), { id: "back", "aria-label": "one rollout back", disabled }),
    el("input", { type: "range", id: "slider", min: 0, max: last, value: last, "aria-label": "rollout", disabled, on: { input: (event) => goTo(Number(event.target.value)) } }),
    button("›", () => goTo(scene.frame + 1), { id: "forward", "aria-label": "one rollout on", disabled }),
    el("span", { id: "moment", class: "muted", role: "status" }));
}
