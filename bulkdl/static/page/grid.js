/**
 * The assets as a list box of tiles. Only the tiles near the window exist, so ten thousand assets cost what fifty do.
 */

import { formatBytes } from "../client/format.js";
import { element } from "../dialog/elements.js";
import { drawing, drawingOf } from "./icons.js";
import { baseName } from "./library.js";

/** @typedef {import("./library.js").Asset} Asset */

const CAPTION_HEIGHT = 52;
/** Rows that exist above and below the window. */
const SPARE_ROWS = 2;

export class Grid {
  #list;
  #selection;
  /** @type {readonly Asset[]} */
  #assets = [];
  #active = 0;
  /** @type {Map<number, HTMLElement>} */
  #tiles = new Map();
  #columns = 1;
  #tileWidth = 0;
  #rowHeight = 1;
  #gap = 16;
  #isDue = false;

  /** @param {HTMLElement} list with role="listbox" @param {import("./selection.js").Selection} selection */
  constructor(list, selection) {
    this.#list = list;
    this.#selection = selection;
    selection.store.subscribe(() => this.#mark());
    list.addEventListener("click", (event) => this.#click(event));
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focus", () => this.#activate(this.#active));
    list.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(list);
    addEventListener("resize", () => this.#soon(), { passive: true });
  }

  /** @param {readonly Asset[]} assets */
  show(assets) {
    const isGrowth = assets.length >= this.#assets.length && assets[0] === this.#assets[0];
    this.#assets = assets;
    if (!isGrowth) {
      this.#active = 0;
      for (const tile of this.#tiles.values()) tile.remove();
      this.#tiles.clear();
      if (scrollY > this.#top()) scrollTo({ top: 0 });
    }
    this.#measure();
  }

  #measure() {
    const width = this.#list.clientWidth;
    if (!width) return;
    const isNarrow = width < 520;
    this.#gap = isNarrow ? 10 : 16;
    this.#columns = Math.max(2, Math.floor((width + this.#gap) / ((isNarrow ? 150 : 176) + this.#gap)));
    this.#tileWidth = (width - this.#gap * (this.#columns - 1)) / this.#columns;
    this.#rowHeight = Math.round(this.#tileWidth * 0.75) + CAPTION_HEIGHT + this.#gap;
    const rows = Math.ceil(this.#assets.length / this.#columns);
    this.#list.style.height = `${Math.max(0, rows * this.#rowHeight - this.#gap)}px`;
    for (const [position, tile] of this.#tiles) this.#place(tile, position);
    this.#draw();
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #top() {
    return this.#list.getBoundingClientRect().top + scrollY;
  }

  /** Make the tiles that should exist, and drop the others. */
  #draw() {
    const above = scrollY - this.#top();
    const firstRow = Math.max(0, Math.floor(above / this.#rowHeight) - SPARE_ROWS);
    const lastRow = Math.ceil((above + innerHeight) / this.#rowHeight) + SPARE_ROWS;
    const first = firstRow * this.#columns;
    const last = Math.min(this.#assets.length, lastRow * this.#columns) - 1;
    for (const [position, tile] of this.#tiles) {
      if ((position >= first && position <= last) || position === this.#active) continue;
      tile.remove();
      this.#tiles.delete(position);
    }
    for (let position = first; position <= last; position++) this.#tile(position);
  }

  /** The tile at a position, made if need be. @param {number} position */
  #tile(position) {
    let tile = this.#tiles.get(position);
    if (!tile && this.#assets[position]) {
      tile = this.#make(position);
      this.#tiles.set(position, tile);
      this.#place(tile, position);
      this.#insert(tile, position);
    }
    return tile;
  }

  /** Keep the order of reading. @param {HTMLElement} tile @param {number} position */
  #insert(tile, position) {
    const following = [...this.#list.children].find(
      (other) => Number(/** @type {HTMLElement} */ (other).dataset.position) > position,
    );
    this.#list.insertBefore(tile, following ?? null);
  }

  /** @param {number} position */
  #make(position) {
    const asset = this.#assets[position];
    const name = baseName(asset.name);
    const picture = element("span", { class: "picture" });
    picture.append(asset.thumbnailUrl ? thumbnail(asset) : stand(asset));
    const size = element("span", { class: "size" }, formatBytes(asset.size));
    const folder = element("span", { class: "unseen" }, asset.name.slice(0, -name.length));
    const caption = element(
      "span",
      { class: "caption" },
      element("span", { class: "name", title: asset.name }, folder, name),
      size,
    );
    const check = element("span", { class: "check", "aria-hidden": "true" }, drawing("check"));
    const tile = element(
      "div",
      {
        class: "tile",
        role: "option",
        id: `asset-${position}`,
        "data-position": String(position),
      },
      picture,
      caption,
      check,
    );
    tile.setAttribute("aria-setsize", String(this.#assets.length));
    tile.setAttribute("aria-posinset", String(position + 1));
    tile.setAttribute("aria-selected", String(this.#selection.has(asset.assetId)));
    return tile;
  }

  /** @param {HTMLElement} tile @param {number} position */
  #place(tile, position) {
    const row = Math.floor(position / this.#columns);
    const column = position % this.#columns;
    const start = column * (this.#tileWidth + this.#gap);
    tile.style.inlineSize = `${this.#tileWidth}px`;
    tile.style.insetInlineStart = `${start}px`;
    tile.style.insetBlockStart = `${row * this.#rowHeight}px`;
    tile.setAttribute("aria-setsize", String(this.#assets.length));
  }

  #mark() {
    for (const [position, tile] of this.#tiles) {
      const asset = this.#assets[position];
      if (asset) tile.setAttribute("aria-selected", String(this.#selection.has(asset.assetId)));
    }
  }

  /** @param {number} position */
  #activate(position) {
    this.#tiles.get(this.#active)?.classList.remove("active");
    this.#active = Math.max(0, Math.min(position, this.#assets.length - 1));
    const tile = this.#tile(this.#active);
    if (!tile) return this.#list.removeAttribute("aria-activedescendant");
    tile.classList.add("active");
    this.#list.setAttribute("aria-activedescendant", tile.id);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const tile =
      event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(".tile")) : null;
    if (!tile) return;
    const position = Number(tile.dataset.position);
    this.#activate(position);
    if (event.shiftKey && this.#selection.count) this.#selection.extend(this.#assets, position);
    else this.#selection.toggle(this.#assets, position);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") this.#selection.addAll(this.#assets);
    else if (event.key === "Escape") this.#selection.clear();
    else if (event.key === " " || event.key === "Enter") this.#selection.toggle(this.#assets, this.#active);
    else if (!event.ctrlKey && !event.metaKey && !event.altKey && this.#step(event.key) !== undefined) {
      const position = /** @type {number} */ (this.#step(event.key));
      if (!event.shiftKey) this.#selection.anchorAt(Math.max(0, Math.min(position, this.#assets.length - 1)));
      this.#activate(position);
      this.#tile(this.#active)?.scrollIntoView({ block: "nearest" });
      if (event.shiftKey) this.#selection.extend(this.#assets, this.#active);
    } else return;
    event.preventDefault();
  }

  /** Where a key leads from here. @param {string} key @returns {number | undefined} */
  #step(key) {
    const page = this.#columns * Math.max(1, Math.floor(innerHeight / this.#rowHeight) - 1);
    const forward = getComputedStyle(this.#list).direction === "rtl" ? -1 : 1;
    /** @type {Record<string, number>} */
    const steps = {
      ArrowRight: forward,
      ArrowLeft: -forward,
      ArrowDown: this.#columns,
      ArrowUp: -this.#columns,
      PageDown: page,
      PageUp: -page,
    };
    if (key === "Home") return 0;
    if (key === "End") return this.#assets.length - 1;
    return key in steps ? this.#active + steps[key] : undefined;
  }
}

/** @param {Asset} asset */
function thumbnail(asset) {
  const image = element("img", {
    alt: "",
    loading: "lazy",
    decoding: "async",
    draggable: "false",
  });
  image.addEventListener("load", () => image.classList.add("seen"), {
    once: true,
  });
  image.addEventListener("error", () => image.replaceWith(stand(asset)), {
    once: true,
  });
  image.src = /** @type {string} */ (asset.thumbnailUrl);
  return image;
}

/** @param {Asset} asset */
function stand({ name, contentType }) {
  const ending = baseName(name).split(".").slice(1).pop() ?? "";
  return element(
    "span",
    { class: "stand", "aria-hidden": "true" },
    drawingOf(contentType),
    element("span", {}, ending.slice(0, 5).toUpperCase()),
  );
}
