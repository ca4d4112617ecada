/**
 * A stand-in for Bulkdl's API on real sockets, played by a script: a test says what the jobs do and what breaks.
 * It knows the wire of DESIGN §8 and nothing of archives.
 */

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/** @typedef {import("../../bulkdl/static/client/job.js").WireJob} WireJob */
/** @typedef {import("node:http").IncomingMessage} Request */
/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {{send: (name: string, data: unknown) => void, end: () => void}} Stream */

/**
 * @typedef {object} Asset
 * @property {string} assetId
 * @property {string} projectId
 * @property {string} name
 * @property {number} size
 * @property {string} contentType
 * @property {string} modifiedAt
 * @property {string | null} thumbnailUrl
 */

const PREFIX = "/media-collab";
const ENDS = ["complete", "failed", "cancelled"];

export class FakeService {
  /** @type {Map<string, WireJob & {assetIds: string[]}>} */
  jobs = new Map();
  /** @type {Asset[]} */
  assets = [];
  /** @type {{method: string, path: string, status: number, headers: Request["headers"]}[]} */
  requests = [];
  /** @type {Map<string, string>} */
  #keys = new Map();
  /** @type {Set<string>} */
  #tickets = new Set();
  /** @type {Map<Stream, "websocket" | "eventsource">} */
  #streams = new Map();
  #seq = 0;
  #count = 0;
  /** @type {import("node:http").Server | undefined} */
  #server;

  // What a test may break.
  blocksWebSocket = false;
  blocksEventSource = false;
  /** Streams open and then say nothing more, not even a heartbeat. */
  isSilent = false;
  isSignedOut = false;
  /** @type {string | null} the only token that is taken; null takes everybody */
  token = null;
  maxFiles = 1000;
  maxPageSize = 500;
  heartbeatMs = 100;
  /** @type {(job: WireJob) => void} */
  onJob = () => {};
  /** @type {(request: Request, response: Response) => boolean} */
  onOther = () => false;

  /** @type {ReturnType<typeof setInterval> | undefined} */
  #heartbeat;

