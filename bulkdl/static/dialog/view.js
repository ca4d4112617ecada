/** The dialog's elements, and how a state is written into them. Text from the server only ever becomes text. */

import { formatBytes, formatCount, formatDuration, formatSpeed } from "../client/format.js";
import { fill } from "./texts.js";

/** @typedef {import("../client/client.js").DownloadState} DownloadState */
/** @typedef {import("./texts.js").TextName} TextName */
/** @typedef {(name: TextName, values?: Record<string, string | number>) => string} Say */

/** @typedef {"cancel" | "background" | "download" | "retry" | "close"} Action */

const ICONS = {
  working: "M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M4.5 16.5v1.5a2.5 2.5 0 0 0 2.5 2.5h10a2.5 2.5 0 0 0 2.5-2.5v-1.5",
  complete: "m5 12.5 4.5 4.5L19 7.5",
  incomplete: "M12 8.5v4.5m0 3.4v.1M10.3 4.2 2.9 17.1A2 2 0 0 0 4.6 20h14.8a2 2 0 0 0 1.7-2.9L13.7 4.2a2 2 0 0 0-3.4 0Z",
  failed: "M12 7.5V13m0 3.4v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  cancelled: "M7 7l10 10M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  close: "m6 6 12 12M18 6 6 18",
};

