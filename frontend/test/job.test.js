/** How news changes a job: never backwards. */

import assert from "node:assert/strict";
import test from "node:test";
import { isFinal, isSettled, jobOfEvent, learn } from "../../bulkdl/static/client/job.js";

/** @param {Partial<import("../../bulkdl/static/client/job.js").WireJob>} [fields] */
const news = (fields = {}) => ({ jobId: "j", status: /** @type {const} */ ("processing"), seq: 10, ...fields });

test("a first word of a job makes it known", () => {
  const job = learn(undefined, news({ percent: 3 }), 0);

  assert.equal(job.percent, 3);
  assert.deepEqual(job.skipped, []);
});

test("older news changes nothing", () => {
  const known = learn(undefined, news({ percent: 50 }), 0);

  assert.equal(learn(known, news({ seq: 9, percent: 40 }), 0), known);
});

test("newer news never shows progress going backwards", () => {
  const known = learn(undefined, news({ percent: 50, current: 5, bytesDone: 500 }), 0);

  const job = learn(known, news({ seq: 11, percent: 40, current: 4, bytesDone: 400 }), 0);

  assert.deepEqual([job.percent, job.current, job.bytesDone], [50, 5, 500]);
});

test("an end wins whatever its seq", () => {
  const known = learn(undefined, news({ seq: 100 }), 0);

  assert.equal(learn(known, news({ seq: 1, status: "failed" }), 0).status, "failed");
});

test("nothing but another end follows an end", () => {
  const known = learn(undefined, news({ status: "complete" }), 0);

  assert.equal(learn(known, news({ seq: 99 }), 0), known);
  assert.equal(learn(known, news({ seq: 99, status: "expired" }), 0).status, "expired");
});

test("a job that is processing does not become pending again", () => {
  const known = learn(undefined, news(), 0);

  assert.equal(learn(known, news({ seq: 11, status: "pending" }), 0).status, "processing");
});

test("the same news twice gives the same object", () => {
  const known = learn(undefined, news({ percent: 5 }), 0);

  assert.equal(learn(known, news({ percent: 5 }), 0), known);
});

test("a complete job shows all its files and bytes", () => {
  const known = learn(undefined, news({ total: 10, current: 7, bytesTotal: 100, bytesDone: 60, percent: 60 }), 0);

  const job = learn(known, news({ status: "complete", fileCount: 9 }), 0);

  assert.deepEqual([job.percent, job.current, job.total, job.bytesDone], [100, 9, 9, 100]);
});

test("an end known from an event alone is settled only when its lists are known", () => {
  const known = learn(undefined, news({ skipped: [] }), 0);
  const ended = learn(known, news({ status: "complete", seq: 12 }), 0);

  assert.equal(isSettled(ended), false);
  assert.equal(isSettled(learn(ended, news({ status: "complete", seq: 12, skipped: [] }), 0)), true);
});

test("a failure keeps the progress it had", () => {
  const known = learn(undefined, news({ percent: 41 }), 0);

  assert.equal(learn(known, news({ status: "failed", seq: 12 }), 0).percent, 41);
});

test("events of other kinds are about no job", () => {
  assert.equal(jobOfEvent("bulk-download:heartbeat", {}), null);
  assert.equal(jobOfEvent("bulk-download:progress", { jobId: "j" })?.status, "processing");
  assert.equal(isFinal({ status: "expired" }), true);
});
