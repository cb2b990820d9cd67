// The line at the bottom: what could follow is proposed above it. Tab takes a proposal, Enter sends.

import { element } from "./dom.js";

const PAUSE = 100; // milliseconds without a key before something is proposed
const PAST = 50; // lines that the up key brings back

export class Composer {
  #chosen = -1;
  #asked = 0;
  #past = [];
  #back = 0;

  constructor({ form, line, list, ask, send }) {
    Object.assign(this, { line, list, ask, send });
    line.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.#propose(), PAUSE);
    });
    line.addEventListener("focus", () => line.value && this.#propose());
    line.addEventListener("blur", () => this.#close());
    line.addEventListener("keydown", (event) => this.#key(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  // Put a line there, ready to be sent or changed.
  put(text) {
    this.#close();
    this.line.value = text;
    this.line.focus();
    this.#propose();
  }

  #submit() {
    const text = this.line.value.trim();
    if (!text) return;
    this.#past = [text, ...this.#past.filter((each) => each !== text)].slice(0, PAST);
    this.#back = 0;
    this.line.value = "";
    this.#close();
    this.send(text);
  }

  async #propose() {
    const asked = ++this.#asked;
    const text = this.line.value;
    const { suggestions = [] } = text.startsWith("/") ? await this.ask({ do: "suggest", text }) : {};
    if (asked !== this.#asked) return; // something else has been typed since
    const fresh = suggestions.filter(({ line }) => line !== text);
    const chosen = this.list.children[this.#chosen]?.dataset.line; // a late list does not take the choice away
    this.list.replaceChildren(...fresh.map((each, index) => element("li", { role: "option", id: `suggestion-${index}`,
      ariaSelected: "false", "data-line": each.line, onmousedown: (event) => { event.preventDefault(); this.put(each.line); } },
      element("b", {}, each.label), element("span", {}, each.hint))));
    this.#open(fresh.length > 0 && document.activeElement === this.line);
    this.#choose(fresh.findIndex(({ line }) => line === chosen));
  }

  #key(event) {
    const options = [...this.list.children];
    const open = !this.list.hidden;
    if (event.key === "Escape") this.#close();
    else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#choose((this.#chosen + step + options.length + (this.#chosen < 0 && step < 0 ? 1 : 0)) % options.length);
    } else if (!open && event.key === "ArrowUp" && this.#back < this.#past.length) {
      this.line.value = this.#past[this.#back++];
    } else if (open && event.key === "Tab" && !event.shiftKey) this.put(options[Math.max(0, this.#chosen)].dataset.line);
    else if (open && event.key === "Enter" && this.#chosen >= 0) this.put(options[this.#chosen].dataset.line);
    else return;
    event.preventDefault();
  }

  #choose(index) {
    this.#chosen = index;
    [...this.list.children].forEach((option, at) => {
      option.ariaSelected = String(at === index);
      if (at === index) option.scrollIntoView({ block: "nearest" });
    });
    if (index >= 0) this.line.setAttribute("aria-activedescendant", `suggestion-${index}`);
  }

  #open(open) {
    this.list.hidden = !open;
    this.line.setAttribute("aria-expanded", String(open));
    this.line.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.#asked += 1;
    this.#chosen = -1;
    this.#open(false);
  }
}
