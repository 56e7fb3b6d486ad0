// Elements. Everything a model wrote reaches the page through here, and only as text.

const byId = (id) => document.getElementById(id);

// An element with attributes, listeners (`on`), styles (`style`) and children: elements, or strings, which become text.
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  dress(node, props);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, props = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(node, props);
  node.append(...children.flat());
  return node;
}

function dress(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === "style") for (const [key, entry] of Object.entries(value)) node.style.setProperty(key, entry);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

const fill = (node, ...children) => node.replaceChildren(...children.flat().filter((child) => child !== null));

const button = (label, run, props = {}) => el("button", { type: "button", on: { click: run }, ...props }, label);

// Control, format, private and lone surrogate characters as escapes, so that no text can hide or turn round another.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escapeOf(char) {
  const code = char.codePointAt(0);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

// As it is read on several lines: newlines and tabs stay.
const visible = (text) => text.replace(HIDDEN, (char) => (char === "\n" || char === "\t" ? char : escapeOf(char)));

// At most so many characters from the start, without half an emoji at the end.
const startOf = (text, most) => (text.length > most ? text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "") : text);

// Letters as a reader counts them: an emoji or a letter with its accents is one.
const segmenter = new Intl.Segmenter();
const lettersOf = (text) => Array.from(segmenter.segment(text), (part) => part.segment);

// A letter keeps two accents where more would run into the lines above and below.
const lowMarks = (text) => text.replace(/(\p{M}{2})\p{M}+/gu, "$1");

// On one line: newlines are shown as ⏎, those at the end left out.
const oneLine = (text) => visible(text.replace(/\s+$/u, "")).replace(/\n/g, " ⏎ ").replace(/\t/g, " ");

const signed = (value, digits = 2) =>
  value === null || value === undefined ? "–" : (value < 0 && Number(value.toFixed(digits)) !== 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

const plain = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

const percent = (share) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)}\u00a0%`);

const whole = (count) => (count === null || count === undefined ? "–" : count.toLocaleString("en-GB"));

// What stands for the end of a path: a letter of the file, its mark, its word, and a style.
const MARKS = {
  c: { mark: "✓", word: "correct", tone: "right" },
  w: { mark: "✗", word: "wrong", tone: "wrong" },
  u: { mark: "?", word: "unverifiable", tone: "unsure" },
  e: { mark: "!", word: "verifier error", tone: "unsure" },
  f: { mark: "◦", word: "ended, not judged", tone: "unsure" },
  d: { mark: "∅", word: "dead end", tone: "unsure" },
  ".": { mark: "", word: "", tone: "" },
};
