// What the page asks its server, and what the server tells on its own.

import { t } from "./language.js";

const $ = (id) => document.getElementById(id);
const RECONNECT_DELAY = 1000; // milliseconds
const LOST = t("the dashboard does not answer; trying again … If its process was ended, start it again and open the address that it prints.");
const UNANSWERED = { refused: t("The dashboard does not answer.") };
const STALE = t("this page belongs to an earlier start: open the address that the dashboard printed now");

// Tell what was refused; an empty text takes it away.
export function refuse(text) {
  $("refusal").textContent = text;
  $("refusal").hidden = !text;
}

async function answer(sent) {
  const response = await sent.catch(() => null);
  if (!response) return UNANSWERED;
  if (response.status === 403) return { refused: STALE };
  return response.json().catch(() => UNANSWERED);
}

async function answerOrRefusal(sent) {
  const received = await answer(sent);
  refuse(received.refused ?? "");
  return received;
}

export const load = (path) => answerOrRefusal(fetch(path));

// Have something done. Returns whether it was.
export async function act(path) {
  return !(await answerOrRefusal(fetch(path, { method: "POST" }))).refused;
}

// Ask whether to do something. Returns the answer.
export function confirmed(question, label) {
  const dialog = $("confirmation");
  $("question").textContent = question;
  $("confirm").textContent = label;
  return new Promise((resolve) => {
    const end = (chosen) => {
      dialog.onclose = null;
      dialog.close();
      resolve(chosen);
    };
    $("confirm").onclick = () => end(true);
    $("keep").onclick = () => end(false);
    dialog.onclose = () => end(false);
    dialog.showModal();
  });
}

// Call back with each state that the server sends. The connection is made anew after a loss.
export function follow(callback) {
  const socket = new WebSocket(`ws://${location.host}/socket`);
  socket.onmessage = (event) => {
    $("connection").textContent = "";
    callback(JSON.parse(event.data));
  };
  socket.onclose = async () => {
    const response = await fetch("/", { method: "HEAD" }).catch(() => null); // a socket does not tell its status
    $("connection").textContent = response?.status === 403 ? STALE : LOST;
    setTimeout(() => follow(callback), RECONNECT_DELAY);
  };
}
