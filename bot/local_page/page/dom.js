// Build elements, never from HTML: what people or models write stays text.

export function element(tag, properties = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) created.addEventListener(name.slice(2), value);
    else if (name in created && !name.includes("-")) created[name] = value;
    else created.setAttribute(name, value === true ? "" : value);
  }
  created.append(...children.flat().filter(Boolean)); // null and false stand for no child
  return created;
}

// Redraw a container only if its data has changed, and keep the focus.
export function redraw(container, data, draw) {
  const key = JSON.stringify(data);
  if (container.dataset.shown === key) return;
  const focused = [...container.querySelectorAll("button, input")].indexOf(document.activeElement);
  container.replaceChildren(...draw());
  container.dataset.shown = key;
  container.querySelectorAll("button, input")[focused]?.focus();
}

export function avatar(name, bot = false) {
  if (bot) return element("img", { className: "avatar", src: "/page/mark.svg", alt: "" });
  return element("span", { className: `avatar ${name}`, ariaHidden: "true" }, name.slice(0, 1).toUpperCase());
}
