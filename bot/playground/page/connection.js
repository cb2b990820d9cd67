// The WebSocket connection to the playground's server. It reconnects after a loss.

import { locale, t } from "./language.js";

const RECONNECT_DELAY = 1000; // milliseconds
const LOST = t("the playground does not answer; trying again …");
const STALE = t("this page and its messages belong to an earlier start: open the address that the playground printed now");

const UNANSWERED = { refused: t("The playground does not answer.") };

export class Connection {
  #socket = null;
  #pending = new Map(); // callbacks of requests, by number
  #number = 0;

  constructor({ onUpdate, onStatus }) {
    this.onUpdate = onUpdate;
    this.onStatus = onStatus;
  }

  #open() {
    const socket = new WebSocket(`ws://${location.host}/socket?as=${encodeURIComponent(this.person)}&locale=${locale}`);
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#refusePending();
      this.#explain(socket);
      setTimeout(() => this.#socket === socket && this.#open(), RECONNECT_DELAY);
    };
  }

  // Say why the connection is lost: a failed WebSocket does not tell its status, a request does.
  async #explain(socket) {
    const response = await fetch("/", { method: "HEAD" }).catch(() => null);
    if (this.#socket === socket) this.onStatus(response?.status === 403 ? STALE : LOST);
  }

  #receive(message) {
    if (message.changed) this.onStatus(""); // the first of them ends the wait for the channel
    if (message.number === undefined) return this.onUpdate(message);
    this.#pending.get(message.number)?.(message);
    this.#pending.delete(message.number);
  }

  #refusePending() {
    for (const resolve of this.#pending.values()) resolve(UNANSWERED);
    this.#pending.clear();
  }

  // Request an action. Returns a promise of its answer: {refused: reason} if it was not done.
  ask(action) {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.CONNECTING) return this.#askLater(socket, action);
    if (socket?.readyState !== WebSocket.OPEN) return Promise.resolve(UNANSWERED);
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#pending.set(number, resolve);
      this.#socket.send(JSON.stringify({ number, action }));
    });
  }

  // Ask once a socket is open: who has just become somebody else may act at once.
  #askLater(socket, action) {
    return new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(this.ask(action)), { once: true });
      socket.addEventListener("close", () => resolve(UNANSWERED), { once: true });
    });
  }

  // Connect as a person, in place of the one before.
  switchTo(person) {
    const old = this.#socket;
    this.person = person;
    this.#refusePending();
    this.onStatus(t("connecting …"));
    this.#open();
    old?.close();
  }
}
