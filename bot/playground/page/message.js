// One message: who, when, text, cards, files, components, reactions.

import { components } from "./components.js";
import { avatar, element } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import { attachment, colour, picture } from "./media.js";

const EPHEMERAL = 1 << 6;
const LOADING = 1 << 7;
const OFFERED = ["👍", "👎", "❤️", "😂", "🔥", "🚩"];

function said(message, names) {
  if (!(message.flags & LOADING)) return message.content ? markdown(message.content, names) : null;
  return element("p", { className: "thinking" }, element("i"), element("i"), element("i"),
    ` ${message.author.username} is thinking …`);
}

function asked(message) {
  const asking = message.interaction_metadata;
  if (!asking?.name) return null;
  return element("p", { className: "asked" }, avatar(asking.user.username), element("b", {}, asking.user.username),
    " used ", element("span", { className: "mention" }, `/${asking.name}`));
}

function answered(message, names) {
  const other = message.referenced_message;
  if (!other) return null;
  return element("p", { className: "asked" }, "↪ ", element("b", {}, other.author.username), " ",
    ...inline(other.content.slice(0, 100), names));
}

function card(embed, message, names) {
  const made = element("article", { className: "card" },
    embed.author && element("p", { className: "byline" }, embed.author.name),
    embed.title && element("h3", {}, ...inline(embed.title, names)),
    embed.description && markdown(embed.description, names),
    embed.fields?.length && element("div", { className: "fields" }, ...embed.fields.map((field) =>
      element("section", { className: field.inline ? "inline" : "" },
        element("h4", {}, ...inline(field.name, names)), markdown(field.value, names)))),
    embed.thumbnail && element("div", { className: "thumbnail" }, picture(embed.thumbnail.url, "", message)),
    embed.image && element("div", { className: "picture" }, picture(embed.image.url, "", message)),
    embed.footer && element("footer", {}, embed.footer.text));
  if (embed.color !== undefined && embed.color !== null) made.style.setProperty("--accent", colour(embed.color));
  return made;
}

function reactions(message, act) {
  const react = (emoji, on) => act({ do: "react", message: message.id, emoji, on });
  const wire = (emoji) => (emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
  const there = message.reactions.map((each) => element("button", { type: "button", className: "reaction",
    "data-key": wire(each.emoji), ariaPressed: String(each.me), ariaLabel: `${each.emoji.name}, ${each.count}`,
    onclick: () => react(wire(each.emoji), !each.me) }, each.emoji.name, element("b", {}, String(each.count))));
  if (message.flags & (EPHEMERAL | LOADING)) return null;
  const more = element("details", { className: "more" }, element("summary", { ariaLabel: "Add a reaction", "data-key": "more" }, "☺+"),
    element("div", {}, ...OFFERED.map((emoji) => element("button", { type: "button", ariaLabel: `React with ${emoji}`,
      "data-key": `more ${emoji}`, onclick: () => { more.open = false; react(emoji, true); } }, emoji))));
  return element("div", { className: "reactions" }, ...there, more);
}

function inCards(message) {
  const urls = message.embeds.flatMap((embed) => [embed.image?.url, embed.thumbnail?.url]);
  return (file) => urls.includes(`attachment://${file.filename}`) || urls.includes(file.url);
}

// A message as an element. act carries an action out; names are people and channels by id.
export function messageElement(message, names, act) {
  const { author } = message;
  const at = new Date(message.timestamp);
  const shown = inCards(message);
  const files = message.attachments.filter((file) => !shown(file));
  return element("li", { className: "message", "data-id": message.id },
    asked(message) ?? answered(message, names),
    avatar(author.username, author.bot),
    element("div", { className: "body" },
      element("p", { className: "head" }, element("b", {}, author.username), author.bot && element("span", { className: "tag" }, "APP"),
        element("time", { dateTime: message.timestamp, title: at.toLocaleString() },
          at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }))),
      said(message, names),
      ...message.embeds.map((embed) => card(embed, message, names)),
      files.length > 0 && element("div", { className: "files" }, ...files.map((file) => attachment(file, message))),
      ...components(message, names, act),
      message.edited_timestamp && !author.bot && element("small", { className: "edited" }, "(edited)"),
      reactions(message, act),
      message.flags & EPHEMERAL ? element("p", { className: "private" }, "👁 Only you can see this") : null));
}
