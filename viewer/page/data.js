// Where the data comes from: packed elements of this file, or the server that served it. Nothing else is ever asked.

const head = JSON.parse(byId("head").textContent);
let lines = []; // a line per tree, in the order of the files
let allRead = false; // a server still finds lines while the page is open
let asked = 0; // counts what was asked for: what comes after something newer was asked for is not shown
const kept = new Map(); // trees read lately, by number
const MOST_KEPT = 24;

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `the server answered ${answer.status}`);
  return body;
}

// Columns as a list of objects.
function fromColumns(columns) {
  const names = Object.keys(columns);
  return (columns[names[0]] ?? []).map((_, at) => Object.fromEntries(names.map((name) => [name, columns[name][at]])));
}

async function loadLines(onMore) {
  if (!head.served) {
    lines = fromColumns(await unpack(byId("lines").textContent));
    lines.forEach((line, number) => (line.number = number));
    allRead = true;
    return;
  }
  for (;;) {
    const more = await ask(`lines?from=${lines.length}`);
    for (const line of fromColumns(more.lines)) lines.push({ ...line, number: lines.length });
    if (more.error) notice(more.error);
    allRead = more.done;
    onMore();
    if (allRead) return;
    await new Promise((resume) => setTimeout(resume, more.lines.id.length ? 0 : 250));
  }
}

const parts = new Map();

async function dataOf(number) {
  if (head.served) return ask(`tree?number=${number}`);
  const { part, at } = lines[number];
  if (!parts.has(part)) {
    parts.clear(); // one unpacked part at a time
    parts.set(part, await unpack(byId(`part-${part}`).textContent));
  }
  return parts.get(part)[at];
}

async function loadTree(number) {
  if (!kept.has(number)) {
    kept.set(number, readTree(await dataOf(number), number));
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(number);
}

let critical = null;

async function loadCritical() {
  critical ??= fromColumns(await (head.served ? ask("critical") : unpack(byId("critical").textContent)));
  return critical;
}
