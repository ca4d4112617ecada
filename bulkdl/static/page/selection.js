/** Which assets are chosen, and how much they are together. Knows positions only while a range is drawn. */

import { Store } from "../client/store.js";

/** @typedef {import("./library.js").Asset} Asset */
/** @typedef {{chosen: ReadonlyMap<string, Asset>, size: number}} Chosen */

/** @type {Chosen} */
const NONE = { chosen: new Map(), size: 0 };

export class Selection {
  store = new Store(NONE);
  #anchor = 0;
  /** @type {ReadonlyMap<string, Asset>} what was chosen when the range was begun */
  #base = NONE.chosen;

  /** @param {string} assetId */
  has(assetId) {
    return this.store.value.chosen.has(assetId);
  }

  get count() {
    return this.store.value.chosen.size;
  }

  /** Turn one over; a range may be drawn from here. @param {readonly Asset[]} shown @param {number} position */
  toggle(shown, position) {
    const asset = shown[position];
    const chosen = new Map(this.store.value.chosen);
    if (!chosen.delete(asset.assetId)) chosen.set(asset.assetId, asset);
    this.#set(chosen);
    this.anchorAt(position);
  }

  /** Begin a range here. @param {number} position */
  anchorAt(position) {
    this.#anchor = position;
    this.#base = this.store.value.chosen;
  }

  /** Choose all from the anchor to here, and no longer what an earlier range from there held. @param {readonly Asset[]} shown @param {number} position */
  extend(shown, position) {
    const chosen = new Map(this.#base);
    const [first, last] = [Math.min(this.#anchor, position), Math.max(this.#anchor, position)];
    for (const asset of shown.slice(first, last + 1)) chosen.set(asset.assetId, asset);
    this.#set(chosen);
  }

  /** @param {readonly Asset[]} shown */
  addAll(shown) {
    const chosen = new Map(this.store.value.chosen);
    for (const asset of shown) chosen.set(asset.assetId, asset);
    this.#set(chosen);
    this.#base = chosen;
  }

  clear() {
    this.store.set(NONE);
    this.#base = NONE.chosen;
  }

  /** @param {ReadonlyMap<string, Asset>} chosen */
  #set(chosen) {
    this.store.set({ chosen, size: sizeOf(chosen.values()) });
  }
}

/** @param {Iterable<Asset>} assets */
export function sizeOf(assets) {
  let size = 0;
  for (const asset of assets) size += asset.size;
  return size;
}
