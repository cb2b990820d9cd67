// The line to the playground: what it tells, and what is asked of it. A lost line is taken up again.

const RETRY = 1000; // milliseconds

export class Connection {
  #socket = null;
  #waiting = new Map(); // by number: who waits for the answer
  #number = 0;

  constructor(person, { told, standing }) {
    this.person = person;
    this.told = told;
    this.standing = standing;
    this.#open();
  }

  #open() {
    this.standing("connecting …");
    const socket = new WebSocket(`ws://${location.host}/socket?as=${encodeURIComponent(this.person)}`);
    this.#socket = socket;
    socket.onopen = () => this.standing("");
    socket.onmessage = (event) => this.#take(JSON.parse(event.data));
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#forget();
      this.standing("the playground does not answer; trying again …");
      setTimeout(() => this.#socket === socket && this.#open(), RETRY);
    };
  }

  #take(news) {
    if (news.number === undefined) return this.told(news);
    this.#waiting.get(news.number)?.(news);
    this.#waiting.delete(news.number);
  }

  #forget() {
    for (const answer of this.#waiting.values()) answer({ refused: "The playground does not answer." });
    this.#waiting.clear();
  }

  // Ask for an action; comes back with its answer, {refused: why} where it was not done.
  ask(action) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return Promise.resolve({ refused: "The playground does not answer." });
    }
    const number = ++this.#number;
    return new Promise((answer) => {
      this.#waiting.set(number, answer);
      this.#socket.send(JSON.stringify({ number, action }));
    });
  }

  // Go on in another person's name.
  become(person) {
    const old = this.#socket;
    this.person = person;
    this.#forget();
    this.#open();
    old?.close();
  }
}
