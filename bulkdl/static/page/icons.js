/** Line drawings of the page, 24 by 24. */

import { icon } from "../dialog/elements.js";

const PATHS = {
  check: "m5 12.5 4.5 4.5L19 7.5",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5v.01",
  video: "M4 6h11v12H4zM15 10.5 20 7v10l-5-3.5",
  audio: "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0Zm10-2a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0Z",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6.5h6l2 2.5h10v9.5H3z",
  all: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  clock: "M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  warning: "M12 8.5v4.5m0 3.4v.1M10.3 4.2 2.9 17.1A2 2 0 0 0 4.6 20h14.8a2 2 0 0 0 1.7-2.9L13.7 4.2a2 2 0 0 0-3.4 0Z",
  failed: "M12 7.5V13m0 3.4v.1M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  stopped: "M7 7l10 10M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  working: "M12 3v11m0 0 4.5-4.5M12 14 7.5 9.5M4.5 20.5h15",
};

/** @param {keyof typeof PATHS} name */
export function drawing(name) {
  return icon(PATHS[name]);
}

/** What stands for an asset that has no picture. @param {string | null} contentType */
export function drawingOf(contentType) {
  const kind = (contentType ?? "").split("/")[0];
  return drawing(kind === "image" || kind === "video" || kind === "audio" ? kind : "file");
}
