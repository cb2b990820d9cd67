// The page: one person's view of the channel. Which person stands in the address, so a reload keeps it.

import { Channel } from "./channel.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { avatar, element } from "./dom.js";
import { openForm } from "./form.js";

const $ = (id) => document.getElementById(id);
const REFUSAL = 8000; // milliseconds that a refusal stays
let fading;

function refuse(text) {
  clearTimeout(fading);
  $("refusal").textContent = text;
  $("refusal").hidden = !text;
  if (text) fading = setTimeout(refuse, REFUSAL, "");
}

// Do something in the channel. Says whether it was done; a form that comes of it is opened.
async function act(action) {
  const { refused, form } = await connection.ask(action);
  refuse(refused ?? "");
  if (form) openForm($("form"), form, (values) => act({ do: "submit", form: form.id, values }));
  return !refused;
}

async function send(text) {
  if (!(await act({ do: "type", text })) && !$("line").value) composer.put(text);
}

function showPeople({ you, people }) {
  const choice = ({ name, role }) => element("label", {},
    element("input", { type: "radio", name: "person", value: name,
      onchange: () => (location.hash = name) }),
    avatar(name), element("b", {}, name), element("small", {}, role));
  redraw($("people"), people, () => [$("people").querySelector("legend"), ...people.map(choice)]);
  for (const input of $("people").querySelectorAll("input")) input.checked = input.value === you;
}

// Draw a place anew where what it shows has changed: whoever is about to click or type there loses nothing.
function redraw(place, shown, draw) {
  const key = JSON.stringify(shown);
  if (place.dataset.shown === key) return;
  const focused = [...place.querySelectorAll("button, input")].indexOf(document.activeElement);
  place.replaceChildren(...draw());
  place.dataset.shown = key;
  place.querySelectorAll("button, input")[focused]?.focus();
}

function showSteps(steps) {
  const next = steps.find((step) => !step.done);
  redraw($("steps"), steps, () => steps.map((step, index) => element("li", {},
    element("button", { type: "button", className: step.done ? "done" : step === next ? "next" : "", title: step.hint,
      onclick: () => send(step.line) },
      element("i", { ariaHidden: "true" }, step.done ? "✓" : String(index + 1)), element("code", {}, step.line),
      step.done ? element("span", { className: "unseen" }, "done") : null))));
  $("next").textContent = next ? next.hint
    : "Now 👍 it as ana and as ben, and build again";
}

function told(news) {
  if (news.surroundings) {
    channel.begin(news.surroundings);
    showPeople(news.surroundings);
  }
  if (news.steps) showSteps(news.steps);
  if (news.changed) channel.update(news.changed, news.gone);
}

function standing(text) {
  $("connection").textContent = text;
  document.body.classList.toggle("away", text !== "");
}

const person = () => location.hash.slice(1) || "olga";
const channel = new Channel($("messages"), { empty: $("empty"), newest: $("newest"), act });
const connection = new Connection(person(), { told, standing });
const composer = new Composer({ form: $("composer"), line: $("line"), list: $("suggestions"),
  ask: (action) => connection.ask(action), send });

window.addEventListener("hashchange", () => connection.become(person()));
$("line").focus();
