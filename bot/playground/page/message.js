// One message: author, time, text, embeds, files, components and reactions.

import { components } from "./components.js";
import { avatar, element } from "./dom.js";
import { language, t, withElements } from "./language.js";
import { inline, link, markdown } from "./markdown.js";
import { attachment, colour, picture } from "./media.js";

const EPHEMERAL = 1 << 6;
const LOADING = 1 << 7;
const QUICK_REACTIONS = ["👍", "👎", "❤️", "😂", "🔥", "🚩"];

function content(message, names) {
  if (!(message.flags & LOADING)) return message.content ? markdown(message.content, names) : null;
  return element("p", { className: "thinking" }, element("i"), element("i"), element("i"),
    ` ${t("{name} is thinking …", { name: message.author.username })}`);
}

function commandLine(message, menus) {
  const interaction = message.interaction_metadata;
  if (!interaction?.name) return null;
  const menu = menus.find(({ name }) => name === interaction.name);
  return element("p", { className: "asked" }, avatar(interaction.user.username),
    element("span", {}, ...withElements(t("{person} used {command}"), { person: element("b", {}, interaction.user.username),
      command: element("span", { className: "mention" }, menu?.label ?? `/${interaction.name}`) })));
}

function replyLine(message, names) {
  const replied = message.referenced_message;
  if (!replied) return null;
  return element("p", { className: "asked" }, "↪ ", element("b", {}, replied.author.username), " ",
    ...inline(replied.content.slice(0, 100), names));
}

function card(embed, message, names) {
  const article = element("article", { className: "card" },
    embed.author && element("p", { className: "byline" }, embed.author.url ? link(embed.author.url, embed.author.name) : embed.author.name),
    embed.title && element("h2", {}, ...inline(embed.title, names)),
    embed.description && markdown(embed.description, names),
    embed.fields?.length && element("div", { className: "fields" }, ...embed.fields.map((field) =>
      element("section", { className: field.inline ? "inline" : "" },
        element("h3", {}, ...inline(field.name, names)), markdown(field.value, names)))),
    embed.thumbnail && element("div", { className: "thumbnail" }, picture(embed.thumbnail.url, null, message)),
    embed.image && element("div", { className: "picture" }, picture(embed.image.url, null, message)),
    embed.footer && element("footer", {}, embed.footer.text));
  if (embed.color !== undefined && embed.color !== null) article.style.setProperty("--accent", colour(embed.color));
  return article;
}

function reactions(message, act, menus) {
  if (message.flags & (EPHEMERAL | LOADING)) return null;
  const react = (emoji, on) => act({ do: "react", message: message.id, emoji, on });
  const emojiKey = (emoji) => (emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name);
  const given = message.reactions.map((each) => element("button", { type: "button", className: "reaction",
    "data-key": emojiKey(each.emoji), ariaPressed: String(each.me), ariaLabel: `${each.emoji.name}, ${each.count}`,
    onclick: () => react(emojiKey(each.emoji), !each.me) }, each.emoji.name, element("b", {}, String(each.count))));
  const more = element("details", { className: "more" }, element("summary", { ariaLabel: t("Add a reaction"), "data-key": "more" }, "☺+"),
    element("div", {}, ...QUICK_REACTIONS.map((emoji) => element("button", { type: "button", ariaLabel: t("React with {emoji}", { emoji }),
      "data-key": `more ${emoji}`, onclick: () => { more.open = false; react(emoji, true); } }, emoji)),
    ...menus.map(({ name, label }) => element("button", { type: "button", className: "app", "data-key": `menu ${name}`,
      onclick: () => { more.open = false; act({ do: "menu", message: message.id, name }); } }, label))));
  return element("div", { className: "reactions" }, ...given, more);
}

// Return a predicate: whether a file is shown inside one of the message's embeds.
function isInEmbeds(message) {
  const urls = message.embeds.flatMap((embed) => [embed.image?.url, embed.thumbnail?.url]);
  return (file) => urls.includes(`attachment://${file.filename}`) || urls.includes(file.url);
}

// Return whether a message is written by a person, answers what the person did, or is visible to the person alone.
export function isFor(message, person) {
  return message.author.id === person || message.interaction_metadata?.user.id === person || Boolean(message.flags & EPHEMERAL);
}

// Return a message as an element. act runs an action; names: people and channels by id; menus: commands on a message.
export function messageElement(message, names, act, menus) {
  const { author } = message;
  const at = new Date(message.timestamp);
  const embedded = isInEmbeds(message);
  const files = message.attachments.filter((file) => !embedded(file));
  return element("li", { className: "message", "data-id": message.id },
    commandLine(message, menus) ?? replyLine(message, names),
    avatar(author.username, author.bot),
    element("div", { className: "body" },
      element("p", { className: "head" }, element("b", {}, author.username), author.bot && element("span", { className: "tag" }, "APP"),
        element("time", { dateTime: message.timestamp, title: at.toLocaleString(language) },
          at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" }))),
      content(message, names),
      ...message.embeds.map((embed) => card(embed, message, names)),
      files.length > 0 && element("div", { className: "files" }, ...files.map((file) => attachment(file, message))),
      ...components(message, names, act),
      message.edited_timestamp && !author.bot && element("small", { className: "edited" }, t("(edited)")),
      reactions(message, act, menus),
      message.flags & EPHEMERAL ? element("p", { className: "private" }, `👁 ${t("Only you can see this")}`) : null));
}
