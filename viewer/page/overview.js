// Every tree in a list of which only the rows in view exist.

const NARROW = matchMedia("(max-width: 860px)"); // as in style.css: each row is a card of three lines
const rowHeight = () => (NARROW.matches ? 84 : 56);
const list = { sort: "", down: true, text: "", status: "all", round: null, shown: [] };

const COLUMNS = [
  { name: "picture", label: "" },
  { name: "id", label: "problem", value: (line) => line.id, isText: true },
  { name: "round", get label() { return partName(); }, value: (line) => line.run * 1000 + line.round },
  { name: "solved", label: "solved", value: (line) => Number(line.solved) },
  { name: "best", label: "best path", value: (line) => line.best, isText: true },
  { name: "q", label: "Q", value: (line) => line.q },
  { name: "visits", label: "visits", value: (line) => line.visits },
  { name: "nodes", label: "nodes", value: (line) => line.nodes },
  { name: "right", label: "✓ / ✗ ends", value: (line) => line.right / Math.max(1, line.right + line.wrong) },
  { name: "pairs", label: "pairs", value: (line) => line.pairs ?? -1 },
  { name: "level", label: "level", value: (line) => line.level ?? -1 },
];

function buildOverview(view) {
  fill(view,
    el("section", { class: "rounds", "aria-label": `${partName()}s` }, head.runs.map(runCard)),
    el("section", { class: "tools", role: "search" },
      el("input", { type: "search", id: "find", placeholder: "find a problem: id or text", "aria-label": "find a problem", value: list.text,
        on: { input: (event) => { list.text = event.target.value; showList(); } } }),
      el("span", { class: "choice", role: "group", "aria-label": "which problems" },
        ["all", "solved", "unsolved", "held out"].map((name) => button(name, () => { list.status = name; showList(); }, { "data-status": name }))),
      el("span", { class: "choice", role: "group", "aria-label": partName() }, roundButtons()),
      el("span", { id: "count", role: "status", class: "muted" })),
    el("div", { class: "list", id: "list", tabindex: "0", role: "table", "aria-label": "trees" },
      el("div", { class: "line head", role: "row", "aria-rowindex": 1 }, COLUMNS.map(headCell)),
      el("div", { class: "rows", id: "rows", role: "rowgroup" })));
  byId("list").addEventListener("scroll", drawRows, { passive: true });
  new ResizeObserver(drawRows).observe(byId("list"));
  NARROW.addEventListener("change", showList);
  showList();
}

// A comparison has seeds where a run has rounds.
const partName = () => (head.runs.every((run) => run.part === "seed") ? "seed" : "round");

const roundName = (run, round) => (head.runs.length > 1 ? `${head.runs[run].name} · ${round}` : String(round));

const placeOf = ({ run, round }) => `${head.runs.length > 1 ? `${oneLine(head.runs[run].name)}, ` : ""}${partName()} ${round}`;

function roundButtons() {
  const places = head.runs.flatMap((run, at) => run.rounds.filter((row) => row.has_trees).map((row) => [at, row.round]));
  const all = button(`all ${partName()}s`, () => { list.round = null; showList(); }, { "data-round": "all" });
  return [all, ...places.map(([run, round]) =>
    button(roundName(run, round), () => { list.round = `${run}/${round}`; showList(); }, { "data-round": `${run}/${round}` }))];
}

function headCell(column) {
  if (!column.value) return el("span", { role: "columnheader", "aria-label": "picture" });
  const sort = () => {
    list.down = list.sort === column.name ? !list.down : !column.isText;
    list.sort = column.name;
    showList();
  };
  return el("span", { role: "columnheader", class: `col-${column.name}` }, button(column.label, sort, { "data-sort": column.name }));
}

