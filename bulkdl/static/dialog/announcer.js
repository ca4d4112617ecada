/** Tells a screen reader what matters: each change of state, and a quarter, a half, three quarters done. Never more. */

import { fill } from "./texts.js";
import { errorText, faceOf } from "./view.js";

export class Announcer {
  #region;
  #said = "";

  /** @param {HTMLElement} region with role="status" */
  constructor(region) {
    this.#region = region;
  }

  /** @param {import("../client/state.js").DownloadState} state @param {import("./texts.js").AllTexts} texts */
  hear(state, texts) {
    const face = faceOf(state);
    const quarter = face === "processing" ? Math.floor(state.progress.percent / 25) : 0;
    const key = `${face}:${quarter}`;
    if (key === this.#said || face === "idle") return;
    this.#said = key;
    const percent = quarter * 25;
    const words = quarter
      ? fill(texts.announceProgress, { percent })
      : fill(texts[/** @type {import("./texts.js").TextName} */ (face)]);
    this.#region.textContent = face === "failed" && state.error ? `${words}. ${errorText(state.error, texts)}` : words;
  }
}
