/** How a state is written into the dialog's elements. Text from the server only ever becomes text. */

import { formatBytes, formatCount, formatDuration, formatSpeed } from "../client/format.js";
import { element, icon } from "./elements.js";
import { ICONS } from "./parts.js";
import { fill } from "./texts.js";

/** @typedef {import("../client/state.js").DownloadState} DownloadState */
/** @typedef {import("./texts.js").TextName} TextName */
/** @typedef {(name: TextName, values?: Record<string, string | number>) => string} Say */

/** @typedef {import("./parts.js").Action} Action */
/** @typedef {import("./parts.js").Parts} Parts */

/** How many names are shown before "and more". */
const LIST_LIMIT = 100;

/** What of the dialog's faces a state shows. @param {DownloadState} state */
export function faceOf({ status, skippedCount }) {
  return status === "complete" && skippedCount > 0 ? "incomplete" : status;
}

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
  renderList(
    parts.skipped,
    face === "processing" ? 0 : state.skippedCount,
    "skipped",
    state.skipped.map(({ name, reason }) => [name, reasonOf(reason, texts)]),
    say,
    locale,
  );
  renderList(
    parts.renamed,
    face === "processing" ? 0 : state.renamedCount,
    "renamed",
    state.renamed.map(({ name, archiveName }) => [name, archiveName]),
    say,
    locale,
  );
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
  const facts = [
    say("summary", {
      count: fileCount ?? 0,
      files,
      size: formatBytes(fileSize ?? 0, locale),
    }),
  ];
  if (expiresAt) facts.push(say("expires", { time: whenOf(expiresAt, locale) }));
  archive.replaceChildren(element("b", {}, archiveName ?? ""), ` · ${facts.join(" · ")}`);
}

/** @param {string} time @param {string} [locale] */
function whenOf(time, locale) {
  return new Intl.DateTimeFormat(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "numeric",
    minute: "2-digit",
  }).format(new Date(time));
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
    files: total
      ? say("of", {
          done: formatCount(current, locale),
          total: formatCount(total, locale),
        })
      : "",
    size: bytesTotal
      ? say("of", {
          done: formatBytes(bytesDone, locale),
          total: formatBytes(bytesTotal, locale),
        })
      : "",
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
  list.replaceChildren(
    ...shown.map(([name, what]) => element("li", {}, element("b", {}, name), element("span", {}, what))),
  );
  if (count > shown.length)
    list.append(element("li", {}, say("more", { files: formatCount(count - shown.length, locale) })));
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
