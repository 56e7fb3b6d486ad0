// What is known about one step: its text and tokens, figures, verdict, pairs, and the path that leads to it.

function stepDetail(scene, n, goTo) {
  const { tree, moment } = scene;
  return [
    el("div", { class: "trail" }, [0, ...pathTo(tree, n)].map((node) => button(node ? String(node) : "root", () => goTo(node),
      { class: "crumb", "aria-current": node === n ? "true" : null, title: oneLine(startOf(node ? tree.text[node] : tree.prompt, 200)) }))),
    el("h2", {}, n ? `Step ${tree.depth[n]}, node ${n} ` : "Problem ", endBadge(tree, n),
      tree.firstErrors[n] ? el("span", { class: "badge warn" }, "▲ first error") : null),
    n ? tokenText(tree, n) : el("pre", { class: "text" }, visible(tree.prompt)),
    n ? null : el("p", {}, el("span", { class: "muted" }, "answer "), el("code", {}, visible(tree.answer) || "–")),
    figures(tree, n, moment),
    tree.observation[n] ? [el("h3", {}, "What the code printed"), el("pre", { class: "text output" }, visible(tree.observation[n]))] : null,
    verdict(tree, n),
    judgements(tree, n),
  ].flat().filter(Boolean);
}

function endBadge(tree, n) {
  const end = MARKS[tree.ends[n]];
  return end.word ? el("span", { class: `badge ${end.tone}` }, `${end.mark} ${end.word}`) : null;
}

function figures(tree, n, moment) {
  const q = moment.q(n);
  const logprobs = tree.logprobs[n];
  const mean = logprobs.length ? logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length / 1000 : null;
  const rows = [
    ["N", whole(moment.visits[n]), "visits: values backed up through the step"],
    ["Q", signed(q, 4), "mean value in [−1, 1]"],
    ["PPM", signed(tree.score[n], 4), "score of the process preference model"],
    ["PPM − Q", tree.score[n] === null || q === null ? "–" : signed(tree.score[n] - q, 4), "disagreement"],
    ["prior", plain(tree.prior[n], 4), "share of the parent's candidates that were this step"],
    ["criticality", signed(tree.criticality[n], 4), "Q of the step minus Q of what came before it"],
    ["spread", plain(tree.spread[n], 4), "how far its siblings lie apart"],
    ["tokens", whole(logprobs.length), "as they were sampled"],
    ["mean log-prob", signed(mean, 3), "nats per token"],
  ];
  return el("dl", { class: "figures" }, rows.map(([name, value, title]) =>
    el("div", { title }, el("dt", {}, name), el("dd", { "data-figure": name }, value))));
}

const heat = (milli) => Math.min(1, Math.max(0, -milli / 5000)); // 0 nats: nothing; 5 nats and more: full

const MOST_BARS = 90;

// The least likely token of each stretch of a long step; every token of a short one.
function bars(logprobs) {
  const wide = Math.ceil(logprobs.length / MOST_BARS);
  return Array.from({ length: Math.ceil(logprobs.length / wide) }, (_, at) => Math.min(...logprobs.slice(at * wide, (at + 1) * wide)));
}

// The step with its tokens shaded by how unlikely they were.
function tokenText(tree, n) {
  const [logprobs, lengths, text] = [tree.logprobs[n], tree.lengths[n], tree.text[n]];
  const shade = (milli) => ({ "--heat": `${Math.round(70 * heat(milli))}%` });
  const strip = () => el("div", { class: "strip", role: "img", "aria-label": "log-probability of each token" }, bars(logprobs).map((milli) =>
    el("span", { title: `${(milli / 1000).toFixed(3)} nats`, style: { "--high": `${Math.max(4, 100 * heat(milli))}%` } })));
  if (!logprobs.length) return el("pre", { class: "text" }, visible(text) || "(empty)");
  if (!lengths) return el("div", {}, el("pre", { class: "text" }, visible(text) || "(empty)"), strip());
  const spans = [];
  let at = 0;
  logprobs.forEach((milli, index) => {
    const piece = text.slice(at, at + lengths[index]);
    at += lengths[index];
    const shown = piece === "" ? "‹›" : visible(piece).replace(/\n/g, "⏎\n");
    spans.push(el("span", { class: piece === "" ? "token end" : "token", title: `${(milli / 1000).toFixed(3)} nats`, style: shade(milli) }, shown));
  });
  return el("div", {}, el("pre", { class: "text tokens" }, spans), strip(),
    el("p", { class: "muted small" }, "shade: how unlikely the token was, from 0 to 5 nats and more; ‹› has no characters of its own"));
}

function verdict(tree, n) {
  if (tree.reward[n] === undefined) return null;
  const parts = tree.parts[n] ? Object.entries(JSON.parse(tree.parts[n])) : [];
  return [
    el("h3", {}, "Verdict"),
    el("table", { class: "facts" }, el("tbody", {},
      el("tr", {}, el("td", {}, MARKS[tree.ends[n]].word), el("td", { "data-figure": "reward" }, plain(tree.reward[n], 3))),
      parts.map(([name, value]) => el("tr", {}, el("td", {}, visible(name)), el("td", {}, visible(String(value))))))),
    tree.note[n] ? el("p", { class: "muted" }, visible(tree.note[n])) : null,
  ];
}

function judgements(tree, n) {
  const rows = Object.entries(tree.scores).filter(([, found]) => found[n] !== undefined).map(([name, found]) => [name, signed(found[n], 3)]);
  if (tree.labels[n] !== undefined) rows.unshift(["oracle", tree.labels[n] ? "right step" : "wrong step"]);
  if (!rows.length) return null;
  return [el("h3", {}, "What others say of it"),
    el("table", { class: "facts" }, el("tbody", {}, rows.map(([name, value]) => el("tr", {}, el("td", {}, visible(name)), el("td", {}, value)))))];
}

// The whole path with the labels side by side: the search's Q, the PPM, the oracle, other judges.
function pathDetail(scene, n, goTo) {
  const { tree, moment } = scene;
  const path = pathTo(tree, n);
  const judges = Object.keys(tree.scores);
  const hasLabels = Object.keys(tree.labels).length > 0;
  const label = (node) => (tree.labels[node] === undefined ? "–" : tree.labels[node] ? "✓" : "✗");
  const heads = ["", "step", "N", "Q", "PPM", ...(hasLabels ? ["oracle"] : []), ...judges];
  return [
    el("h2", {}, path.length ? `The path to node ${n}` : "The path is empty at the root"),
    el("pre", { class: "text" }, visible(tree.prompt)),
    el("div", { class: "scroll" }, el("table", { class: "facts path" },
      el("thead", {}, el("tr", {}, heads.map((title) => el("th", {}, visible(title))))),
      el("tbody", {}, path.map((node) => el("tr", { class: tree.firstErrors[node] ? "first-error" : null },
        el("td", {}, button(String(node), () => goTo(node), { class: "crumb" })),
        el("td", { class: "step" }, el("div", {}, visible(tree.text[node]) || "(empty)"), tree.firstErrors[node] ? el("span", { class: "badge warn" }, "▲ first error") : null),
        el("td", {}, whole(moment.visits[node])), el("td", {}, signed(moment.q(node))), el("td", {}, signed(tree.score[node])),
        hasLabels ? el("td", { class: tree.labels[node] ? "right" : tree.labels[node] === 0 ? "wrong" : "" }, label(node)) : null,
        judges.map((name) => el("td", {}, signed(tree.scores[name][node])))))))),
    tree.observation[n] ? el("pre", { class: "text output" }, visible(tree.observation[n])) : null,
  ].filter(Boolean);
}
