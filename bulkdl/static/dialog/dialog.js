/** <bulk-download-dialog>: one download on a native <dialog>, over a BulkDownloadClient. */

import { BulkDownloadClient } from "../client/client.js";
import { Announcer } from "./announcer.js";
import { build } from "./parts.js";
import { styleSheet } from "./styles.js";
import { TEXTS } from "./texts.js";
import { faceOf, render } from "./view.js";

/** @typedef {import("./parts.js").Action} Action */

/** How long a success stays to be seen before the dialog closes itself. */
const CLOSE_AFTER_MS = 4000;

// A server has no HTMLElement; importing the module there must do no harm.
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * Attributes: `project-id` and `url-prefix` (for a client of its own), `auto-close="off"`, `auto-open="off"`.
 * Events: `bulkdl-open`, `bulkdl-close`; both bubble.
 */
export class BulkDownloadDialog extends Base {
  static observedAttributes = ["lang"];

  #parts = build();
  #announcer = new Announcer(this.#parts.live);
  /** @type {BulkDownloadClient | undefined} */
  #client;
  #ownsClient = false;
  #unsubscribe = () => {};
  /** @type {import("./texts.js").AllTexts} */
  #texts = { ...TEXTS };
  #face = "idle";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #closing;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet()];
    root.append(this.#parts.dialog);
    const { dialog, x } = this.#parts;
    dialog.addEventListener("click", (event) => this.#click(event));
    dialog.addEventListener("pointerdown", () => clearTimeout(this.#closing));
    dialog.addEventListener("keydown", () => clearTimeout(this.#closing));
    dialog.addEventListener("close", () => this.#closed());
    x.addEventListener("click", () => this.close());
  }

  /** The client whose download is shown; an element with a `project-id` makes its own. */
  get client() {
    return this.#client;
  }

  set client(client) {
    if (client === this.#client) return;
    this.#unsubscribe();
    if (this.#ownsClient) this.#client?.close();
    this.#ownsClient = false;
    this.#client = client;
    this.#unsubscribe = client?.subscribe(() => this.#update()) ?? (() => {});
    if (client) this.#update();
  }

  /** Texts that replace the English ones; those left out stay. @type {import("./texts.js").Texts} */
  get texts() {
    return this.#texts;
  }

  set texts(texts) {
    this.#texts = { ...TEXTS, ...texts };
    this.#update();
  }

  /** Whether the dialog closes itself after a success that leaves nothing to be read. */
  get autoClose() {
    return this.getAttribute("auto-close") !== "off";
  }

  set autoClose(isOn) {
    this.setAttribute("auto-close", isOn ? "on" : "off");
  }

  get isOpen() {
    return this.#parts.dialog.open;
  }

  connectedCallback() {
    const projectId = this.getAttribute("project-id");
    if (this.#client || projectId === null) return;
    this.client = new BulkDownloadClient({
      urlPrefix: this.getAttribute("url-prefix") ?? undefined,
      projectId,
    });
    this.#ownsClient = true;
  }

  disconnectedCallback() {
    clearTimeout(this.#closing);
    if (this.#ownsClient) this.client = undefined;
  }

  attributeChangedCallback() {
    this.#update();
  }

  /** Start a download and show it. @type {BulkDownloadClient["startDownload"]} */
  startDownload(assetIds, options) {
    if (!this.#client)
      throw new Error("<bulk-download-dialog> has no client: set its `client`, or give it a `project-id`.");
    return this.#client.startDownload(assetIds, options);
  }

  show() {
    const { dialog } = this.#parts;
    if (dialog.open || !this.isConnected) return;
    dialog.showModal();
    this.#focusMain();
    this.dispatchEvent(new CustomEvent("bulkdl-open", { bubbles: true, composed: true }));
  }

  /** Hide the dialog. A running download goes on; one that has ended is let go of. */
  close() {
    this.#parts.dialog.close();
  }

  #closed() {
    clearTimeout(this.#closing);
    const status = this.#client?.state.status;
    if (status !== "pending" && status !== "processing") this.#client?.reset();
    this.dispatchEvent(new CustomEvent("bulkdl-close", { bubbles: true, composed: true }));
  }

  #update() {
    const state = this.#client?.state;
    if (!state) return;
    const locale = localeOf(/** @type {HTMLElement | null} */ (this.closest("[lang]"))?.lang);
    const hadFocus = this.shadowRoot?.activeElement;
    render(this.#parts, state, this.#texts, locale);
    this.#announcer.hear(state, this.#texts);
    const before = this.#face;
    this.#face = faceOf(state);
    if (this.#face !== before) this.#turned(before, state);
    if (hadFocus instanceof HTMLElement && hadFocus.hidden) this.#focusMain();
    if (state.hasBegunDownload && this.autoClose && state.skippedCount + state.renamedCount === 0) this.#closeSoon();
    else clearTimeout(this.#closing);
  }

  /** Another face: show it to the person who has to know. @param {string} before @param {import("../client/state.js").DownloadState} state */
  #turned(before, { isOurs, status }) {
    this.#closing = undefined;
    if (status === "idle") return this.#parts.dialog.close();
    if (this.getAttribute("auto-open") === "off" || !isOurs) return;
    const hasBegun = (status === "pending" || status === "processing") && before !== "pending";
    if (hasBegun || this.#face === "incomplete" || this.#face === "failed") this.show();
  }

  #closeSoon() {
    if (this.#closing === undefined && this.isOpen) this.#closing = setTimeout(() => this.close(), CLOSE_AFTER_MS);
  }

  #focusMain() {
    const shown = Object.values(this.#parts.buttons).filter((button) => !button.hidden && !button.disabled);
    (shown.at(-1) ?? this.#parts.dialog).focus();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const action = /** @type {Action | undefined} */ (button?.dataset.action);
    if (action === "close" || action === "background") this.close();
    // What goes wrong is in the client's state, and so on the screen.
    else if (action) this.#client?.[action]().catch(() => {});
  }
}

/** The page's language, as the person's region writes it: "en" is "en-GB" to somebody there. @param {string | undefined} lang */
function localeOf(lang) {
  return (lang && navigator.languages.find((known) => known.startsWith(`${lang}-`))) || lang || undefined;
}
