// The guide through the loop: one step is shown, the first that is not done, or the one that was clicked.

import { element, redraw } from "./dom.js";
import { t } from "./language.js";

export class Guide {
  #steps = [];
  #chosen = null; // index of the step that was clicked, until another one becomes the next
  #next = -1;
  #person = "";

  constructor({ panel, list, card, opener, closer, send, become, point, showPointed }) {
    Object.assign(this, { panel, list, card, opener, send, become, point, showPointed });
    opener.addEventListener("click", () => this.#setOpen(this.panel.hidden));
    closer.addEventListener("click", () => {
      this.#setOpen(false);
      opener.focus();
    });
    opener.ariaExpanded = String(!this.#closed);
  }

  get #closed() {
    return localStorage.guide === "closed";
  }

  set person(name) {
    this.#person = name;
    this.#draw();
  }

  show(steps) {
    const found = steps.findIndex((step) => !step.done);
    const next = found < 0 ? steps.length - 1 : found;
    if (next !== this.#next) this.#chosen = null;
    this.#next = next;
    this.#steps = steps;
    this.#draw();
  }

  #setOpen(open) {
    localStorage.guide = open ? "open" : "closed";
    this.#draw();
  }

  #draw() {
    this.panel.hidden = this.#closed || !this.#steps.length;
    this.opener.ariaExpanded = String(!this.#closed);
    const { done, person, message } = this.#steps[this.#next] ?? {};
    const isTurn = !done && (!person || person === this.#person);
    this.point(this.panel.hidden || !isTurn ? null : message ?? null);
    if (this.panel.hidden) return;
    const shown = this.#chosen ?? this.#next;
    redraw(this.list, [this.#steps, shown], () => this.#steps.map((step, index) => this.#marker(step, index, shown)));
    redraw(this.card, [this.#steps[shown], shown, this.#next, this.#person], () => this.#content(this.#steps[shown], shown));
  }

  #marker(step, index, shown) {
    const fields = { number: index + 1, title: step.title };
    const label = step.done ? t("Step {number}: {title}, done", fields) : t("Step {number}: {title}", fields);
    return element("li", {}, element("button", { type: "button", title: step.title, ariaLabel: label,
      className: step.done ? "done" : index === this.#next ? "next" : "", ariaCurrent: index === shown ? "step" : null,
      onclick: () => { this.#chosen = index; this.#draw(); } }, step.done ? "✓" : String(index + 1)));
  }

  #content(step, index) {
    const { title, why, todo, line, person, done, in_discord: page, message } = step;
    const mayAct = !person || person === this.#person;
    // the second click of a double click has a detail of 2: it would send the line again, or that of the next step
    const button = (onclick, label) => element("button", { type: "button", className: "button primary", onclick }, label);
    const isNext = index === this.#next && !done;
    const action = mayAct ? (line ? button(({ detail }) => detail < 2 && this.send(line), element("code", {}, line))
      : isNext && message && button(() => this.showPointed(), t("Show the message")))
      : isNext && button(() => this.become(person), t("Switch to {person}", { person }));
    return [element("p", {}, element("b", {}, `${index + 1}. ${title}`), " ", why),
      element("p", { className: "todo" }, done ? `${t("Done.")} ` : "", todo, page && " ",
        page && element("a", { href: page, target: "_blank" }, t("Run it in Discord"))), action || null].filter(Boolean);
  }
}
