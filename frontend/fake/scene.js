/** What the tests share: a service, a client with short times, and waiting for a condition. */

import assert from "node:assert/strict";
import { BulkDownloadClient, JobFeed } from "../../bulkdl/static/index.js";
import { FakeService } from "./service.js";

export const TIMING = {
  heartbeatMs: 100,
  openMs: 400,
  retryMs: 40,
  maxRetryMs: 200,
  climbMs: 150,
  maxClimbMs: 400,
  liveMs: 30,
  idleMs: 120,
  restMs: 200,
};

/** @param {import("node:test").TestContext} test @param {Partial<FakeService>} [settings] */
export async function makeService(test, settings = {}) {
  const service = Object.assign(new FakeService(), settings);
  await service.start();
  test.after(() => service.stop());
  return service;
}

/**
 * A client of its own feed, and all that it has shown.
 *
 * @param {import("node:test").TestContext} test
 * @param {FakeService} service
 * @param {object} [options]
 */
export function makeClient(test, service, options = {}) {
  /** @type {string[]} */
  const visits = [];
  const feed = new JobFeed({ urlPrefix: service.urlPrefix, timing: TIMING, ...options });
  const client = new BulkDownloadClient({
    projectId: "demo",
    feed,
    navigate: (url) => void visits.push(url),
    ...options,
  });
  /** @type {import("../../bulkdl/static/index.js").DownloadState[]} */
  const seen = [];
  client.subscribe(() => seen.push(client.state));
  test.after(() => client.close());
  return { client, feed, seen, visits };
}

/**
 * Wait until the condition holds; fail with what it was about after the deadline.
 *
 * @param {() => unknown} condition
 * @param {string} what
 */
export async function until(condition, what, deadlineMs = 5000) {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @param {{connection: string}} state @param {string} connection */
export const isOn = (state, connection) => state.connection === connection;
