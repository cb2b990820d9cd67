// The channel's messages in order. It keeps scrolled to the end as they come, unless the person has scrolled up.

import { messageElement } from "./message.js";

const END_MARGIN = 80; // pixels from the end that count as at the end

export class Channel {
  #elements = new Map(); // of messages, by id
  #names = new Map(); // of people and channels, by id
  #following = true; // whether to keep scrolled to the end

  constructor(list, { empty, newest, act }) {
    this.list = list;
    this.empty = empty;
    this.newest = newest;
    this.act = act;
    newest.addEventListener("click", () => this.#scrollToEnd());
    list.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    list.addEventListener("load", () => this.#following && this.#scrollToEnd(), true); // an image has loaded
    new ResizeObserver(() => this.#following && this.#scrollToEnd()).observe(list);
  }

  // Clear the channel, and set its people and channels.
  reset({ people, bot, channel }) {
    this.#names = new Map([...people, bot, channel].map(({ id, name }) => [id, name]));
    this.list.replaceChildren();
    this.#elements.clear();
    this.#scrollToEnd();
  }

  update(changed, deleted) {
    for (const id of deleted) {
      this.#elements.get(id)?.remove();
      this.#elements.delete(id);
    }
    for (const message of changed) this.#put(message);
    this.empty.hidden = this.#elements.size > 0;
    if (this.#following) this.#scrollToEnd();
    else this.newest.hidden = false;
  }

  #put(message) {
    const created = messageElement(message, this.#names, this.act);
    const old = this.#elements.get(message.id);
    this.#elements.set(message.id, created);
    if (!old) return this.list.append(created);
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const menu = created.querySelector(".more");
    if (menu) menu.open = old.querySelector(".more")?.open ?? false;
    old.replaceWith(created);
    if (focused) created.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #onScroll() {
    this.#following = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < END_MARGIN;
    if (this.#following) this.newest.hidden = true;
  }

  #scrollToEnd() {
    this.#following = true;
    this.list.scrollTop = this.list.scrollHeight;
    this.newest.hidden = true;
  }
}
