// The page's messages in its language: the English ones are the keys. The server puts them into the page, and says when
// its language has changed.

const root = document.documentElement;
const texts = JSON.parse(document.getElementById("texts").textContent);

export const language = root.lang;
export const locale = root.dataset.locale; // of the browser; used if the server has no language of its own

// Return a message in the page's language, with its {fields}.
export function t(text, fields = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (field, name) => fields[name] ?? field);
}

// Return a translated message as nodes: its {fields} are elements.
export function withElements(message, fields) {
  return message.split(/\{(\w+)\}/).map((part, index) => (index % 2 ? fields[part] : part));
}

// Load the page anew if the server's language has changed.
export function follow(current) {
  if (current && current !== language) location.reload();
}
