// Images and files. Only those of the playground are loaded; others are linked.

import { element } from "./dom.js";
import { language, t } from "./language.js";

const CDN = "https://cdn.simcord.invalid/"; // the simulated Discord's base URL of files

export const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

// Return a file's path on this server; null if it is elsewhere.
function localPath(url, message) {
  const file = url.startsWith("attachment://") && message.attachments.find((each) => `attachment://${each.filename}` === url);
  const resolved = file ? file.url : url;
  return resolved.startsWith(CDN) ? `/${resolved.slice(CDN.length)}` : null;
}

export function picture(url, description, message) {
  const source = localPath(url, message);
  description ??= message.attachments.find((file) => [file.url, `attachment://${file.filename}`].includes(url))?.description;
  if (!source) return element("a", { href: /^https?:/.test(url) ? url : "#", rel: "noopener noreferrer" }, description ?? t("A picture"));
  return element("a", { href: source, target: "_blank" }, element("img", { src: source, alt: description ?? t("A picture") }));
}

export function attachment(file, message) {
  if (file.content_type?.startsWith("image/")) return picture(file.url, file.description, message);
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toLocaleString(language, { maximumFractionDigits: 1 })} KB`;
  return element("a", { className: "file", href: localPath(file.url, message), download: file.filename },
    element("span", { ariaHidden: "true" }, "📄"), file.filename, element("small", {}, size));
}
