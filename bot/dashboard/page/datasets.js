// Datasets: a browser of the texts, and under it the reports.

import { make } from "./blocks.js";
import { element } from "./dom.js";
import { t } from "./language.js";
import { act, load } from "./server.js";

const KEEP = t("Keep");
const REJECT = t("Reject");
const REVIEW_NOTE = t("Keep and Reject count from the next dataset on, as in a review.");

function menu(name, label, options, chosen) {
  if (!options) return null;
  return element("label", {}, label, element("select", { name },
    ...options.map(({ value, label: text }) => element("option", { value, selected: value === chosen }, text))));
}

function card(text, judge) {
  const button = (verdict, label) => element("button", { type: "button", className: "button",
    ariaLabel: `${label} (${text.example})`, ariaPressed: String(text.verdict === verdict),
    onclick: () => judge(text.example, verdict) }, label);
  return element("li", { className: "card" },
    element("p", { className: "soft" }, text.prompt),
    element("p", {}, text.text),
    text.worse && element("p", { className: "soft" }, text.worse),
    element("p", { className: "soft" }, text.facts),
    text.example !== null && element("div", { className: "row" }, button("keep", KEEP), button("reject", REJECT)));
}

class Browser {
  constructor(isShown) {
    this.isShown = isShown;
    this.list = element("div", { "aria-live": "polite" });
    this.form = element("form", { "aria-label": t("Filter"), onchange: () => this.show(0), onsubmit: (event) => event.preventDefault() });
    this.page = 0;
  }

  async show(page) {
    const query = new URLSearchParams([...new FormData(this.form)].filter(([, value]) => value));
    query.set("page", page);
    const found = await load(`/texts?${query}`);
    if (found.refused || !this.isShown()) return;
    if (!found.versions.length) return this.list.replaceChildren();
    const focused = document.activeElement?.name;
    this.page = page;
    this.form.replaceChildren(...[
      menu("version", t("Dataset"), found.versions, found.version),
      menu("source", t("Source"), found.sources, query.get("source") ?? ""),
      menu("reason", t("In the dataset, or why not"), found.reasons, query.get("reason") ?? ""),
      menu("score", t("Votes for it"), found.scores, query.get("score") ?? ""),
    ].filter(Boolean));
    if (focused) this.form.elements[focused]?.focus();
    this.draw(found);
  }

  draw(found) {
    const turn = (label, page, possible) => element("button", { type: "button", className: "button", disabled: !possible,
      onclick: () => this.show(page) }, label);
    const position = t("page {page} of {pages}", { page: this.page + 1, pages: Math.max(1, found.pages) });
    const judge = async (example, verdict) => {
      const name = document.activeElement?.ariaLabel;
      if (await act(`/texts/${example}/${verdict}`)) await this.show(this.page);
      [...this.list.querySelectorAll("button")].find((button) => button.ariaLabel === name)?.focus();
    };
    this.list.replaceChildren(
      element("p", {}, `${found.found}, ${position}`),
      element("ol", { className: "cards" }, ...found.texts.map((text, index) => card(text, judge))),
      element("div", { className: "row turns" },
        turn(t("Previous page"), this.page - 1, this.page > 0),
        turn(t("Next page"), this.page + 1, this.page + 1 < found.pages)));
  }
}

export async function showDatasets(content, isShown) {
  const { blocks } = await load("/sections/datasets");
  if (!blocks || !isShown()) return;
  const browser = new Browser(isShown);
  content.replaceChildren(...make(blocks.slice(0, 1)),
    element("h3", {}, t("Texts")), element("p", { className: "soft" }, REVIEW_NOTE), browser.form, browser.list,
    element("h3", {}, t("Reports")), ...make(blocks.slice(1)));
  await browser.show(0);
}