function showList() {
  const wanted = list.text.trim().toLowerCase();
  const status = {
    all: () => true, solved: (line) => line.solved, unsolved: (line) => !line.solved, "held out": (line) => line.held_out,
  }[list.status];
  list.shown = lines.filter((line) => status(line) && (!list.round || list.round === `${line.run}/${line.round}`)
    && (!wanted || line.id.toLowerCase().includes(wanted) || line.prompt.toLowerCase().includes(wanted)));
  const column = COLUMNS.find((each) => each.name === list.sort);
  if (column) {
    const sign = list.down ? -1 : 1;
    const compare = (a, b) => (column.isText ? a.localeCompare(b, "en", { numeric: true }) : a - b);
    list.shown.sort((a, b) => sign * compare(column.value(a), column.value(b)) || a.number - b.number);
  }
  const solved = list.shown.filter((line) => line.solved).length;
  byId("list").setAttribute("aria-rowcount", String(1 + list.shown.length));
  byId("count").textContent = `${whole(list.shown.length)} of ${whole(lines.length)} trees, ${whole(solved)} solved${allRead ? "" : "; more are being read"}`;
  for (const each of document.querySelectorAll("[data-status]")) press(each, each.dataset.status === list.status);
  for (const each of document.querySelectorAll("[data-round]")) press(each, each.dataset.round === (list.round ?? "all"));
  for (const each of document.querySelectorAll("[data-sort]")) {
    const isOn = each.dataset.sort === list.sort;
    each.parentElement.setAttribute("aria-sort", isOn ? (list.down ? "descending" : "ascending") : "none");
  }
  byId("rows").style.height = `${Math.max(1, list.shown.length) * rowHeight()}px`;
  byId("rows").replaceChildren();
  drawRows();
}

const press = (node, isOn) => node.setAttribute("aria-pressed", String(isOn));

function drawRows() {
  const [box, rows] = [byId("list"), byId("rows")];
  if (!box || !box.clientHeight) return;
  const from = Math.max(0, Math.floor(box.scrollTop / rowHeight()) - 3);
  const to = Math.min(list.shown.length, Math.ceil((box.scrollTop + box.clientHeight) / rowHeight()) + 3);
  const known = new Map([...rows.children].map((row) => [row.dataset.at, row]));
  const wanted = [];
  for (let at = from; at < to; at++) {
    const key = `${at}`;
    wanted.push(known.get(key) ?? lineRow(list.shown[at], at));
  }
  if (!list.shown.length) wanted.push(el("p", { class: "muted empty" }, lines.length ? "nothing fits; clear the search or the filters" : allRead ? "no trees yet" : "reading the trees"));
  rows.replaceChildren(...wanted);
}

function lineRow(line, at) {
  const canvas = el("canvas", { class: "picture", "aria-hidden": "true" });
  drawPicture(canvas, line.picture);
  const end = MARKS[line.best];
  const label = (name) => COLUMNS.find((column) => column.name === name).label;
  const cell = (name, ...content) => el("span", { role: "cell", class: `col-${name}`, "data-label": label(name) }, content);
  return el("div", { class: "line", role: "row", "aria-rowindex": at + 2, "data-at": at, style: { top: `${at * rowHeight()}px` } },
    cell("picture", canvas),
    cell("id", el("a", { class: "whole", href: `#/tree/${line.number}` }, oneLine(line.id)), el("span", { class: "muted clip" }, oneLine(line.prompt))),
    cell("round", roundName(line.run, line.round), el("span", { class: "muted clip" }, line.source)),
    cell("solved", el("span", { class: line.solved ? "right" : "wrong" }, line.solved ? "✓ solved" : "✗ unsolved")),
    cell("best", el("span", { class: end.tone }, end.mark, " ", end.word || "open")),
    cell("q", signed(line.q)), cell("visits", whole(line.visits)), cell("nodes", whole(line.nodes)),
    cell("right", `${line.right} / ${line.wrong}`), cell("pairs", whole(line.pairs)),
    cell("level", line.level === null || line.level === undefined ? "–" : oneLine(String(line.level))));
}
