// The page: one person's view of the channel. The person's name is in the URL, so a reload keeps it.

import { Channel } from "./channel.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { avatar, element } from "./dom.js";
import { openForm } from "./form.js";

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
  const { refused, form } = await connection.ask(action);
  showRefusal(refused ?? "");
  if (form) openForm($("form"), form, (values) => act({ do: "submit", form: form.id, values }));
  return !refused;
}

async function send(text) {
  if (!(await act({ do: "type", text })) && !$("line").value) composer.put(text);
}

function showPeople({ you, people }) {
  const radio = ({ name, role }) => element("label", {},
    element("input", { type: "radio", name: "person", value: name,
      onchange: () => (location.hash = name) }),
    avatar(name), element("b", {}, name), element("small", {}, role));
  redraw($("people"), people, () => [$("people").querySelector("legend"), ...people.map(radio)]);
  for (const input of $("people").querySelectorAll("input")) input.checked = input.value === you;
}

// Redraw a container only if its data has changed, and keep the focus.
function redraw(container, data, draw) {
  const key = JSON.stringify(data);
  if (container.dataset.shown === key) return;
  const focused = [...container.querySelectorAll("button, input")].indexOf(document.activeElement);
  container.replaceChildren(...draw());
  container.dataset.shown = key;
  container.querySelectorAll("button, input")[focused]?.focus();
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

function onUpdate({ surroundings, steps, changed, gone }) {
  if (surroundings) {
    channel.reset(surroundings);
    showPeople(surroundings);
  }
  if (steps) showSteps(steps);
  if (changed) channel.update(changed, gone);
}

function onStatus(text) {
  $("connection").textContent = text;
  document.body.classList.toggle("away", text !== "");
}

const person = () => location.hash.slice(1) || "olga";
const channel = new Channel($("messages"), { empty: $("empty"), newest: $("newest"), act });
const connection = new Connection(person(), { onUpdate, onStatus });
const composer = new Composer({ form: $("composer"), line: $("line"), list: $("suggestions"),
  ask: (action) => connection.ask(action), send });

window.addEventListener("hashchange", () => connection.switchTo(person()));
$("line").focus();
