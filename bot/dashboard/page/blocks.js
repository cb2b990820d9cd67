// Blocks of a section: text, tables and charts.

import { chart } from "./chart.js";
import { element, redraw } from "./dom.js";
import { language } from "./language.js";
import { inline, markdown } from "./markdown.js";

const NAMES = new Map(); // people and channels are not named here
const number = (value) => value.toLocaleString(language, { maximumFractionDigits: 4 });

// A table. On narrow screens its rows become lists, so the roles are said: without table layout, browsers drop them.
export function table({ title, headings, rows, empty }) {
  if (!rows.length) return markdown(empty, NAMES);
  const cell = (value, index) => element("td", { role: "cell", "data-label": headings[index], className: typeof value === "number" && "number" },
    ...(typeof value === "number" ? [number(value)] : inline(value ?? "", NAMES)));
  return element("table", { role: "table" },
    element("caption", {}, title),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
      ...headings.map((heading) => element("th", { role: "columnheader", scope: "col" }, heading)))),
    element("tbody", { role: "rowgroup" }, ...rows.map((row) => element("tr", { role: "row" }, ...row.map(cell)))));
}

function block(each) {
  if (each.block === "text") return markdown(each.text, NAMES);
  if (each.block === "table") return table(each);
  return chart(each);
}

export const make = (blocks) => blocks.map(block);

export function draw(content, blocks) {
  redraw(content, blocks, () => make(blocks));
}
