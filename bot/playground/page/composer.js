// The input line, with suggestions above it. Tab accepts one; Enter accepts the first one that ends the word being typed,
// as in Discord, and else sends the line.

import { element } from "./dom.js";

const DEBOUNCE = 100; // milliseconds without a key before suggestions are asked for
const MAX_HISTORY = 50; // lines that the up key brings back

export class Composer {
  #selected = -1; // index in the list of suggestions
  #requests = 0;
  #lines = []; // that were suggested
  #history = []; // the newest line first
  #historyIndex = 0;

  constructor({ form, line, list, ask, send, clear }) {
    Object.assign(this, { line, list, ask, send, clear });
    line.addEventListener("input", () => {
      this.#select(-1); // what was chosen for another text
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#suggest(), DEBOUNCE);
    });
    line.addEventListener("focus", () => line.value && this.#suggest());
    line.addEventListener("blur", () => this.#close());
    line.addEventListener("keydown", (event) => this.#onKey(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  // Set the line, to be sent or changed.
  put(text) {
    this.#close();
    this.line.value = text;
    this.line.focus();
    this.#suggest();
  }

  // Return the suggestion that Enter takes: the first, if it ends the word that is being typed.
  get #completion() {
    const text = this.line.value;
    if (this.list.hidden || text.endsWith(" ") || this.#lines.some((line) => line.trim() === text)) return undefined;
    return this.#lines.find((line) => line.toLowerCase().startsWith(text.toLowerCase()));
  }

  #submit() {
    if (this.#completion) return this.put(this.#completion);
    clearTimeout(this.timer);
    const text = this.line.value.trim();
    if (!text) return this.clear();
    this.#history = [text, ...this.#history.filter((line) => line !== text)].slice(0, MAX_HISTORY);
    this.#historyIndex = 0;
    this.line.value = "";
    this.#close();
    this.send(text);
  }

  async #suggest() {
    clearTimeout(this.timer);
    const request = ++this.#requests;
    const text = this.line.value;
    const { suggestions = [] } = text.startsWith("/") ? await this.ask({ do: "suggest", text }) : {};
    if (request !== this.#requests) return; // something else has been typed since
    this.#lines = suggestions.map(({ line }) => line);
    const offered = suggestions.filter(({ line }) => line !== text);
    const selected = this.list.children[this.#selected]?.dataset.line; // kept when a late list arrives
    this.list.replaceChildren(...offered.map((each, index) => element("li", { role: "option", id: `suggestion-${index}`,
      ariaSelected: "false", "data-line": each.line, onmousedown: (event) => { event.preventDefault(); this.put(each.line); } },
      element("b", {}, each.label), element("span", {}, each.hint))));
    this.#setOpen(offered.length > 0 && document.activeElement === this.line);
    this.#select(offered.findIndex(({ line }) => line === selected));
  }

  #onKey(event) {
    const options = [...this.list.children];
    const open = !this.list.hidden;
    if (event.key === "Escape") this.#close();
    else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#select((this.#selected + step + options.length + (this.#selected < 0 && step < 0 ? 1 : 0)) % options.length);
    } else if (!open && event.key === "ArrowUp" && this.#historyIndex < this.#history.length) {
      this.line.value = this.#history[this.#historyIndex++];
    } else if (open && event.key === "Tab" && !event.shiftKey) this.put(options[Math.max(0, this.#selected)].dataset.line);
    else if (open && event.key === "Enter" && this.#selected >= 0) this.put(options[this.#selected].dataset.line);
    else return;
    event.preventDefault();
  }

  #select(index) {
    this.#selected = index;
    [...this.list.children].forEach((option, at) => {
      option.ariaSelected = String(at === index);
      if (at === index) option.scrollIntoView({ block: "nearest" });
    });
    if (index >= 0) this.line.setAttribute("aria-activedescendant", `suggestion-${index}`);
    else this.line.removeAttribute("aria-activedescendant");
  }

  #setOpen(open) {
    this.list.hidden = !open;
    this.line.setAttribute("aria-expanded", String(open));
    this.line.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.#requests += 1;
    this.#selected = -1;
    this.#setOpen(false);
  }
}
