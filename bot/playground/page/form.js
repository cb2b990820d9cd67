// A modal form of the bot's: text fields and menus.

import { element } from "./dom.js";
import { t } from "./language.js";

function field(control, label, hint) {
  const properties = { id: `field-${control.custom_id}`, name: control.custom_id, required: control.required !== false };
  const text = { ...properties, value: control.value ?? "", placeholder: control.placeholder ?? "",
    maxLength: control.max_length ?? 4000, minLength: control.min_length ?? 0 };
  const input = control.type === 3
    ? element("select", { ...properties, multiple: (control.max_values ?? 1) > 1 },
      // as in Discord, nothing is chosen unless the bot says so
      control.options.some((option) => option.default) || (control.max_values ?? 1) > 1 ? null
        : element("option", { value: "", disabled: true, selected: true }, control.placeholder ?? t("Choose …")),
      ...control.options.map((option) => element("option", { value: option.value, selected: option.default }, option.label)))
    : control.style === 2 ? element("textarea", { ...text, rows: 8 }) : element("input", { ...text, type: "text" });
  return [element("label", { htmlFor: input.id }, label), hint && element("small", {}, hint), input];
}

// A component is a control inside a label, a text, or a row of controls that have their own labels.
function fields(component) {
  if (component.type === 18) return field(component.component, component.label, component.description);
  if (component.type === 10) return [element("p", {}, component.content)];
  return (component.components ?? []).flatMap((control) => field(control, control.label));
}

function valueOf(input) {
  return input.tagName === "SELECT" ? [...input.selectedOptions].map((option) => option.value).filter(Boolean) : input.value;
}

// Show the form. submit gets the values, and returns whether they were accepted.
export function openForm(dialog, form, submit) {
  const content = element("form", { method: "dialog" }, element("h2", { id: "form-title" }, form.title),
    ...form.components.flatMap(fields),
    element("div", { className: "row" },
      element("button", { type: "button", className: "button secondary", onclick: () => dialog.close() }, t("Cancel")),
      element("button", { type: "submit", className: "button primary" }, t("Submit"))));
  let sending = false; // the second click of a double click would send it again
  content.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    const inputs = [...content.elements].filter((input) => input.name);
    try {
      if (await submit(Object.fromEntries(inputs.map((input) => [input.name, valueOf(input)])))) dialog.close();
    } finally {
      sending = false;
    }
  });
  dialog.replaceChildren(content);
  dialog.showModal();
}