/** How many names are shown before "and more". */
const LIST_LIMIT = 100;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** @param {string} path */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: "20", height: "20", fill: "none", stroke: "currentColor",
    "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" })) svg.setAttribute(name, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** What of the dialog's faces a state shows. @param {DownloadState} state */
export function faceOf({ status, skippedCount }) {
  return status === "complete" && skippedCount > 0 ? "incomplete" : status;
}

/** The dialog's tree, with names for what changes. */
export function build() {
  const part = {
    title: element("h2", { id: "title" }),
    note: element("p", { class: "note", id: "note" }),
    badge: element("span", { class: "badge" }),
    x: element("button", { class: "x", type: "button" }, icon(ICONS.close)),
    archive: element("p", { class: "archive" }),
    bar: element("div", { class: "bar" }),
    progress: element("progress", { max: "100" }),
    percent: element("span", { class: "percent", "aria-hidden": "true" }),
    facts: element("dl"),
    connection: element("p", { class: "alert warn" }),
    error: element("p", { class: "alert bad" }),
    skipped: element("details", { class: "skipped" }, element("summary"), element("ul", { tabindex: "0" })),
    renamed: element("details", { class: "renamed" }, element("summary"), element("ul", { tabindex: "0" })),
    live: element("p", { class: "unseen", role: "status" }),
    buttons: /** @type {Record<Action, HTMLButtonElement>} */ ({}),
    values: /** @type {Record<string, HTMLElement>} */ ({}),
  };
  for (const name of ["files", "size", "speed", "timeLeft"]) {
    part.values[name] = element("dd");
    part.facts.append(element("div", { "data-fact": name }, element("dt"), part.values[name]));
  }
  for (const action of /** @type {const} */ (["cancel", "close", "background", "retry", "download"])) {
    part.buttons[action] = element("button", { type: "button", "data-action": action });
  }
  part.bar.append(part.progress, part.percent);
  const head = element("div", { class: "head" }, part.badge, element("div", {}, part.title, part.note), part.x);
  const { archive, bar, facts, connection, error, skipped, renamed, live, buttons } = part;
  const foot = element("div", { class: "actions" }, ...Object.values(buttons));
  const frame = element("div", { class: "frame" }, head, archive, bar, facts, connection, error, skipped, renamed, foot, live);
  const dialog = element("dialog", { "aria-labelledby": "title", "aria-describedby": "note", closedby: "any", tabindex: "-1" }, frame);
  return { ...part, frame, dialog };
}

/** @typedef {ReturnType<typeof build>} Parts */

/** The buttons of each face, the one to press first at the end. @type {Record<string, Action[]>} */
const BUTTONS = {
  idle: ["close"],
  pending: ["cancel", "background"],
  processing: ["cancel", "background"],
  complete: ["close", "download"],
  incomplete: ["close", "download"],
  failed: ["close", "retry"],
  cancelled: ["close", "retry"],
};

/**
 * Write the state into the elements.
 *
 * @param {Parts} parts
 * @param {DownloadState} state
 * @param {import("./texts.js").AllTexts} texts
 * @param {string | undefined} locale
 */
export function render(parts, state, texts, locale) {
  /** @type {Say} */
  const say = (name, values) => fill(texts[name], values);
  const face = faceOf(state);
  parts.frame.dataset.state = face;
  setText(parts.title, titleOf(state, face, say));
  setText(parts.note, noteOf(state, face, say));
  showIcon(parts.badge, face);
  parts.x.setAttribute("aria-label", say("close"));
  renderArchive(parts, state, say, locale);
  renderProgress(parts, state, say, locale);
  renderTrouble(parts, state, texts, say);
  renderList(parts.skipped, face === "processing" ? 0 : state.skippedCount, "skipped", state.skipped.map(({ name, reason }) => [name, reasonOf(reason, texts)]), say, locale);
  renderList(parts.renamed, face === "processing" ? 0 : state.renamedCount, "renamed", state.renamed.map(({ name, archiveName }) => [name, archiveName]), say, locale);
  renderButtons(parts, state, face, say);
}

/** @param {DownloadState} state @param {string} face @param {Say} say */
function titleOf(state, face, say) {
  if (state.isCancelling) return say("cancelling");
  if (face === "complete" && !state.hasBegunDownload) return say("ready");
  return say(/** @type {TextName} */ (face === "idle" ? "pending" : face));
}

/** @param {DownloadState} state @param {string} face @param {Say} say */
function noteOf(state, face, say) {
  if (face === "failed" || face === "idle" || (face === "complete" && !state.hasBegunDownload)) return "";
  const { bytesDone, bytesTotal } = state.progress;
  if (face === "processing" && bytesTotal > 0 && bytesDone >= bytesTotal) return say("finishingNote");
  return say(/** @type {TextName} */ (`${face}Note`));
}

/** @param {HTMLElement} badge @param {string} face */
function showIcon(badge, face) {
  const path = ICONS[/** @type {keyof typeof ICONS} */ (face)] ?? ICONS.working;
  if (badge.dataset.icon === path) return;
  badge.dataset.icon = path;
  badge.replaceChildren(icon(path));
}

/** @param {Parts} parts @param {DownloadState} state @param {Say} say @param {string} [locale] */
function renderArchive({ archive }, { status, archiveName, fileCount, fileSize, expiresAt }, say, locale) {
  archive.hidden = status !== "complete" || !archiveName;
  if (archive.hidden) return;
  const files = formatCount(fileCount ?? 0, locale);
  const facts = [say("summary", { count: fileCount ?? 0, files, size: formatBytes(fileSize ?? 0, locale) })];
  if (expiresAt) facts.push(say("expires", { time: whenOf(expiresAt, locale) }));
  archive.replaceChildren(element("b", {}, archiveName ?? ""), ` · ${facts.join(" · ")}`);
}

/** @param {string} time @param {string} [locale] */
function whenOf(time, locale) {
  return new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(new Date(time));
}

/** @param {Parts} parts @param {DownloadState} state @param {Say} say @param {string} [locale] */
function renderProgress({ bar, progress, percent, facts, values }, state, say, locale) {
  const { current, total, bytesDone, bytesTotal, bytesPerSecond, etaSeconds } = state.progress;
  const isLive = state.status === "pending" || state.status === "processing";
  bar.hidden = !isLive;
  facts.hidden = !isLive;
  progress.setAttribute("aria-label", say("progress"));
  if (!isLive) return;
  if (state.status === "processing" && !state.isCancelling) progress.value = state.progress.percent;
  else progress.removeAttribute("value");
  setText(percent, state.status === "processing" ? `${state.progress.percent}%` : "");
  percent.hidden = state.status !== "processing";
  const isMoving = state.status === "processing" && !state.isCancelling;
  const shown = {
    files: total ? say("of", { done: formatCount(current, locale), total: formatCount(total, locale) }) : "",
    size: bytesTotal ? say("of", { done: formatBytes(bytesDone, locale), total: formatBytes(bytesTotal, locale) }) : "",
    speed: isMoving && bytesPerSecond ? formatSpeed(bytesPerSecond, locale) : "",
    timeLeft: isMoving && etaSeconds !== null ? formatDuration(etaSeconds, locale) : "",
  };
  for (const [name, text] of Object.entries(shown)) {
    setText(values[name], text || "–");
    setText(/** @type {HTMLElement} */ (values[name].previousElementSibling), say(/** @type {TextName} */ (name)));
  }
}

/** @param {Parts} parts @param {DownloadState} state @param {import("./texts.js").AllTexts} texts @param {Say} say */
function renderTrouble({ connection, error }, state, texts, say) {
  const isLive = state.status === "pending" || state.status === "processing";
  const trouble = state.connection === "offline" || state.connection === "signed-out" ? state.connection : null;
  connection.hidden = !isLive || !trouble;
  if (trouble) setText(connection, say(trouble));
  error.hidden = !state.error;
  setText(error, state.error ? errorText(state.error, texts) : "");
}

/** @param {import("../client/errors.js").BulkDownloadError} error @param {import("./texts.js").AllTexts} texts */
export function errorText(error, texts) {
  const text = error.needsSignIn ? texts.signInFirst : texts[error.code];
  return text ? fill(text) : error.message;
}

/** @param {string} reason @param {import("./texts.js").AllTexts} texts */
function reasonOf(reason, texts) {
  const text = texts[reason];
  return text ? fill(text) : reason;
}

/**
 * @param {HTMLDetailsElement} details
 * @param {number} count
 * @param {"skipped" | "renamed"} kind
 * @param {string[][]} rows
 * @param {Say} say
 * @param {string} [locale]
 */
function renderList(details, count, kind, rows, say, locale) {
  details.hidden = count === 0;
  const key = JSON.stringify([count, rows]);
  if (details.dataset.rows === key) return;
  details.dataset.rows = key;
  details.open = kind === "skipped" && count > 0;
  const [summary, list] = /** @type {[HTMLElement, HTMLElement]} */ (/** @type {unknown} */ ([...details.children]));
  const title = say(kind, { count, files: formatCount(count, locale) });
  setText(summary, title);
  list.setAttribute("aria-label", title);
  const shown = rows.slice(0, LIST_LIMIT);
  list.replaceChildren(...shown.map(([name, what]) => element("li", {}, element("b", {}, name), element("span", {}, what))));
  if (count > shown.length) list.append(element("li", {}, say("more", { files: formatCount(count - shown.length, locale) })));
}

/** @param {Parts} parts @param {DownloadState} state @param {string} face @param {Say} say */
function renderButtons({ buttons }, state, face, say) {
  const shown = BUTTONS[face];
  for (const [action, button] of /** @type {[Action, HTMLButtonElement][]} */ (Object.entries(buttons))) {
    button.hidden = !shown.includes(action);
    button.classList.toggle("main", action === shown.at(-1) && !state.hasBegunDownload);
    setText(button, say(action === "download" ? downloadText(state, face) : action));
  }
  buttons.cancel.disabled = state.isCancelling;
}

/** @param {DownloadState} state @param {string} face @returns {TextName} */
function downloadText(state, face) {
  if (state.hasBegunDownload) return "downloadAgain";
  return face === "incomplete" ? "downloadAnyway" : "download";
}

/** Leave a text node alone that says it already: screen readers and selections notice. @param {HTMLElement} node @param {string} text */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