  /** Listen; the same port again after `stop`, as a restarted process would. */
  async start(port = this.port ?? 0) {
    const server = createServer((request, response) => this.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      const url = new URL(request.url ?? "", "http://fake");
      const isOpen = !this.blocksWebSocket && this.#spend(url.searchParams.get("ticket"));
      this.#note(request, url, isOpen ? 101 : 403);
      if (!isOpen) return socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      sockets.handleUpgrade(request, socket, head, (ws) => {
        const stream = this.#open(
          "websocket",
          (name, data) => ws.send(JSON.stringify({ event: name, data })),
          () => ws.terminate(),
        );
        ws.on("close", () => this.#streams.delete(stream));
      });
    });
    await /** @type {Promise<void>} */ (new Promise((resolve) => server.listen(port, "127.0.0.1", resolve)));
    this.#server = server;
    this.#heartbeat = setInterval(() => this.#say("bulk-download:heartbeat", {}), this.heartbeatMs);
    const address = server.address();
    this.port = typeof address === "object" && address ? address.port : 0;
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }

  /** Go away at once, as a killed process does. */
  async stop() {
    clearInterval(this.#heartbeat);
    this.dropStreams();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  get urlPrefix() {
    return this.origin + PREFIX;
  }

  /** How many streams of a kind are open. @param {"websocket" | "eventsource"} kind */
  streams(kind) {
    return [...this.#streams.values()].filter((other) => other === kind).length;
  }

  dropStreams() {
    for (const stream of [...this.#streams.keys()]) stream.end();
    this.#streams.clear();
  }

  bye() {
    this.#say("bulk-download:bye", {});
  }

  /** Say something as it stands, old or odd as it may be. @param {string} name @param {unknown} data */
  say(name, data) {
    this.#say(name, data);
  }

  /** @param {Partial<WireJob>} [fields] @param {string[]} [assetIds] */
  addJob(fields = {}, assetIds = []) {
    const jobId = `job-${++this.#count}`;
    const job = {
      jobId,
      projectId: "demo",
      status: /** @type {const} */ ("pending"),
      seq: ++this.#seq,
      current: 0,
      total: assetIds.length,
      percent: 0,
      bytesDone: 0,
      bytesTotal: 0,
      bytesPerSecond: null,
      etaSeconds: null,
      fileCount: null,
      fileSize: null,
      archiveName: "demo.zip",
      downloadUrl: null,
      expiresAt: null,
      error: null,
      errorCode: null,
      skipped: [],
      skippedCount: 0,
      renamed: [],
      renamedCount: 0,
      createdAt: new Date(Date.now() + this.#count).toISOString(),
      startedAt: null,
      finishedAt: null,
      ...fields,
      assetIds,
    };
    this.jobs.set(jobId, job);
    return job;
  }

  /** @param {string} jobId */
  jobOf(jobId) {
    return this.jobs.get(jobId);
  }

  /** Change a job and, unless told not to, say so. @param {string} jobId @param {Partial<WireJob>} change @param {{quietly?: boolean}} [how] */
  change(jobId, change, { quietly = false } = {}) {
    const job = /** @type {WireJob & {assetIds: string[]}} */ (this.jobs.get(jobId));
    Object.assign(job, { status: "processing" }, change, { seq: ++this.#seq });
    if (job.status === "complete") this.#finish(job);
    if (!quietly)
      this.#say(`bulk-download:${ENDS.includes(job.status ?? "") ? job.status : "progress"}`, this.#eventOf(job));
  }

  /** @param {string} jobId @param {Partial<WireJob>} [change] */
  complete(jobId, change = {}) {
    this.change(jobId, { ...change, status: "complete" });
  }

  /** @param {WireJob} job */
  #finish(job) {
    const fileCount = (job.total ?? 0) - (job.skippedCount ?? 0);
    const defaults = {
      fileCount,
      fileSize: (job.bytesTotal ?? 0) + 1000,
      expiresAt: new Date(Date.now() + 864e5).toISOString(),
    };
    Object.assign(job, { ...defaults, percent: 100, current: fileCount, finishedAt: new Date().toISOString() });
    job.downloadUrl = `${this.origin}/archive/${job.jobId}?n=${++this.#count}`;
  }

  /** Events carry less than the job, as the real ones do. @param {WireJob} job */
  #eventOf({ jobId, seq, status, ...job }) {
    if (status === "complete") {
      const { downloadUrl, expiresAt, fileCount, fileSize } = job;
      return { jobId, seq, downloadUrl, expiresAt, fileCount, fileSize };
    }
    if (status === "failed") return { jobId, seq, error: job.error, errorCode: job.errorCode };
    if (status === "cancelled") return { jobId, seq };
    const { current, total, percent, bytesDone, bytesTotal, bytesPerSecond, etaSeconds } = job;
    return { jobId, seq, current, total, percent, bytesDone, bytesTotal, bytesPerSecond, etaSeconds };
  }

  /** @param {"websocket" | "eventsource"} kind @param {Stream["send"]} send @param {() => void} end */
  #open(kind, send, end) {
    const stream = { send, end };
    this.#streams.set(stream, kind);
    send("bulk-download:snapshot", { jobs: [...this.jobs.values()], heartbeatSeconds: this.heartbeatMs / 1000 });
    return stream;
  }

  /** @param {string} name @param {unknown} data */
  #say(name, data) {
    if (!this.isSilent) for (const stream of this.#streams.keys()) stream.send(name, data);
  }

  /** @param {string | null} ticket */
  #spend(ticket) {
    return ticket !== null && this.#tickets.delete(ticket);
  }

  /** @param {Request} request @param {URL} url @param {number} status */
  #note(request, url, status) {
    this.requests.push({
      method: request.method ?? "",
      path: url.pathname.replace(PREFIX, ""),
      status,
      headers: request.headers,
    });
  }

  /** @param {Request} request @param {Response} response */
  async #serve(request, response) {
    const url = new URL(request.url ?? "", "http://fake");
    response.on("finish", () => this.#note(request, url, response.statusCode));
    if (!url.pathname.startsWith(PREFIX)) {
      if (!this.onOther(request, response)) problem(response, 404, "not_found", "There is nothing here.");
      return;
    }
    const isStranger = this.token !== null && request.headers.authorization !== `Bearer ${this.token}`;
    if (this.isSignedOut || isStranger) return problem(response, 401, "unauthorized", "You are not signed in.");
    const path = url.pathname.slice(PREFIX.length);
    const [, , , jobId, part] = path.split("/");
    const route = `${request.method} ${path.replace(jobId ?? "\0", "{id}")}`;
    const job = jobId ? this.jobs.get(jobId) : undefined;
    if (path.startsWith("/bulk-download/jobs/") && !job)
      return problem(response, 404, "job_not_found", "There is no such job.");
    if (route === "POST /stream-tickets") return this.#ticket(response);
    if (route === "GET /bulk-download/events") return this.#events(url, response);
    if (route === "GET /bulk-download/capabilities")
      return json(response, 200, { maxFiles: this.maxFiles, maxBytes: 1e11 });
    if (route === "GET /bulk-download/jobs")
      return json(response, 200, { jobs: [...this.jobs.values()].reverse(), nextCursor: null });
    if (route === "POST /bulk-download/jobs") return this.#create(await bodyOf(request), request, response);
    if (route === "GET /assets") return this.#list(url.searchParams, response);
    if (!job) return problem(response, 404, "not_found", "There is no such route.");
    if (part === "items")
      return json(response, 200, { items: job.assetIds.map((assetId) => ({ assetId })), nextCursor: null });
    if (part === "download") return this.#download(job, response);
    if (request.method === "DELETE") return this.#cancel(job, response);
    return this.#job(job, request, response);
  }

  /** @param {Response} response */
  #ticket(response) {
    const ticket = `ticket-${++this.#count}`;
    this.#tickets.add(ticket);
    json(response, 200, { ticket, expiresIn: 30 });
  }

  /** @param {URL} url @param {Response} response */
  #events(url, response) {
    if (this.blocksEventSource || !this.#spend(url.searchParams.get("ticket")))
      return problem(response, 503, "blocked", "Blocked.");
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache",
      "Access-Control-Allow-Origin": "*",
    });
    const send = (/** @type {string} */ name, /** @type {unknown} */ data) =>
      void response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    const stream = this.#open("eventsource", send, () => response.destroy());
    response.on("close", () => this.#streams.delete(stream));
  }

  /** @param {any} body @param {Request} request @param {Response} response */
  #create(body, request, response) {
    const key = String(request.headers["idempotency-key"]);
    const known = this.jobs.get(this.#keys.get(key) ?? "");
    if (known) return json(response, 202, known);
    if (body.assetIds.length > this.maxFiles) {
      const message = `${body.assetIds.length} files were selected; one download holds at most ${this.maxFiles}.`;
      return problem(response, 422, "too_many_files", message, { field: "assetIds" });
    }
    const chosen = new Set(body.assetIds);
    const bytesTotal = this.assets
      .filter((asset) => chosen.has(asset.assetId))
      .reduce((sum, asset) => sum + asset.size, 0);
    const job = this.addJob(
      { projectId: body.projectId, bytesTotal, ...(body.archiveName && { archiveName: body.archiveName }) },
      body.assetIds,
    );
    this.#keys.set(key, job.jobId);
    json(response, 202, job);
    this.onJob(job);
  }

  /** @param {URLSearchParams} query @param {Response} response */
  #list(query, response) {
    const start = Number(query.get("cursor") ?? 0);
    const limit = Math.min(this.maxPageSize, Number(query.get("limit") ?? 100));
    const search = (query.get("search") ?? "").toLowerCase();
    const found = this.assets.filter((asset) => asset.name.toLowerCase().includes(search));
    const end = start + limit;
    json(response, 200, { assets: found.slice(start, end), nextCursor: end < found.length ? String(end) : null });
  }

  /** @param {WireJob} job @param {Response} response */
  #download(job, response) {
    if (job.status !== "complete") return problem(response, 409, "job_not_ready", "The archive is not ready.");
    json(response, 200, { url: `${this.origin}/archive/${job.jobId}?n=${++this.#count}`, expiresAt: job.expiresAt });
  }

  /** @param {WireJob} job @param {Response} response */
  #cancel(job, response) {
    if (!ENDS.includes(job.status ?? "")) setTimeout(() => this.change(job.jobId, { status: "cancelled" }), 20);
    json(response, 202, { ...job });
  }

  /** @param {WireJob} job @param {Request} request @param {Response} response */
  #job(job, request, response) {
    const etag = `"${job.seq}"`;
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, { ETag: etag }).end();
    json(response, 200, job, { ETag: etag });
  }
}

/** @param {Response} response @param {number} status @param {unknown} body @param {Record<string, string>} [headers] */
export function json(response, status, body, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** @param {Response} response @param {number} status @param {string} code @param {string} detail @param {object} [more] */
function problem(response, status, code, detail, more = {}) {
  response.writeHead(status, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify({ type: "about:blank", title: "Refused", status, detail, code, ...more }));
}

/** @param {Request} request */
async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text || "null");
}
