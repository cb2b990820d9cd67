// Elements are built, never written as HTML: whatever people or models write stays text.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter(Boolean)); // what is not there has no element
  return made;
}

// A person's colour, the same wherever they appear.
const COLOURS = { olga: "#f2a65a", ana: "#5ec9a4", ben: "#6db3f2" };

export function avatar(name, bot = false) {
  if (bot) return element("img", { className: "avatar", src: "/page/mark.svg", alt: "" });
  const made = element("span", { className: "avatar", ariaHidden: "true" }, name.slice(0, 1).toUpperCase());
  made.style.setProperty("--colour", COLOURS[name] ?? "#9aa3b2");
  return made;
}
