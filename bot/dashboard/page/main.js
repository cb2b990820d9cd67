// The page: one section at a time, named by the address. Jobs arrive by a socket, the other sections are asked for.

import { draw, make } from "./blocks.js";
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

// The doctor starts a process and reads the whole database, so it looks only when somebody asks it to.
async function showHealth() {
  const { blocks } = await load("/sections/health");
  if (section() !== "health") return;
  const look = element("button", { type: "button", className: "button", onclick: async () => {
    look.disabled = true;
    look.textContent = t("looking …");
    await showHealth();
    if (document.activeElement === document.body) $("content").querySelector("button")?.focus();
  } }, t("Look again"));
  $("content").replaceChildren(element("div", { className: "row look" }, look), ...make(blocks ?? []));
}

function show(name) {
  if (name === "jobs") return jobs && showJobs($("content"), jobs);
  if (name === "datasets") return showDatasets($("content"), () => section() === name);
  if (name === "health") return showHealth();
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
  if (!document.hidden && !["jobs", "datasets", "health"].includes(section())) showBlocks(section());
}, REFRESH);
follow((state) => {
  jobs = state.jobs;
  if (section() === "jobs") showJobs($("content"), jobs);
});
enter();
