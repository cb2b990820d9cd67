// Charts as inline SVG, in the colours of the page. The words and numbers of each are beside it as text.

import { element } from "./dom.js";
import { language, t } from "./language.js";

const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
const MOST_LABELS = 6; // below the axis

function svg(tag, attributes = {}, ...children) {
  const created = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children.filter((child) => child !== null));
  return created;
}

const number = (value) => value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 3 : 0 });
const known = (values) => values.filter((value) => value !== null);

// Return ends and steps of an axis: round numbers that hold all values.
function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => span / each <= 4);
  const first = Math.floor(low / step) * step;
  const count = Math.max(1, Math.ceil((high - first) / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, at) => Number((first + at * step).toPrecision(12)));
}

function frame({ labels, level, axis }, values, from) {
  const all = [...values, ...(level ? [level.at] : [])];
  if (!all.length) all.push(0, 1);
  const [lowest, highest] = axis ?? [from ?? Math.min(...all), Math.max(...all)];
  const marks = ticks(lowest, highest);
  const [low, high] = [marks[0], marks.at(-1)];
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const slot = (WIDTH - LEFT - RIGHT) / Math.max(1, labels.length);
  const x = (at) => LEFT + slot * (at + 0.5);
  const every = Math.ceil(labels.length / MOST_LABELS);
  const axes = [
    ...marks.map((mark) => svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(mark), y2: y(mark) })),
    ...marks.map((mark) => svg("text", { class: "tick", x: LEFT - 8, y: y(mark) + 4, "text-anchor": "end" }, number(mark))),
    ...labels.map((label, at) => (at % every ? null
      : svg("text", { class: "tick", x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, label))).filter(Boolean),
  ];
  if (level) axes.push(svg("line", { class: "level", x1: LEFT, x2: WIDTH - RIGHT, y1: y(level.at), y2: y(level.at) }));
  return { x, y, slot, low, axes };
}

function drawLines(chart) {
  const { x, y, axes } = frame(chart, chart.series.flatMap(({ values }) => known(values)));
  const marks = chart.series.flatMap(({ values }, index) => {
    const points = values.map((value, at) => (value === null ? null : [x(at), y(value)])).filter(Boolean);
    return [
      svg("polyline", { class: `line series-${index}`, points: points.map((point) => point.join(",")).join(" ") }),
      ...(points.length > 40 ? [] : points.map(([cx, cy]) => svg("circle", { class: `dot series-${index}`, cx, cy, r: 3.5 }))),
    ];
  });
  return [...axes, ...marks];
}

function drawBars(chart) {
  const totals = chart.labels.map((_, at) => chart.series.reduce((sum, { values }) => sum + values[at], 0));
  const { x, y, slot, axes } = frame(chart, [...totals, Math.max(...totals) ? 0 : 1], 0);
  const width = Math.min(40, slot * 0.7);
  const marks = chart.labels.flatMap((_, at) => {
    let sum = 0;
    return chart.series.map(({ values }, index) => {
      const [bottom, top] = [y(sum), y(sum + values[at])];
      sum += values[at];
      return svg("rect", { class: `bar series-${index}`, x: x(at) - width / 2, y: top, width, height: bottom - top });
    });
  });
  return [...axes.filter((each) => !each.classList.contains("level")), ...marks, ...axes.filter((each) => each.classList.contains("level"))];
}

// A chart that has one value for several series is told apart by a legend, and by its table.
function legend({ series, level }) {
  const names = [...series.map(({ name }, index) => [name, `series-${index}`]), ...(level ? [[level.name, "level"]] : [])];
  return element("ul", { className: "legend" },
    ...names.map(([name, style]) => element("li", { className: style }, name)));
}

function numbers({ labels, series, across }) {
  const rows = labels.map((label, at) => element("tr", {}, element("th", { scope: "row" }, label),
    ...series.map(({ values }) => element("td", {}, values[at] === null ? "" : number(values[at])))));
  return element("details", {}, element("summary", {}, t("The numbers")),
    element("table", {},
      element("thead", {}, element("tr", {}, ...[across, ...series.map(({ name }) => name)]
        .map((heading) => element("th", { scope: "col" }, heading)))),
      element("tbody", {}, ...rows)));
}

export function chart(each) {
  const drawn = each.block === "bars" ? drawBars(each) : drawLines(each);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${each.title}. ${each.summary}` }, ...drawn);
  return element("figure", { className: "chart" },
    element("h3", {}, each.title), picture, legend(each),
    element("figcaption", {}, each.summary), numbers(each));
}
