// A gallery: search by words and power, in plain JavaScript. No module: a page from a disk may load none. Texts only
// ever become text nodes, so that nothing in them is read as HTML.

const PAGE = 24; // heroes that are drawn at once
const texts = JSON.parse(document.getElementById("texts").textContent);
const t = (text, fields = {}) => (texts[text] ?? text).replace(/\{(\w+)\}/g, (field, name) => fields[name] ?? field);
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const byId = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat(document.documentElement.lang);
const KINDS = {
  hero: "",
  take: t("another take"),
  scene: t("a scene that goes on from a hero"),
  team: t("a team"),
};

const heroes = HEROES.map((hero) => ({
  ...hero,
  found: fold([hero.name, ...hero.titles, hero.text].join("\n")),
  // two votes for and two against, as everyone begins: one thumb does not put a text before nine of ten
  score: (hero.ups + 2) / (hero.ups + hero.downs + 4),
}));
let shown = [];
let drawn = 0;

function element(tag, content, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...[content].flat());
  return made;
}

function article(hero) {
  const title = hero.titles.join(" · ");
  const heading = element("h2", hero.name || title);
  const about = hero.name ? [element("p", title, { className: "title" })] : [];
  const kind = KINDS[hero.kind] ? [element("span", KINDS[hero.kind])] : [];
  const day = element("time", new Date(`${hero.day}T12:00:00Z`).toLocaleDateString(document.documentElement.lang, { dateStyle: "medium" }), { dateTime: hero.day });
  const votes = element("span", [`👍 ${numbers.format(hero.ups)}  👎 ${numbers.format(hero.downs)}`], { className: "votes" });
  votes.ariaLabel = t("{ups} for, {downs} against", { ups: hero.ups, downs: hero.downs });
  votes.role = "img";
  const card = element("a", t("Character card"), { href: `characters/${hero.id}.json`, download: `${hero.id}.json` });
  const text = hero.text.split(/\n+/).map((part) => element("p", part, { className: "text" }));
  const facts = element("footer", [votes, ...kind, element("span", hero.author), day, card]);
  // what the picture says stands below it
  const picture = hero.picture ? [element("img", [], { src: hero.picture, alt: "", loading: "lazy", width: 1200, height: 750 })] : [];
  return element("article", [...picture, heading, ...about, ...text, facts]);
}

function draw() {
  const next = shown.slice(drawn, drawn + PAGE);
  byId("heroes").append(...next.map(article));
  drawn += next.length;
  byId("more").hidden = drawn >= shown.length;
}

function search() {
  const words = fold(byId("words").value).split(/\s+/).filter(Boolean);
  const power = byId("power").value;
  shown = heroes.filter((hero) => (!power || hero.powers.includes(power)) && words.every((word) => hero.found.includes(word)));
  if (byId("order").value === "best") shown.sort((a, b) => b.score - a.score || b.ups - a.ups || b.id - a.id);
  else shown.sort((a, b) => b.id - a.id);
  byId("heroes").replaceChildren();
  drawn = 0;
  byId("count").textContent = countText();
  remember();
  draw();
}

function countText() {
  if (!heroes.length) return t("No hero is here yet.");
  if (!shown.length) return t("No hero fits. Try fewer words, or all powers.");
  if (shown.length === heroes.length) return t("Heroes: {number}", { number: numbers.format(shown.length) });
  return t("Heroes: {number} of {all}", { number: numbers.format(shown.length), all: numbers.format(heroes.length) });
}

// The search is part of the address, so that it can be sent to somebody, and comes back with the page.
function remember() {
  const chosen = new URLSearchParams();
  if (byId("words").value) chosen.set("words", byId("words").value);
  if (byId("power").value) chosen.set("power", byId("power").value);
  if (byId("order").value !== "best") chosen.set("order", byId("order").value);
  history.replaceState(null, "", chosen.size ? `#${chosen}` : "#");
}

function recall() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  byId("words").value = chosen.get("words") ?? "";
  byId("power").value = chosen.get("power") ?? "";
  byId("order").value = chosen.get("order") === "new" ? "new" : "best";
  if (byId("power").selectedIndex < 0) byId("power").value = "";
}

function fillPowers() {
  const uses = new Map();
  for (const hero of heroes) for (const power of hero.powers) uses.set(power, (uses.get(power) ?? 0) + 1);
  const sorted = [...uses].sort(([a], [b]) => a.localeCompare(b));
  byId("power").append(...sorted.map(([power, number]) => element("option", `${power} (${number})`, { value: power })));
}

let waiting;
fillPowers();
recall();
byId("search").addEventListener("submit", (event) => event.preventDefault());
byId("words").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 120); });
byId("power").addEventListener("change", search);
byId("order").addEventListener("change", search);
byId("more").addEventListener("click", draw);
addEventListener("hashchange", () => { recall(); search(); });
search();
