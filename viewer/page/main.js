// Which view is open, by the part of the address behind #; the theme; and what goes wrong.

const VIEWS = ["overview", "tree", "critical", "compare"];
const THEMES = ["auto", "light", "dark"];

function notice(text) {
  byId("notice").textContent = text ? visible(text) : "";
}

async function route() {
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
  await loadLines(() => { showList(); refreshOnce(); });
  showList();
  addEventListener("hashchange", route);
  await route();
  document.documentElement.dataset.ready = "1";
}

// A served page shows what is asked for as soon as its line is there.
let isRouted = false;
function refreshOnce() {
  if (isRouted || !lines.length) return;
  isRouted = true;
  route();
}

begin().catch((error) => notice(`this page cannot be read here: ${error.message}`));
