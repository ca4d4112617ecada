/** The project's assets: read page by page, and seen through a folder, a search and an order. */

import { Store } from "../client/store.js";

/**
 * @typedef {object} Asset
 * @property {string} assetId
 * @property {string} name with `/` between folders
 * @property {number} size
 * @property {string | null} contentType
 * @property {string | null} modifiedAt
 * @property {string | null} thumbnailUrl
 */

/** @typedef {"name" | "size" | "newest"} Order */

/**
 * @typedef {object} LibraryState
 * @property {readonly Asset[]} assets all that have been read
 * @property {"loading" | "ready" | "failed"} status
 * @property {import("../client/errors.js").BulkDownloadError | null} error
 * @property {boolean} isPartial whether there is more than a page can hold; then the server searches
 * @property {string} search
 * @property {string} folder "" for all
 * @property {Order} order
 * @property {readonly Asset[]} shown
 */

/** What fills a window comes first and soon; the rest follows when the page has nothing better to do. */
const FIRST_PAGE_SIZE = 100;
const PAGE_SIZE = 1000;
const IDLE_LIMIT_MS = 300;
const LIMIT = 50_000;
const SEARCH_PAUSE_MS = 250;

/** @type {LibraryState} */
const START = {
  assets: [],
  status: "loading",
  error: null,
  isPartial: false,
  search: "",
  folder: "",
  order: "name",
  shown: [],
};

/** @type {Record<Order, (one: Asset, other: Asset) => number>} */
const ORDERS = {
  name: () => 0,
  size: (one, other) => other.size - one.size,
  newest: (one, other) => (other.modifiedAt ?? "").localeCompare(one.modifiedAt ?? ""),
};

export class Library {
  store = new Store(START);
  #api;
  #projectId;
  #turn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** @param {import("../client/api.js").Api} api @param {string} projectId */
  constructor(api, projectId) {
    this.#api = api;
    this.#projectId = projectId;
  }

  get state() {
    return this.store.value;
  }

  /** Read everything, showing each page as it comes. */
  async load() {
    const turn = ++this.#turn;
    this.#set({
      assets: [],
      shown: [],
      status: "loading",
      error: null,
      isPartial: false,
    });
    try {
      await this.#loadPages(turn, "");
      if (turn === this.#turn) this.#set({ status: "ready" });
    } catch (thrown) {
      const error = /** @type {import("../client/errors.js").BulkDownloadError} */ (thrown);
      if (turn === this.#turn) this.#set({ status: "failed", error });
    }
  }

  /** @param {number} turn @param {string} search */
  async #loadPages(turn, search) {
    /** @type {Asset[]} */
    let assets = [];
    /** @type {string | null} */
    let cursor = null;
    do {
      const limit = cursor ? PAGE_SIZE : FIRST_PAGE_SIZE;
      const query = { projectId: this.#projectId, limit, cursor, search };
      const page = await this.#api.get("/assets", { query });
      if (turn !== this.#turn) return;
      assets = assets.concat(page.assets);
      cursor = page.nextCursor ?? null;
      const isPartial = Boolean(search) || (cursor !== null && assets.length >= LIMIT);
      this.#see({ assets, isPartial });
      if (isPartial && assets.length >= LIMIT) return;
      if (cursor) await idle();
    } while (cursor);
  }

  /** @param {Partial<Pick<LibraryState, "search" | "folder" | "order">>} change */
  look(change) {
    const isOtherSearch = change.search !== undefined && change.search !== this.state.search;
    this.#see(change);
    if (!isOtherSearch || !this.state.isPartial) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#searchThere(), SEARCH_PAUSE_MS);
  }

  async #searchThere() {
    const turn = ++this.#turn;
    this.#set({ status: "loading" });
    await this.#loadPages(turn, this.state.search).catch((error) => this.#set({ status: "failed", error }));
    if (turn === this.#turn && this.state.status === "loading") this.#set({ status: "ready" });
  }

  /** @param {Partial<LibraryState>} change */
  #see(change) {
    const next = { ...this.state, ...change };
    this.store.set({ ...next, shown: view(next.assets, next) });
  }

  /** @param {Partial<LibraryState>} change */
  #set(change) {
    this.store.set({ ...this.state, ...change });
  }
}

/** @returns {Promise<void>} */
function idle() {
  return new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve(), { timeout: IDLE_LIMIT_MS });
    else setTimeout(resolve, 0);
  });
}

/**
 * The assets in a folder (and below) that hold every word of the search, in order.
 *
 * @param {readonly Asset[]} assets
 * @param {Pick<LibraryState, "search" | "folder" | "order">} how
 */
export function view(assets, { search, folder, order }) {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const start = folder && `${folder}/`;
  const shown = assets.filter(({ name }) => {
    const lower = words.length ? name.toLocaleLowerCase() : "";
    return name.startsWith(start) && words.every((word) => lower.includes(word));
  });
  return order === "name" ? shown : shown.sort(ORDERS[order]);
}

/** @typedef {{path: string, name: string, depth: number, count: number, size: number}} Folder */

/** Every folder with what lies in it and below, in the order of a tree. @param {readonly Asset[]} assets @returns {Folder[]} */
export function foldersOf(assets) {
  /** @type {Map<string, Folder>} */
  const folders = new Map();
  for (const { name, size } of assets) {
    for (let end = name.indexOf("/"); end > 0; end = name.indexOf("/", end + 1)) {
      const path = name.slice(0, end);
      const folder = folders.get(path) ?? {
        path,
        name: baseName(path),
        depth: path.split("/").length - 1,
        count: 0,
        size: 0,
      };
      folder.count += 1;
      folder.size += size;
      folders.set(path, folder);
    }
  }
  return [...folders.values()].sort((one, other) => compare(one.path.split("/"), other.path.split("/")));
}

/** Name by name, so that children follow their parent. @param {string[]} one @param {string[]} other */
function compare(one, other) {
  const depth = one.findIndex((name, level) => name !== other[level]);
  if (depth < 0) return one.length - other.length;
  return depth < other.length ? one[depth].localeCompare(other[depth]) : 1;
}

/** @param {string} path */
export function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
