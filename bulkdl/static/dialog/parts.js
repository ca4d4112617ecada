/** The dialog's elements: made once, with a name for everything that changes. */

import { element, icon } from "./elements.js";

/** @typedef {"cancel" | "background" | "download" | "retry" | "close"} Action */

export const ICONS = {
  working: "M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M4.5 16.5v1.5a2.5 2.5 0 0 0 2.5 2.5h10a2.5 2.5 0 0 0 2.5-2.5v-1.5",
  complete: "m5 12.5 4.5 4.5L19 7.5",
  incomplete:
    "M12 8.5v4.5m0 3.4v.1M10.3 4.2 2.9 17.1A2 2 0 0 0 4.6 20h14.8a2 2 0 0 0 1.7-2.9L13.7 4.2a2 2 0 0 0-3.4 0Z",
  failed: "M12 7.5V13m0 3.4v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  cancelled: "M7 7l10 10M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  close: "m6 6 12 12M18 6 6 18",
};

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
    part.buttons[action] = element("button", {
      type: "button",
      "data-action": action,
    });
  }
  part.bar.append(part.progress, part.percent);
  const head = element("div", { class: "head" }, part.badge, element("div", {}, part.title, part.note), part.x);
  const { archive, bar, facts, connection, error, skipped, renamed, live, buttons } = part;
  const foot = element("div", { class: "actions" }, ...Object.values(buttons));
  const frame = element(
    "div",
    { class: "frame" },
    head,
    archive,
    bar,
    facts,
    connection,
    error,
    skipped,
    renamed,
    foot,
    live,
  );
  const dialog = element(
    "dialog",
    {
      "aria-labelledby": "title",
      "aria-describedby": "note",
      closedby: "any",
      tabindex: "-1",
    },
    frame,
  );
  return { ...part, frame, dialog };
}

/** @typedef {ReturnType<typeof build>} Parts */
