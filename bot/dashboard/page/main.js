// The page: one section at a time, named by the address. Jobs arrive by a socket, the other sections are asked for.

import { draw } from "./blocks.js";
import { showDatasets } from "./datasets.js";
import { element } from "./dom.js";
import { showJobs } from "./jobs.js";
import { t } from "./language.js";
import { follow, load, refuse } from "./server.js";

// The token is in a cookie by now; the address bar need not show it.
history.replaceState(null, "", location.pathname + location.hash);

const $ = (id) => document.getElementById(id);
const REFRESH = 30_000; // milliseconds between two looks at a section that somebody looks at
const links = [...$("sections").querySelectorAll("a")];
let jobs = null;

const section = () => (links.some((link) => link.hash === location.hash) ? location.hash.slice(1) : "jobs");

async function showBlocks(name) {
  const { blocks } = await load(`/sections/${name}`);
  if (blocks && section() === name) draw($("content"), blocks);
}

function show(name) {
  if (name === "jobs") return jobs && showJobs($("content"), jobs);
  if (name === "datasets") return showDatasets($("content"), () => section() === name);
  return showBlocks(name);
}

function enter() {
  const name = section();
  for (const link of links) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("title").textContent = links.find((link) => link.hash === `#${name}`).textContent;
  document.title = `${$("title").textContent} · Herosmith dashboard`;
  $("content").replaceChildren(element("p", { className: "soft" }, t("loading …")));
  delete $("content").dataset.shown;
  refuse("");
  show(name);
}

window.addEventListener("hashchange", () => {
  enter();
  $("title").focus({ preventScroll: true });
  scrollTo(0, 0);
});
setInterval(() => {
  if (!document.hidden && !["jobs", "datasets"].includes(section())) showBlocks(section());
}, REFRESH);
follow((state) => {
  jobs = state.jobs;
  if (section() === "jobs") showJobs($("content"), jobs);
});
enter();
