// Discord's markdown as far as the bot uses it: block rules by line (quotes, lists, headings), then inline rules.

import { element } from "./dom.js";
import { language, t } from "./language.js";

const INLINE = [
  { pattern: /^[▰▱]{4,} ?/, make: ([bar]) => progressBar(bar) },
  { pattern: /^\\([^\p{L}\p{N}\s])/u, make: ([, sign]) => sign },
  { pattern: /^``([^]+?)``(?!`)/, make: ([, code]) => element("code", {}, code.trim()) },
  { pattern: /^`([^`]+)`/, make: ([, code]) => element("code", {}, code) },
  { pattern: /^\*\*\*([^]+?)\*\*\*/, make: ([, text], names) => element("strong", {}, element("em", {}, ...inline(text, names))) },
  { pattern: /^\*\*([^]+?)\*\*(?!\*)/, make: ([, text], names) => element("strong", {}, ...inline(text, names)) },
  { pattern: /^__([^]+?)__(?!_)/, make: ([, text], names) => element("u", {}, ...inline(text, names)) },
  { pattern: /^\*(?=\S)([^*]+?)\*(?!\*)/, make: ([, text], names) => element("em", {}, ...inline(text, names)) },
  { pattern: /^_(?=\S)([^_]+?)_(?![_\p{L}\p{N}])/u, make: ([, text], names) => element("em", {}, ...inline(text, names)) },
  { pattern: /^~~([^]+?)~~/, make: ([, text], names) => element("s", {}, ...inline(text, names)) },
  { pattern: /^\|\|([^]+?)\|\|/, make: ([, text], names) => spoiler(inline(text, names)) },
  { pattern: /^<@[!&]?(\d+)>/, make: ([, id], names) => element("span", { className: "mention" }, `@${names.get(id) ?? t("someone")}`) },
  { pattern: /^<#(\d+)>/, make: ([, id], names) => element("span", { className: "mention" }, `#${names.get(id) ?? t("channel")}`) },
  { pattern: /^<\/([^:>]+):\d+>/, make: ([, command]) => element("span", { className: "mention" }, `/${command}`) },
  { pattern: /^<t:(\d+)(?::([a-zA-Z]))?>/, make: ([, seconds, style]) => timestamp(Number(seconds), style) },
  { pattern: /^\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/, make: ([, text, url]) => link(url, text) },
  { pattern: /^<(https?:\/\/[^\s>]+)>/, make: ([, url]) => link(url, url) },
  { pattern: /^https?:\/\/[^\s<>]+[^\s<>.,:;"')\]]/, make: ([url]) => link(url, url) },
];

const LINES = [
  { pattern: /^(#{1,3}) +(.+)/, make: ([, signs, text], names) => element("p", { className: `heading h${signs.length}` }, ...inline(text, names)) },
  { pattern: /^-# +(.+)/, make: ([, text], names) => element("p", { className: "subtext" }, ...inline(text, names)) },
  { pattern: /^( *)[-*] +(.+)/, make: ([, indent, text], names) => element("p", { className: indent ? "item deep" : "item" }, ...inline(text, names)) },
  { pattern: /^( *)(\d+\.) +(.+)/, make: ([, , number, text], names) => element("p", { className: "item", "data-number": number }, ...inline(text, names)) },
];

// A link to a message of this channel shows it: there is no Discord to open.
const MESSAGE = /^https:\/\/discord\.com\/channels\/[^/]+\/\d+\/(\d+)$/;

export function link(url, text) {
  const id = MESSAGE.exec(url)?.[1];
  if (id) return element("button", { type: "button", className: "jump", onclick: () => showMessage(id) }, text);
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}

function showMessage(id) {
  const message = document.querySelector(`.message[data-id="${id}"]`);
  message?.scrollIntoView({ block: "center" });
  message?.animate({ background: ["var(--accent-soft)", "transparent"] }, 1500);
}

function spoiler(children) {
  const button = element("button", { type: "button", className: "spoiler", ariaLabel: t("Show what is hidden") }, ...children);
  button.addEventListener("click", () => button.classList.add("shown"));
  return button;
}

// A bar of signs, which a screen reader would read out one by one.
function progressBar(signs) {
  const share = Math.round((100 * (signs.match(/▰/g) ?? []).length) / signs.trim().length);
  const bar = element("span", { role: "progressbar", className: "progress", ariaLabel: t("Progress"), ariaValueNow: String(share),
    ariaValueMin: "0", ariaValueMax: "100", title: (share / 100).toLocaleString(language, { style: "percent" }) }, element("span"));
  bar.style.setProperty("--share", `${share}%`);
  return bar;
}

const STYLES = { // of a moment, by Discord's letters; R is relative
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]]; // in seconds

function timestamp(seconds, style = "f") {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return document.createTextNode(`<t:${seconds}>`); // out of a date's range
  const shown = style === "R" ? relative(seconds - Date.now() / 1000) : at.toLocaleString(language, STYLES[style] ?? STYLES.f);
  return element("time", { dateTime: at.toISOString(), title: at.toLocaleString(language, STYLES.F) }, shown);
}

// Return how far away a moment is, as of now: "in 3 hours".
function relative(seconds) {
  const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.round(seconds / length), unit);
}

// Return the nodes of a text: matches of the inline rules as elements, the rest as strings.
export function inline(text, names) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const rule = /[\\`*_~|<\[h▰▱]/.test(rest[0]) ? INLINE.find(({ pattern }) => pattern.test(rest)) : undefined;
    // an underscore within a word is not markup
    if (!rule || (rest[0] === "_" && /[\p{L}\p{N}]/u.test(text[at - 1] ?? ""))) {
      plain += rest[0];
      at += 1;
      continue;
    }
    if (plain) nodes.push(plain);
    plain = "";
    const match = rule.pattern.exec(rest);
    nodes.push(rule.make(match, names));
    at += match[0].length;
  }
  return plain ? [...nodes, plain] : nodes;
}

function paragraph(lines, names) {
  const nodes = [];
  let plain = [];
  const flush = () => {
    if (plain.length) nodes.push(element("p", {}, ...inline(plain.join("\n"), names)));
    plain = [];
  };
  for (const line of lines) {
    const rule = LINES.find(({ pattern }) => pattern.test(line));
    if (!rule) plain.push(line);
    else {
      flush();
      nodes.push(rule.make(rule.pattern.exec(line), names));
    }
  }
  flush();
  return nodes;
}

// Return markdown as an element. names: people and channels by id.
export function markdown(text, names) {
  const container = element("div", { className: "markdown" });
  const parts = text.split(/```(?:[a-z0-9+-]*\n)?([^]*?)```/i);
  parts.forEach((part, index) => {
    if (index % 2) return container.append(element("pre", {}, element("code", {}, part.replace(/\n$/, ""))));
    const lines = part.replace(/^\n|\n$/g, "").split("\n");
    for (let at = 0; at < lines.length; ) {
      const quoted = lines[at].startsWith("> ");
      const quotedToEnd = lines[at].startsWith(">>> ");
      let end = at + 1;
      while (end < lines.length && (quotedToEnd || lines[end].startsWith("> ") === quoted) && (quotedToEnd || !lines[end].startsWith(">>> "))) end += 1;
      const block = lines.slice(at, end);
      if (quotedToEnd) block[0] = block[0].slice(4);
      const inner = quoted ? block.map((line) => line.slice(2)) : block;
      const nodes = paragraph(inner, names);
      if (quoted || quotedToEnd) container.append(element("blockquote", {}, ...nodes));
      else if (inner.some((line) => line.trim())) container.append(...nodes);
      at = end;
    }
  });
  return container;
}
