// Which view is open, by the part of the address behind #; the theme; and what goes wrong.

const VIEWS = ["overview", "tree", "critical", "compare"];
const THEMES = ["auto", "light", "dark"];

function notice(text) {
  byId("notice").textContent = text ? visible(text) : "";
}

let routing = 0; // how many views are being opened

async function route() {
  routing++;
  try {
    await openView();
  } finally {
    routing--;
  }
}

async function openView() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const view = VIEWS.includes(name) ? name : "overview";
  const numbers = rest.map((part) => (/^\d+$/.test(part) ? Number(part) : null));
  for (const each of VIEWS) {
    byId(`view-${each}`).hidden = each !== view;
    const link = byId(`nav-${each}`);
    if (each === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("tip").hidden = true;
  notice("");
  try {
    if (view === "overview") drawRows();
    if (view === "tree") await openTree(numbers[0] ?? 0, numbers[1] ?? null);
    if (view === "critical") await openCritical();
    if (view === "compare") await openCompare(numbers[0], numbers[1]);
    if (view === "tree" && shown) byId("nav-tree").href = location.hash;
  } catch (error) {
    notice(`this could not be shown: ${error.message}`);
    throw error;
  }
}

function nextTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  byId("theme").textContent = `Theme: ${next}`;
  repaint();
}

// Canvases and the legend hold colours of their own.
function repaint() {
  byId("rows")?.replaceChildren();
  drawRows();
  if (shown) {
    fill(byId("legend"), legend(shown.scene));
    shown.surface.draw();
  }
  if (pair) for (const side of [pair.a, pair.b]) side.surface.draw();
}

async function begin() {
  byId("run-name").textContent = oneLine(head.title);
  buildHelp();
  listenToKeys();
  byId("theme").addEventListener("click", nextTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  buildOverview(byId("view-overview"));
  const showMore = () => { showList(); if (lines.length && !routing && isWaiting()) route(); };
  if (!location.hash && head.problem) history.replaceState(null, "", head.runs.length > 1 ? "#/compare" : "#/tree/0");
  addEventListener("hashchange", route);
  await loadLines(showMore);
  showList();
  if (isWaiting() || isOpen("critical")) await route();
  document.documentElement.dataset.ready = "1";
}

// A served page shows what is asked for as soon as its lines are there: until then nothing of it is open.
const isOpen = (view) => !byId(`view-${view}`).hidden;
const isWaiting = () => !VIEWS.some(isOpen) || (isOpen("tree") && !shown) || (isOpen("compare") && !pair);

begin().catch((error) => notice(`this page cannot be read here: ${error.message}`));
