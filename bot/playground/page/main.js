// The page: one person's view of the channel. The person's name is in the URL, so a reload keeps it.

import { Channel } from "./channel.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { avatar, element, redraw } from "./dom.js";
import { openForm } from "./form.js";
import { Guide } from "./guide.js";
import { follow, locale } from "./language.js";

// The token is in a cookie by now; the address bar need not show it.
history.replaceState(null, "", location.pathname + location.hash);

const $ = (id) => document.getElementById(id);
const REFUSAL_DURATION = 8000; // milliseconds
let refusalTimer;

function showRefusal(text) {
  clearTimeout(refusalTimer);
  $("refusal").textContent = text;
  $("refusal").hidden = !text;
  if (text) refusalTimer = setTimeout(showRefusal, REFUSAL_DURATION, "");
}

// Run an action in the channel and open the form that it returns, if any. Returns whether it was done.
async function act(action) {
  showRefusal("");
  const { refused, form, completed } = await connection.ask(action);
  if (refused) showRefusal(refused);
  if (form) openForm($("form"), form, (values) => act({ do: "submit", form: form.id, values }));
  // a line that was not sent comes back, completed as far as it can be
  if (action.do === "type" && (refused || completed) && !$("line").value) composer.put(completed ?? action.text);
  return !refused;
}

const send = (text) => act({ do: "type", text });

const person = () => location.hash.slice(1);
const become = (name) => (location.hash = name);

function showPeople(people) {
  const radio = ({ name, role }) => element("label", {},
    element("input", { type: "radio", name: "person", value: name, onchange: () => become(name) }),
    avatar(name), element("b", {}, name), element("small", {}, role));
  redraw($("people"), people, () => [$("people").querySelector("legend"), ...people.map(radio)]);
  for (const input of $("people").querySelectorAll("input")) input.checked = input.value === person();
}

// A tab begins with the question who one is in it.
function showChoice(people) {
  const choice = ({ name, role, may }) => element("button", { type: "button", onclick: () => become(name) },
    avatar(name), element("span", {}, element("b", {}, `${name}, ${role}`), element("small", {}, may)));
  redraw($("choices"), people, () => people.map(choice));
  $("who").hidden = person() !== "";
}

function onUpdate({ surroundings, steps, changed, gone, language }) {
  follow(language);
  if (surroundings) channel.reset(surroundings);
  if (steps) guide.show(steps);
  if (changed) channel.update(changed, gone);
}

function onStatus(text) {
  $("connection").textContent = text;
  document.body.classList.toggle("away", text !== "");
  if (text) channel.wait(); // the bot behind these messages is gone; the next connection brings those of now
}

function enter() {
  for (const input of $("people").querySelectorAll("input")) input.checked = input.value === person();
  $("who").hidden = person() !== "";
  $("help").hidden = person() === ""; // before that, nothing can be typed
  if (!person()) return;
  document.title = `${person()} · Herosmith playground`;
  $("composer").inert = false;
  channel.wait();
  connection.switchTo(person());
  guide.person = person();
  if (document.activeElement === document.body) $("line").focus();
}

const channel = new Channel({ log: $("log"), list: $("messages"), welcome: $("welcome"), newest: $("newest"), act });
const connection = new Connection({ onUpdate, onStatus });
const composer = new Composer({ form: $("composer"), line: $("line"), list: $("suggestions"),
  ask: (action) => connection.ask(action), send, clear: () => showRefusal("") });
const guide = new Guide({ panel: $("guide"), list: $("steps"), card: $("step"), opener: $("open-guide"),
  closer: $("close-guide"), send, become, point: (id) => channel.point(id), showPointed: () => channel.showPointed() });

window.addEventListener("hashchange", enter);
fetch(`/people?locale=${locale}`).then((answer) => answer.json()).then((people) => {
  showPeople(people);
  showChoice(people);
  enter();
});
