// The channel's messages in their order. It stays at its end as they come, unless one has scrolled up to read.

import { messageElement } from "./message.js";

const NEAR = 80; // pixels from the end that count as being there

export class Channel {
  #shown = new Map(); // by id: the message's element
  #names = new Map();
  #following = true; // whether the end is kept in sight

  constructor(list, { empty, newest, act }) {
    this.list = list;
    this.empty = empty;
    this.newest = newest;
    this.act = act;
    newest.addEventListener("click", () => this.#toEnd());
    list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    list.addEventListener("load", () => this.#following && this.#toEnd(), true); // a picture has come
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(list);
  }

  // Begin anew, with these people and channels.
  begin({ people, bot, channel }) {
    this.#names = new Map([...people, bot, channel].map(({ id, name }) => [id, name]));
    this.list.replaceChildren();
    this.#shown.clear();
    this.#toEnd();
  }

  update(changed, gone) {
    for (const id of gone) {
      this.#shown.get(id)?.remove();
      this.#shown.delete(id);
    }
    for (const message of changed) this.#put(message);
    this.empty.hidden = this.#shown.size > 0;
    if (this.#following) this.#toEnd();
    else this.newest.hidden = false;
  }

  #put(message) {
    const made = messageElement(message, this.#names, this.act);
    const old = this.#shown.get(message.id);
    this.#shown.set(message.id, made);
    if (!old) return this.list.append(made);
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const menu = made.querySelector(".more");
    if (menu) menu.open = old.querySelector(".more")?.open ?? false;
    old.replaceWith(made);
    if (focused) made.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #scrolled() {
    this.#following = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR;
    if (this.#following) this.newest.hidden = true;
  }

  #toEnd() {
    this.#following = true;
    this.list.scrollTop = this.list.scrollHeight;
    this.newest.hidden = true;
  }
}
