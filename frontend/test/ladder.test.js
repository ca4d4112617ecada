/** The ladder against a service that breaks: no end is missed, nothing goes backwards, the best rung is found again. */

import assert from "node:assert/strict";
import test from "node:test";
import { makeClient, makeService, until } from "../fake/scene.js";

/** @param {{state: {connection: string}}} client @param {string} connection */
const connected = (client, connection) => until(() => client.state.connection === connection, `on ${connection}`);

/** @param {import("../../bulkdl/static/index.js").DownloadState[]} seen */
function assertNeverBackwards(seen) {
  const percents = seen.map((state) => state.progress.percent);
  assert.deepEqual(
    percents,
    [...percents].sort((one, other) => one - other),
  );
}

test("the WebSocket is taken first", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);

  await connected(client, "websocket");

  assert.equal(service.streams("eventsource"), 0);
});

test("a blocked WebSocket falls to EventSource", async (t) => {
  const service = await makeService(t, { blocksWebSocket: true });
  const { client, seen } = makeClient(t, service);

  await connected(client, "eventsource");
  const jobId = await client.startDownload(["a"]);
  service.change(jobId, { percent: 30 });
  await until(() => client.state.progress.percent === 30, "30 %");
  service.complete(jobId);
  await until(() => client.state.hasBegunDownload, "complete");

  assertNeverBackwards(seen);
});

test("with EventSource blocked too, polling with ETag carries the job to its end", async (t) => {
  const service = await makeService(t, { blocksWebSocket: true, blocksEventSource: true });
  const { client, seen } = makeClient(t, service);
  await connected(client, "polling");

  const jobId = await client.startDownload(["a"]);
  await until(() => service.requests.some(({ status }) => status === 304), "an unchanged job costs a 304");
  service.change(jobId, { percent: 30 });
  await until(() => client.state.progress.percent === 30, "30 %");
  service.complete(jobId);
  await until(() => client.state.hasBegunDownload, "complete");

  assertNeverBackwards(seen);
});

test("a better rung is climbed when it works again", async (t) => {
  const service = await makeService(t, { blocksWebSocket: true, blocksEventSource: true });
  const { client } = makeClient(t, service);
  await connected(client, "polling");

  service.blocksEventSource = false;
  await connected(client, "eventsource");
  service.blocksWebSocket = false;
  await connected(client, "websocket");

  await until(() => service.streams("eventsource") === 0, "the lower rung is left");
});

test("two missed heartbeats are a failure", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await connected(client, "websocket");

  service.isSilent = true;
  const start = Date.now();
  await until(() => client.state.connection !== "websocket", "the silence is noticed");

  assert.ok(Date.now() - start < 20 * service.heartbeatMs);
  service.isSilent = false;
  await connected(client, "websocket");
});

test("an end that happens while the stream is down is learnt from the snapshot", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  service.change(jobId, { percent: 50 });
  await until(() => client.state.progress.percent === 50, "50 %");

  service.dropStreams();
  service.complete(jobId);

  await until(() => client.state.hasBegunDownload, "complete");
});

test("an end whose event was lost on a living stream is asked for", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  await connected(client, "websocket");

  service.change(jobId, { status: "complete" }, { quietly: true });

  await until(() => client.state.hasBegunDownload, "complete");
  assert.equal(client.state.connection, "websocket");
});

test("a restarted service is found again and the job goes on", async (t) => {
  const service = await makeService(t);
  const { client, seen } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  service.change(jobId, { percent: 20 });
  await until(() => client.state.progress.percent === 20, "20 %");

  await service.stop();
  await until(() => client.state.connection === "offline", "the loss is shown");
  service.change(jobId, { percent: 60 }, { quietly: true });
  await service.start();
  await until(() => client.state.progress.percent === 60, "60 %");
  await connected(client, "websocket");
  service.complete(jobId);
  await until(() => client.state.hasBegunDownload, "complete");

  assert.equal(client.state.status, "complete");
  assertNeverBackwards(seen);
});

test("bye means: come back at once, on the same rung", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await connected(client, "websocket");
  const before = service.requests.filter(({ status }) => status === 101).length;

  service.bye();

  await until(() => service.requests.filter(({ status }) => status === 101).length === before + 1, "a second socket");
  await connected(client, "websocket");
  assert.equal(
    service.requests.some(({ path }) => path.endsWith("/events")),
    false,
  );
});

test("every connection has a ticket of its own", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await connected(client, "websocket");

  service.dropStreams();
  await until(() => service.streams("websocket") === 1, "reconnected");

  assert.equal(service.requests.filter(({ path }) => path === "/stream-tickets").length, 2);
});

test("a stream that opens and breaks again and again is given up for the next rung", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service, {
    timing: { heartbeatMs: 1000, retryMs: 10, maxRetryMs: 20, climbMs: 60_000, liveMs: 20, idleMs: 100 },
  });
  service.heartbeatMs = 1000;
  const breaker = setInterval(() => service.streams("websocket") && service.dropStreams(), 5);
  t.after(() => clearInterval(breaker));

  await connected(client, "eventsource");
});

test("old and repeated events change nothing", async (t) => {
  const service = await makeService(t);
  const { client, seen } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  const old = { jobId, seq: service.jobs.get(jobId)?.seq, percent: 5 };
  service.change(jobId, { percent: 70 });
  await until(() => client.state.progress.percent === 70, "70 %");

  service.say("bulk-download:progress", old);
  service.say("bulk-download:progress", { ...old, jobId: undefined });
  service.say("bulk-download:unheard-of", {});
  service.change(jobId, { percent: 71 });
  await until(() => client.state.progress.percent === 71, "71 %");

  assertNeverBackwards(seen);
});

test("a job that is gone from the service ends as failed", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  await connected(client, "websocket");

  service.jobs.delete(jobId);
  service.dropStreams();

  await until(() => client.state.status === "failed", "failed");
  assert.equal(client.state.error?.code, "job_not_found");
});

test("a person who is signed out is told, and found again after signing in", async (t) => {
  const service = await makeService(t, { isSignedOut: true });
  const { client, feed } = makeClient(t, service);
  await connected(client, "signed-out");

  service.isSignedOut = false;
  feed.retry();

  await connected(client, "websocket");
  await until(() => feed.store.value.isLoaded, "the list is read");
});
