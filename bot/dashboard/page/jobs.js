// Jobs: a card for each, with its progress and what may be done with it.

import { element, redraw } from "./dom.js";
import { language, t } from "./language.js";
import { markdown } from "./markdown.js";
import { act, confirmed } from "./server.js";

const NAMES = new Map(); // people and channels are not named here
const NONE = t("There is no job yet. In Discord, /build-dataset and /finetune order them.");

function button(job, { change, label, name, question }) {
  const press = async () => {
    if (await confirmed(question, label)) await act(`/jobs/${job.id}/${change}`);
  };
  const style = change === "cancel" ? "button danger" : "button";
  return element("button", { type: "button", className: style, ariaLabel: name, onclick: press }, label);
}

function card(job) {
  const at = job.at && new Date(job.at * 1000);
  return element("li", { className: "card", "data-job": String(job.id) },
    element("h3", {}, job.title),
    at && element("time", { className: "soft", dateTime: at.toISOString() }, at.toLocaleString(language)),
    markdown(job.progress, NAMES),
    job.note && element("p", { className: "note" }, job.note),
    job.actions.length > 0 && element("div", { className: "row" }, ...job.actions.map((action) => button(job, action))));
}

export function showJobs(content, jobs) {
  redraw(content, jobs, () => [
    jobs.length ? element("ul", { className: "cards" }, ...jobs.map(card)) : element("p", {}, NONE),
  ]);
}
