// The channel's messages in order. It scrolls to what answers the person of this page, and to whatever else comes
// unless the person has scrolled up.

import { isFor, messageElement } from "./message.js";

const END_MARGIN = 80; // pixels from the end that count as at the end

export class Channel {
  #elements = new Map(); // of messages, by id
  #names = new Map(); // of people, roles and channels, by id
  #menus = []; // the bot's commands in the menu of a message
  #you = null; // id of the person of this page
  #following = true; // whether to keep scrolled to the end
  #stale = false; // whether what is shown belongs to the person before
  #pointed = null; // id of the message that the guide speaks of
  #reached = true; // whether it was scrolled to

  constructor({ log, list, welcome, newest, act }) {
    Object.assign(this, { log, list, welcome, newest, act });
    newest.addEventListener("click", () => this.#scrollToEnd());
    log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    log.addEventListener("load", () => this.#following && this.#scrollToEnd(), true); // an image has loaded
    new ResizeObserver(() => this.#following && this.#scrollToEnd()).observe(log);
  }

  // Wait for the messages of another person or another connection. Those shown stay until then, as an empty channel in
  // between would flash; nothing of them can be used: a thumb that the one has given is not the other's to take back,
  // and buttons of a playground that has ended reach nobody.
  wait() {
    this.list.inert = true;
  }

  // Set people, roles, channels and the commands in the menu of a message.
  reset({ you, people, roles, bot, channel, menus }) {
    this.#menus = menus;
    this.#names = new Map([...people, ...roles, bot, channel].map(({ id, name }) => [id, name]));
    this.#you = people.find(({ name }) => name === you).id;
    this.#stale = true;
    this.#following = true;
    this.#reached = false;
  }

  // Mark the message that the guide speaks of (null: none), and scroll to it once.
  point(id) {
    if (id === this.#pointed) return;
    this.#elements.get(this.#pointed)?.classList.remove("pointed");
    this.#pointed = id;
    this.#elements.get(id)?.classList.add("pointed");
    this.#reached = false;
    this.#reach();
  }

  // Scroll to the message that the guide speaks of, as often as one is asked to.
  showPointed() {
    this.#reached = false;
    this.#reach();
  }

  #reach() {
    const pointed = this.#elements.get(this.#pointed);
    if (this.#reached || this.#stale || !pointed) return;
    this.#reached = true;
    this.#following = false; // an image that loads later does not scroll away from it
    pointed.scrollIntoView({ block: "nearest" });
  }

  update(changed, deleted) {
    if (this.#stale) {
      this.list.replaceChildren();
      this.#elements.clear();
      this.#stale = false;
      this.list.inert = false;
    }
    for (const id of deleted) {
      this.#elements.get(id)?.remove();
      this.#elements.delete(id);
    }
    const answered = changed.some((message) => !this.#elements.has(message.id) && isFor(message, this.#you));
    for (const message of changed) this.#put(message);
    this.welcome.hidden = this.#elements.size > 0;
    if (this.#following || answered) this.#scrollToEnd();
    else this.newest.hidden = false;
    this.#reach();
  }

  #put(message) {
    const created = messageElement(message, this.#names, this.act, this.#menus);
    const old = this.#elements.get(message.id);
    this.#elements.set(message.id, created);
    created.classList.toggle("pointed", message.id === this.#pointed);
    if (!old) return this.list.append(created);
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const menu = created.querySelector(".more");
    if (menu) menu.open = old.querySelector(".more")?.open ?? false;
    old.replaceWith(created);
    if (focused) created.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #onScroll() {
    this.#following = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < END_MARGIN;
    if (this.#following) this.newest.hidden = true;
  }

  #scrollToEnd() {
    this.#following = true;
    this.log.scrollTop = this.welcome.hidden ? this.log.scrollHeight : 0;
    this.newest.hidden = true;
  }
}
