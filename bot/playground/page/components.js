// Buttons, menus and layouts under or in place of a message's text, as Discord's wire format lists them.

import { element } from "./dom.js";
import { colour, picture } from "./media.js";
import { markdown } from "./markdown.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

const KINDS = {
  1: (row, show) => element("div", { className: "row" }, ...show(row.components)),
  2: (button, show) => buttonOf(button, show),
  3: (menu, show) => menuOf(menu, show),
  8: (menu, show) => menuOf(menu, show), // of channels
  9: (section, show) => element("div", { className: "section" },
    element("div", {}, ...show(section.components)), ...show([section.accessory])),
  10: (text, show) => markdown(text.content, show.names),
  11: (thumbnail, show) => element("div", { className: "thumbnail" }, picture(thumbnail.media.url, thumbnail.description, show.message)),
  12: (gallery, show) => element("div", { className: "gallery" },
    ...gallery.items.map((item) => picture(item.media.url, item.description, show.message))),
  14: (separator) => element("hr", { className: separator.divider === false ? "gap" : "" }),
  17: (container, show) => {
    const made = element("div", { className: "card" }, ...show(container.components));
    if (container.accent_color) made.style.setProperty("--accent", colour(container.accent_color));
    return made;
  },
};

function buttonOf(button, show) {
  const face = [button.emoji?.name, button.label].filter(Boolean).join(" ");
  if (button.url) {
    return element("a", { className: "button link", href: /^https?:/.test(button.url) ? button.url : "#", target: "_blank",
      rel: "noopener noreferrer" }, `${face} ↗`);
  }
  const act = async ({ currentTarget: clicked }) => {
    clicked.ariaBusy = "true";
    await show.act({ do: "click", message: show.message.id, custom_id: button.custom_id });
    clicked.ariaBusy = null;
  };
  return element("button", { type: "button", className: `button ${STYLES[button.style] ?? "secondary"}`,
    disabled: button.disabled, "data-key": button.custom_id, onclick: act }, face);
}

function menuOf(menu, show) {
  const many = (menu.max_values ?? 1) > 1;
  const made = element("select", { multiple: many, disabled: menu.disabled, ariaLabel: menu.placeholder ?? "Choose",
    "data-key": menu.custom_id },
    many ? null : element("option", { value: "", disabled: true, selected: true }, menu.placeholder ?? "Choose …"),
    ...menu.options.map((option) => element("option", { value: option.value, selected: option.default },
      [option.emoji?.name, option.label].filter(Boolean).join(" "))));
  const choose = () => show.act({ do: "select", message: show.message.id, custom_id: menu.custom_id,
    values: [...made.selectedOptions].map((option) => option.value).filter(Boolean) });
  if (!many) {
    made.addEventListener("change", choose);
    return made;
  }
  return element("div", { className: "row" }, made, element("button", { type: "button", className: "button secondary",
    "data-key": `${menu.custom_id} chosen`, onclick: choose }, "Choose"));
}

// The elements of a message's components. act carries an action out; names are people and channels by id.
export function components(message, names, act) {
  const show = (list) => list.filter((each) => each && KINDS[each.type]).map((each) => KINDS[each.type](each, show));
  Object.assign(show, { message, names, act });
  return show(message.components);
}
