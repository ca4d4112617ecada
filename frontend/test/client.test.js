/** The client's promises about one job: start, cancel, attach, retry, fetch. */

import assert from "node:assert/strict";
import test from "node:test";
import { makeClient, makeService, until } from "../fake/scene.js";

test("a download goes from idle to complete and fetches its archive", async (t) => {
  const service = await makeService(t);
  const { client, seen, visits } = makeClient(t, service);

  const jobId = await client.startDownload(["a", "b"]);
  service.change(jobId, { percent: 40, current: 1 });
  await until(() => client.state.progress.percent === 40, "40 %");
  service.complete(jobId);
  await until(() => client.state.hasBegunDownload, "the download begins");

  assert.equal(client.state.status, "complete");
  assert.equal(visits.length, 1);
  assert.match(visits[0], new RegExp(`/archive/${jobId}`));
  const statuses = seen.map((state) => state.status).filter((status, n, all) => status !== all[n - 1]);
  assert.deepEqual(statuses, ["pending", "processing", "complete"]);
});

test("states are immutable and only replaced when something changes", async (t) => {
  const service = await makeService(t);
  const { client, seen } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);
  service.change(jobId, { percent: 10 });
  await until(() => client.state.progress.percent === 10, "10 %");
  const before = client.state;

  service.say("bulk-download:progress", { jobId, seq: service.jobs.get(jobId)?.seq, percent: 10 });
  service.change(jobId, { percent: 11 });
  await until(() => client.state.progress.percent === 11, "11 %");

  assert.ok(Object.isFrozen(client.state));
  assert.equal(before.progress.percent, 10);
  assert.equal(seen.filter((state) => state.progress.percent === 10).length, 1);
});

test("nothing is fetched by itself when files were skipped", async (t) => {
  const service = await makeService(t);
  const { client, visits } = makeClient(t, service);
  const jobId = await client.startDownload(["a", "b"]);

  service.complete(jobId, { skipped: [{ assetId: "b", name: "b.jpg", reason: "not_found" }], skippedCount: 1 });
  await until(() => client.state.skippedCount === 1, "the skipped file is known");

  assert.equal(client.state.status, "complete");
  assert.deepEqual(visits, []);
  await client.download();
  assert.equal(visits.length, 1);
});

test("a refusal becomes a failed state and an error with its code", async (t) => {
  const service = await makeService(t, { maxFiles: 1 });
  const { client } = makeClient(t, service);

  await assert.rejects(client.startDownload(["a", "b"]), { code: "too_many_files", field: "assetIds", status: 422 });

  assert.equal(client.state.status, "failed");
  assert.match(client.state.error?.message ?? "", /at most 1/);
});

test("a failed job says why", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  const jobId = await client.startDownload(["a"]);

  service.change(jobId, { status: "failed", error: "No file could be read.", errorCode: "not_found" });
  await until(() => client.state.status === "failed", "failed");

  assert.equal(client.state.error?.code, "not_found");
  assert.equal(client.state.error?.message, "No file could be read.");
});

test("a cancelled job is shown as cancelled", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await client.startDownload(["a"]);

  await client.cancel();
  assert.equal(client.state.isCancelling, true);
  await until(() => client.state.status === "cancelled", "cancelled");

  assert.equal(client.state.isCancelling, false);
});

test("cancelling before the job has its id cancels it as soon as it has", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);

  const started = client.startDownload(["a"]);
  await client.cancel();
  await started;

  await until(() => client.state.status === "cancelled", "cancelled");
});

test("a lost answer to the request makes no second job", async (t) => {
  const service = await makeService(t);
  let losses = 1;
  /** @type {typeof fetch} */
  const flaky = async (url, init) => {
    const response = await fetch(url, init);
    if (init?.method === "POST" && String(url).endsWith("/jobs") && losses-- > 0)
      throw new TypeError("connection lost");
    return response;
  };
  const { client } = makeClient(t, service, { fetch: flaky });

  const jobId = await client.startDownload(["a"]);

  assert.deepEqual([...service.jobs.keys()], [jobId]);
});

