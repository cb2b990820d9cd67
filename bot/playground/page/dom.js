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

// Each person's colour.
const COLOURS = { olga: "#f2a65a", ana: "#5ec9a4", ben: "#6db3f2" };

export function avatar(name, bot = false) {
  if (bot) return element("img", { className: "avatar", src: "/page/mark.svg", alt: "" });
  const circle = element("span", { className: "avatar", ariaHidden: "true" }, name.slice(0, 1).toUpperCase());
  circle.style.setProperty("--colour", COLOURS[name] ?? "#9aa3b2");
  return circle;
}
