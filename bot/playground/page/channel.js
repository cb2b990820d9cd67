// The channel's messages in their order. It stays at its end as they come, unless one has scrolled up to read.

import { messageElement } from "./message.js";

const NEAR = 80; // pixels from the end that count as being there

export class Channel {
  #shown = new Map(); // by id: the message's element
  #names = new Map();

  constructor(list, { empty, newest, act }) {
    this.list = list;
    this.empty = empty;
    this.newest = newest;
    this.act = act;
    newest.addEventListener("click", () => this.#toEnd());
    list.addEventListener("scroll", () => this.#atEnd() && (newest.hidden = true), { passive: true });
    list.addEventListener("load", () => newest.hidden && this.#toEnd(), true); // a picture has come
  }

  // Begin anew, with these people and channels.
  begin({ people, bot, channel }) {
    this.#names = new Map([...people, bot, channel].map(({ id, name }) => [id, name]));
    this.list.replaceChildren();
    this.#shown.clear();
    this.newest.hidden = true;
  }

  update(changed, gone) {
    const stay = this.#atEnd();
    for (const id of gone) {
      this.#shown.get(id)?.remove();
      this.#shown.delete(id);
    }
    for (const message of changed) this.#put(message);
    this.empty.hidden = this.#shown.size > 0;
    if (stay) this.#toEnd();
    else this.newest.hidden = false;
  }

  #put(message) {
    const made = messageElement(message, this.#names, this.act);
    const old = this.#shown.get(message.id);
    this.#shown.set(message.id, made);
    if (!old) return this.list.append(made);
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    old.replaceWith(made);
    if (focused) made.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #atEnd() {
    return this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR;
  }

  #toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.newest.hidden = true;
  }
}
