// Pictures and files. They come from the playground alone: what lies elsewhere is only linked.

import { element } from "./dom.js";

const STORE = "https://cdn.simcord.invalid/"; // where the simulated Discord says that it keeps files

export const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

function local(url, message) {
  const named = url.startsWith("attachment://") && message.attachments.find((each) => `attachment://${each.filename}` === url);
  const found = named ? named.url : url;
  return found.startsWith(STORE) ? `/${found.slice(STORE.length)}` : null;
}

export function picture(url, description, message) {
  const source = local(url, message);
  if (!source) return element("a", { href: /^https?:/.test(url) ? url : "#", rel: "noopener noreferrer" }, description ?? "picture");
  return element("a", { href: source, target: "_blank" }, element("img", { src: source, alt: description ?? "picture" }));
}

export function attachment(file, message) {
  if (file.content_type?.startsWith("image/")) return picture(file.url, file.description ?? file.filename, message);
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toFixed(1)} KB`;
  return element("a", { className: "file", href: local(file.url, message), download: file.filename },
    element("span", { ariaHidden: "true" }, "📄"), file.filename, element("small", {}, size));
}
