/** Sizes, speeds and times as people read them. */

import assert from "node:assert/strict";
import test from "node:test";
import { formatBytes, formatDuration, formatRelative, formatSpeed } from "../../bulkdl/static/client/format.js";

/** @param {string} text */
const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ");

for (const [size, text] of /** @type {[number, string][]} */ ([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1 kB"],
  [999_499, "999 kB"],
  [999_500, "1 MB"],
  [1_250_000, "1.3 MB"],
  [113_097_387, "113 MB"],
  [5e9, "5 GB"],
  [2.5e12, "2.5 TB"],
  [5e15, "5,000 TB"],
])) {
  test(`${size} bytes are shown as ${text}`, () => assert.equal(plain(formatBytes(size, "en")), text));
}

for (const [seconds, text] of /** @type {[number, string][]} */ ([
  [0, "1 sec"],
  [59.4, "59 sec"],
  [59.6, "1 min"],
  [150, "3 min"],
  [3599, "1 hr"],
  [3660, "1 hr 1 min"],
  [7200, "2 hr"],
])) {
  test(`${seconds} seconds are shown as ${text}`, () => assert.equal(plain(formatDuration(seconds, "en")), text));
}

test("speeds and numbers follow the language", () => {
  assert.equal(plain(formatSpeed(18_300_000, "en")), "18.3 MB/s");
  assert.equal(plain(formatBytes(18_300_000, "de")), "18,3 MB");
});

test("an expiry is told from now", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  assert.equal(formatRelative(new Date(now + 23.9 * 3600e3), now, "en"), "in 23 hours");
  assert.equal(formatRelative(new Date(now - 300e3), now, "en"), "5 minutes ago");
  assert.equal(formatRelative(new Date(now + 3.5 * 86400e3), now, "en"), "in 3 days");
});