test("retry asks for the same files again", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  const jobId = await client.startDownload(["a", "b"], { archiveName: "holiday.zip" });
  service.change(jobId, { status: "failed", error: "Broken." });
  await until(() => client.state.status === "failed", "failed");

  const again = await client.retry();

  assert.deepEqual(service.jobs.get(again)?.assetIds, ["a", "b"]);
  assert.equal(service.jobs.get(again)?.archiveName, "holiday.zip");
  assert.equal(client.state.error, null);
});

test("retry of an attached job reads its files from the ledger", async (t) => {
  const service = await makeService(t);
  const job = service.addJob({ status: "failed", error: "Broken." }, ["x", "y"]);
  const { client } = makeClient(t, service);
  await client.attach(job.jobId);

  const again = await client.retry();

  assert.deepEqual(service.jobs.get(again)?.assetIds, ["x", "y"]);
});

test("an attached job is watched and not fetched by itself", async (t) => {
  const service = await makeService(t);
  const job = service.addJob({ status: "processing", percent: 20 }, ["x"]);
  const { client, visits } = makeClient(t, service);

  await client.attach(job.jobId);
  assert.equal(client.state.progress.percent, 20);
  service.complete(job.jobId);
  await until(() => client.state.status === "complete", "complete");

  assert.deepEqual(visits, []);
});

test("attaching to somebody else's job fails as not found", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);

  await assert.rejects(client.attach("nobody"), { code: "job_not_found" });

  assert.equal(client.state.status, "failed");
});

test("an aged URL is replaced by a fresh one before the browser is sent there", async (t) => {
  const service = await makeService(t);
  const { client, visits } = makeClient(t, service, { urlMaxAgeMs: 0 });
  const job = service.addJob({ status: "processing" }, ["x"]);
  service.complete(job.jobId, {});
  const stale = service.jobs.get(job.jobId)?.downloadUrl;
  await client.attach(job.jobId);

  await client.download();

  assert.notEqual(visits[0], stale);
  assert.ok(service.requests.some(({ path }) => path.endsWith("/download")));
});

test("one page has one stream, whatever the number of clients", async (t) => {
  const service = await makeService(t);
  const { client, feed } = makeClient(t, service);
  const other = makeClient(t, service, { feed });
  await until(() => client.state.connection === "websocket", "connected");

  const one = await client.startDownload(["a"]);
  const two = await other.client.startDownload(["b"]);
  service.change(one, { percent: 10 });
  service.change(two, { percent: 20 });
  await until(() => other.client.state.progress.percent === 20, "second job");

  assert.equal(client.state.progress.percent, 10);
  assert.equal(service.streams("websocket"), 1);
  assert.deepEqual(
    client.jobs.map((job) => job.jobId),
    [two, one],
  );
});

test("the stream is closed with the last client", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await until(() => service.streams("websocket") === 1, "connected");

  client.close();

  await until(() => service.streams("websocket") === 0, "closed");
});

test("a job of another tab appears in the list", async (t) => {
  const service = await makeService(t);
  const { client } = makeClient(t, service);
  await until(() => client.state.connection === "websocket", "connected");

  const job = service.addJob({ archiveName: "other tab.zip" }, ["x"]);
  service.change(job.jobId, { percent: 5 });

  await until(() => client.jobs[0]?.archiveName === "other tab.zip", "the job and its details");
});

test("the token comes from the callback, which is asked again after a 401", async (t) => {
  const service = await makeService(t, { token: "fresh" });
  const getToken = (/** @type {{refresh: boolean}} */ { refresh }) => (refresh ? "fresh" : "stale");
  const { client } = makeClient(t, service, { getToken });

  await client.startDownload(["a"]);

  const posts = service.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/jobs"));
  assert.deepEqual(
    posts.map(({ status }) => status),
    [401, 202],
  );
});
