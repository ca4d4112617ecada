/** What of the library is seen, and what of it is chosen. */

import assert from "node:assert/strict";
import test from "node:test";
import { Library, foldersOf, view } from "../../bulkdl/static/page/library.js";
import { Selection } from "../../bulkdl/static/page/selection.js";

/** @param {string} name @param {number} [size] */
const asset = (name, size = 1) => ({
  assetId: name,
  name,
  size,
  contentType: null,
  modifiedAt: `2026-01-0${size}`,
  thumbnailUrl: null,
});
const ASSETS = [asset("a.jpg", 3), asset("Trip/b.jpg", 1), asset("Trip/Day 2/c.jpg", 2), asset("Trip-old/d.jpg", 4)];
const HOW = /** @type {const} */ ({ search: "", folder: "", order: "name" });

/** @param {readonly {name: string}[]} assets */
const names = (assets) => assets.map(({ name }) => name);

test("a folder shows what lies in it and below, and not its namesakes", () => {
  assert.deepEqual(names(view(ASSETS, { ...HOW, folder: "Trip" })), ["Trip/b.jpg", "Trip/Day 2/c.jpg"]);
});

test("every word of a search must be found, in any order and case", () => {
  assert.deepEqual(names(view(ASSETS, { ...HOW, search: "DAY trip" })), ["Trip/Day 2/c.jpg"]);
});

test("orders leave the library as it is", () => {
  assert.deepEqual(names(view(ASSETS, { ...HOW, order: "size" })), [
    "Trip-old/d.jpg",
    "a.jpg",
    "Trip/Day 2/c.jpg",
    "Trip/b.jpg",
  ]);
  assert.equal(ASSETS[0].name, "a.jpg");
});

test("folders form a tree with what is below them", () => {
  const folders = foldersOf(ASSETS).map(({ path, depth, count, size }) => [path, depth, count, size]);

  assert.deepEqual(folders, [
    ["Trip", 0, 2, 3],
    ["Trip/Day 2", 1, 1, 2],
    ["Trip-old", 0, 1, 4],
  ]);
});

test("all pages are read", async () => {
  const pages = [
    { assets: ASSETS.slice(0, 2), nextCursor: "2" },
    { assets: ASSETS.slice(2), nextCursor: null },
  ];
  const api = /** @type {any} */ ({ get: async () => pages.shift() });
  const library = new Library(api, "demo");

  await library.load();

  assert.equal(library.state.status, "ready");
  assert.deepEqual(names(library.state.shown), names(ASSETS));
});

test("a range shrinks when its end comes back, and keeps what was chosen before", () => {
  const selection = new Selection();
  selection.toggle(ASSETS, 3);
  selection.toggle(ASSETS, 0);

  selection.extend(ASSETS, 2);
  assert.equal(selection.count, 4);
  selection.extend(ASSETS, 1);

  assert.deepEqual([...selection.store.value.chosen.keys()].sort(), ["Trip-old/d.jpg", "Trip/b.jpg", "a.jpg"]);
  assert.equal(selection.store.value.size, 8);
});

test("a choice outlives another search", () => {
  const selection = new Selection();
  selection.addAll(ASSETS.slice(0, 2));
  selection.addAll(ASSETS.slice(3));

  assert.equal(selection.count, 3);
  selection.clear();
  assert.equal(selection.store.value.size, 0);
});
