// The rounds of a run: a table and a chart.

function runCard(run) {
  const facts = ["mode", "coverage", "greedy", "search", "pairs", "ppm_pair_accuracy"];
  const titles = ["round", "search mode", "solved", "policy alone", "with search", "pairs", "PPM on pairs"];
  const show = { mode: (mode, row) => (mode ? breakable(mode) : row.round ? "–" : "cold start"), pairs: whole };
  return el("article", { class: "run" },
    head.runs.length > 1 ? el("h2", {}, oneLine(run.name)) : null,
    run.note ? el("p", { class: "muted" }, run.note) : null,
    run.part === "seed" ? null : el("div", { class: "run-body" },
      el("div", { class: "scroll" }, el("table", { class: "facts" },
        el("thead", {}, el("tr", {}, titles.map((title) => el("th", {}, title)))),
        el("tbody", {}, run.rounds.map((row) => el("tr", {}, el("td", {}, String(row.round)),
          facts.map((name) => el("td", {}, (show[name] ?? percent)(row[name], row)))))))),
      run.rounds.filter((row) => ["coverage", "greedy", "search"].some((name) => Number.isFinite(row[name]))).length > 1 ? roundChart(run.rounds) : null));
}

// A name that may go on in the next line after each underscore.
const breakable = (name) => name.split("_").flatMap((part, at) => (at ? ["_", el("wbr"), part] : [part]));

// Shares by round: solved, the policy alone, with search.
function roundChart(rounds) {
  const [width, height, left, right, top, bottom] = [340, 150, 44, 92, 10, 22];
  const x = (at) => left + ((width - left - right) * at) / Math.max(1, rounds.length - 1);
  const y = (share) => top + (height - top - bottom) * (1 - share);
  const series = [["coverage", "solved", "s1"], ["greedy", "policy alone", "s2"], ["search", "with search", "s3"]];
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": "shares by round" });
  for (const tick of [0, 0.5, 1]) {
    chart.append(svg("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
      svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, `${100 * tick} %`));
  }
  rounds.forEach((row, at) => chart.append(svg("text", { x: x(at), y: height - 6, "text-anchor": "middle" }, String(row.round))));
  const taken = [];
  const ends = series.map(([name, label, style]) => {
    const points = rounds.map((row, at) => [x(at), row[name]]).filter(([, share]) => share !== null && share !== undefined).map(([px, share]) => [px, y(share)]);
    return { label, style, points };
  }).filter(({ points }) => points.length).sort((a, b) => a.points.at(-1)[1] - b.points.at(-1)[1]);
  for (const { label, style, points } of ends) {
    chart.append(svg("polyline", { points: points.map((point) => point.join(",")).join(" "), class: `curve ${style}` }));
    for (const [px, py] of points) chart.append(svg("circle", { cx: px, cy: py, r: 3, class: `dot ${style}` }));
    let place = points.at(-1)[1];
    while (taken.some((other) => Math.abs(other - place) < 13)) place += 1;
    taken.push(place);
    chart.append(svg("text", { x: width - right + 10, y: place + 4, class: `label ${style}` }, label));
  }
  return chart;
}
