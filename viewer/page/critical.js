// The steps at which the chance of a correct end moves most, over the whole run.

async function openCritical() {
  const view = byId("view-critical");
  const rows = await loadCritical();
  fill(view,
    el("h2", {}, "Most critical steps"),
    el("p", { class: "muted" }, "Criticality is Q of a step minus Q of what came before it: how far the chance of a correct end moves at it. Spread is how far its siblings lie apart."),
    rows.length ? el("div", { class: "scroll" }, el("table", { class: "facts ranked" },
      el("thead", {}, el("tr", {}, ["", "criticality", "spread", "visits", "step", "problem", "round"].map((title) => el("th", {}, title)))),
      el("tbody", {}, rows.map(criticalRow)))) : el("p", { class: "muted empty" }, "no step was visited"));
}

function criticalRow(row, at) {
  const line = lines[row.number];
  return el("tr", {},
    el("td", {}, String(at + 1)),
    el("td", { class: row.criticality < 0 ? "wrong" : "right" }, `${row.criticality < 0 ? "▼" : "▲"} ${signed(row.criticality)}`),
    el("td", {}, plain(row.spread)), el("td", {}, whole(row.visits)),
    el("td", { class: "step" }, el("a", { href: `#/tree/${row.number}/${row.node}` }, oneLine(row.text) || "(empty)")),
    el("td", {}, oneLine(line?.id ?? "")),
    el("td", {}, line ? roundName(line.run, line.round) : ""));
}
