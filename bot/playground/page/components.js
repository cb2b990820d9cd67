// A message's components in Discord's wire format: buttons, menus and layouts.

import { element } from "./dom.js";
import { t } from "./language.js";
import { colour, picture } from "./media.js";
import { markdown } from "./markdown.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

const RENDERERS = { // by Discord's component type
  1: (row, show) => element("div", { className: "row" }, ...show(row.components)),
  2: (button, show) => renderButton(button, show),
  3: (menu, show) => renderMenu(menu, show),
  8: (menu, show) => renderMenu(menu, show), // of channels
  9: (section, show) => element("div", { className: "section" },
    element("div", {}, ...show(section.components)), ...show([section.accessory])),
  10: (text, show) => markdown(text.content, show.names),
  11: (thumbnail, show) => element("div", { className: "thumbnail" }, picture(thumbnail.media.url, thumbnail.description, show.message)),
  12: (gallery, show) => element("div", { className: "gallery" },
    ...gallery.items.map((item) => picture(item.media.url, item.description, show.message))),
  14: (separator) => element("hr", { className: separator.divider === false ? "gap" : "" }),
  17: (container, show) => {
    const card = element("div", { className: "card" }, ...show(container.components));
    if (container.accent_color) card.style.setProperty("--accent", colour(container.accent_color));
    return card;
  },
};

function renderButton(button, show) {
  const text = [button.emoji?.name, button.label].filter(Boolean).join(" ");
  if (button.url) {
    return element("a", { className: "button link", href: /^https?:/.test(button.url) ? button.url : "#", target: "_blank",
      rel: "noopener noreferrer" }, `${text} ↗`);
  }
  const click = async ({ currentTarget: clicked, detail }) => {
    if (detail > 1 || clicked.ariaBusy) return; // the rest of a double click, which may hit a button that came meanwhile
    clicked.ariaBusy = "true";
    await show.act({ do: "click", message: show.message.id, custom_id: button.custom_id });
    clicked.ariaBusy = null;
  };
  return element("button", { type: "button", className: `button ${STYLES[button.style] ?? "secondary"}`,
    disabled: button.disabled, "data-key": button.custom_id, onclick: click }, text);
}

function renderMenu(menu, show) {
  const multiple = (menu.max_values ?? 1) > 1;
  const select = element("select", { multiple, disabled: menu.disabled, ariaLabel: menu.placeholder ?? t("Choose"),
    "data-key": menu.custom_id },
    multiple ? null : element("option", { value: "", disabled: true, selected: true }, menu.placeholder ?? t("Choose …")),
    ...menu.options.map((option) => element("option", { value: option.value, selected: option.default },
      [option.emoji?.name, option.label].filter(Boolean).join(" "))));
  const choose = () => show.act({ do: "select", message: show.message.id, custom_id: menu.custom_id,
    values: [...select.selectedOptions].map((option) => option.value).filter(Boolean) });
  if (!multiple) {
    select.addEventListener("change", choose);
    return select;
  }
  return element("div", { className: "row" }, select, element("button", { type: "button", className: "button secondary",
    "data-key": `${menu.custom_id} chosen`, onclick: choose }, t("Choose")));
}

// Return the elements of a message's components. act runs an action; names: people and channels by id.
export function components(message, names, act) {
  const show = (list) => list.filter((item) => item && RENDERERS[item.type]).map((item) => RENDERERS[item.type](item, show));
  Object.assign(show, { message, names, act });
  return show(message.components);
}
