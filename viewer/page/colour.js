// What nodes can be coloured by, and the scales: the stops of viewer/colours.py, which the terminal uses too.

// Each: what it is of a node at a moment of the replay (null: it has none), and the ends of its scale.
const METRICS = {
  q: { label: "Q", kind: "diverging", of: (tree, n, at) => at.q(n), ends: () => [-1, 1], show: signed },
  visits: { label: "visits N", kind: "log", of: (tree, n, at) => at.visits[n], ends: (t) => [0, t.most.visits], show: whole },
  ppm: { label: "PPM", kind: "diverging", of: (tree, n) => tree.score[n], ends: () => [-1, 1], show: signed },
  prior: { label: "prior", kind: "sequential", of: (tree, n) => tree.prior[n], ends: () => [0, 1], show: plain },
  gap: {
    label: "PPM − Q", kind: "diverging", ends: () => [-2, 2], show: signed,
    of: (tree, n, at) => (tree.score[n] === null || at.q(n) === null ? null : tree.score[n] - at.q(n)),
  },
  criticality: {
    label: "criticality", kind: "diverging", of: (tree, n) => tree.criticality[n], ends: () => [-2, 2], show: signed,
  },
  tokens: {
    label: "tokens", kind: "sequential", of: (tree, n) => (n ? tree.logprobs[n].length : null),
    ends: (tree) => [0, tree.most.tokens], show: whole,
  },
};

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// The colour at a place of a scale, mixed as viewer.colours.mix does.
function mix(stops, value) {
  const at = Math.max(1, stops.findIndex(([place]) => value <= place));
  const [[low, first], [high, last]] = [stops[at - 1], stops[at]];
  const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
  const [a, b] = [channels(first), channels(last)];
  return `rgb(${a.map((channel, i) => Math.round(channel + (b[i] - channel) * share)).join(",")})`;
}

const STEPS = 64;
const tables = {};
const stopsOf = (kind) => head.scales[kind === "diverging" ? "diverging" : "sequential"];

// A scale as a table: drawing asks for thousands of colours.
function table(kind) {
  const stops = stopsOf(kind);
  const [low, high] = [stops[0][0], stops.at(-1)[0]];
  return (tables[kind] ??= Array.from({ length: STEPS + 1 }, (_, i) => mix(stops, low + ((high - low) * i) / STEPS)));
}

function shareOf(metric, value, [low, high]) {
  if (metric.kind === "log") return high ? Math.log1p(value) / Math.log1p(high) : 0;
  return high > low ? (value - low) / (high - low) : 0;
}

// node -> colour, null where the node has no value.
function colouring(tree, name, at) {
  const metric = METRICS[name];
  const ends = metric.ends(tree);
  const colours = table(metric.kind);
  return (node) => {
    const value = metric.of(tree, node, at);
    if (value === null || value === undefined) return null;
    return colours[Math.round(STEPS * Math.min(Math.max(shareOf(metric, value, ends), 0), 1))];
  };
}

// The scale of what a scene is coloured by, or that no step has a value.
function legend({ tree, metric: name, moment }) {
  const metric = METRICS[name];
  const hasValue = (n) => ![null, undefined].includes(metric.of(tree, n, moment));
  if (!Array.from(tree.parent.keys()).some(hasValue)) return el("span", { class: "legend" }, `no step has a value: ${metric.label}`);
  const [low, high] = metric.ends(tree);
  const ramp = stopsOf(metric.kind).map(([, colour]) => colour);
  return el("span", { class: "legend", role: "img", "aria-label": `colours from ${metric.show(low)} to ${metric.show(high)}` },
    el("span", {}, metric.show(low)),
    el("span", { class: "ramp", style: { background: `linear-gradient(90deg, ${ramp.join(",")})` } }),
    el("span", {}, metric.show(high), metric.kind === "log" ? " (log)" : ""));
}

// The picture of a tree in the list: four digits of base 64 a node (viewer/overview.py).
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

function drawPicture(canvas, text) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [92, 38];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const nodes = [];
  for (let at = 0; at < text.length; at += 4) nodes.push([0, 1, 2, 3].map((i) => DIGITS.indexOf(text[at + i])));
  const deepest = Math.max(1, ...nodes.map((node) => node[0]));
  const lowest = Math.max(...nodes.map((node) => node[1]));
  const x = (node) => 4 + ((width - 8) * node[0]) / deepest;
  const y = (node) => (lowest ? 4 + ((height - 8) * node[1]) / lowest : height / 2);
  const colours = table("diverging");
  pen.lineWidth = 1.4;
  nodes.forEach((node, at) => {
    if (!at) return;
    const above = nodes[node[3]];
    pen.strokeStyle = colours[Math.round((STEPS * node[2]) / 62)];
    pen.beginPath();
    pen.moveTo(x(above), y(above));
    pen.lineTo(x(node), y(node));
    pen.stroke();
  });
  for (const node of nodes) {
    pen.fillStyle = colours[Math.round((STEPS * node[2]) / 62)];
    pen.beginPath();
    pen.arc(x(node), y(node), 2, 0, 7);
    pen.fill();
  }
}
