// The steps at which the chance of a correct end moves most, over the whole run.

const MOST_OTHERS = 50;

async function openCritical() {
  const view = byId("view-critical");
  const rows = await loadCritical();
  const hasLabels = rows.some((row) => row.right || row.wrong);
  const titles = ["", "step", "criticality", "N", ...(hasLabels ? ["oracle"] : []), "how many", "spread", "problem", partName()];
  const steps = rows.reduce((sum, row) => sum + 1 + row.others.length, 0);
  fill(view,
    el("h2", {}, "Most critical steps"),
    el("p", { class: "muted measure" }, "Criticality is Q of a step minus Q of what came before it: how far the chance of a correct end moves at it. Spread is how far its siblings lie apart."),
    el("p", { class: "muted measure" }, "Ranked by criticality × N / (N + 4), its sign left out, so that a step of two visits does not lead for its luck alone. "
      + `Of the ${whole(steps)} steps here, those of one text that move Q the same way share a row: the first of them, and how many they are.`),
    rows.length ? el("div", { class: "scroll" }, el("table", { class: "facts ranked" },
      el("thead", {}, el("tr", {}, titles.map((title) => el("th", {}, title)))),
      el("tbody", {}, rows.map((row, at) => criticalRow(row, at, hasLabels))))) : el("p", { class: "muted empty" }, "no step was visited twice"));
}

function criticalRow(row, at, hasLabels) {
  const line = lines[row.number];
  const tally = [[row.right, "right", "✓"], [row.wrong, "wrong", "✗"]].filter(([count]) => count);
  return el("tr", {},
    el("td", {}, String(at + 1)),
    el("td", { class: "step" }, el("a", { href: `#/tree/${row.number}/${row.node}` }, oneLine(row.text) || "(empty)")),
    el("td", { class: row.criticality < 0 ? "wrong" : "right" }, `${row.criticality < 0 ? "▼" : "▲"} ${signed(row.criticality)}`),
    el("td", {}, whole(row.visits)),
    hasLabels ? el("td", { title: "by the task's oracle" }, tally.map(([count, tone, mark]) => el("span", { class: `tally ${tone}` }, `${mark} ${whole(count)}`))) : null,
    el("td", {}, row.others.length ? othersOf(row) : "1"),
    el("td", {}, plain(row.spread)),
    el("td", {}, oneLine(line?.id ?? "")),
    el("td", {}, line ? roundName(line.run, line.round) : ""));
}

// The other steps of a row's text, listed when they are asked for.
function othersOf({ others }) {
  const rest = others.length - MOST_OTHERS;
  return el("details", {}, el("summary", {}, whole(1 + others.length)),
    el("ul", { class: "others" }, others.slice(0, MOST_OTHERS).map(([number, node, criticality, visits]) =>
      el("li", {}, el("a", { href: `#/tree/${number}/${node}` }, oneLine(lines[number]?.id ?? `tree ${number}`)), el("span", { class: "muted" }, ` ${signed(criticality)}, N ${whole(visits)}`))),
    rest > 0 ? el("li", { class: "muted" }, `and ${whole(rest)} more`) : null));
}
