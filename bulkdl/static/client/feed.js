/** All the caller's jobs on one page: one stream for them all, whatever the number of clients that look at them. */

import { Api } from "./api.js";
import { isFinal, isSettled, jobOfEvent, learn } from "./job.js";
import { Ladder, TIMING, backoff } from "./ladder.js";
import { Store } from "./store.js";
import { eventSource, polling, webSocket } from "./transports.js";

/** @typedef {import("./job.js").Job} Job */
/** @typedef {import("./job.js").WireJob} WireJob */
/** @typedef {import("./ladder.js").Connection} Connection */

/**
 * @typedef {object} FeedState
 * @property {readonly Job[]} jobs newest first
 * @property {Connection} connection
 * @property {boolean} isLoaded whether the list of jobs has been read
 */

/**
 * @typedef {object} Timing
 * @property {number} liveMs between polls of a live job
 * @property {number} idleMs between polls of the list
 * @property {number} restMs how long a hidden page without live jobs keeps its stream
 */

/** @typedef {Timing & import("./ladder.js").LadderTiming} FeedTiming */

/**
 * @typedef {object} FeedOptions
 * @property {readonly ("websocket" | "eventsource" | "polling")[]} [transports] best first; polling is always the last
 * @property {Partial<FeedTiming>} [timing]
 */

/** @type {FeedTiming} */
const FEED_TIMING = { ...TIMING, liveMs: 1500, idleMs: 15_000, restMs: 60_000 };

const HEARING = new Set(["websocket", "eventsource", "polling"]);

/** @type {FeedState} */
const NOTHING = { jobs: [], connection: "resting", isLoaded: false };

export class JobFeed {
  /** @type {Store<FeedState>} */
  store = new Store(NOTHING);
  #timing;
  #ladder;
  #users = 0;
  /** @type {Map<string, number>} when each live job was last heard of */
  #heardAt = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rest;

  /** @param {import("./api.js").ApiOptions & FeedOptions} options */
  constructor({ transports = ["websocket", "eventsource"], timing, ...options } = {}) {
    this.api = new Api(options);
    this.#timing = { ...FEED_TIMING, ...timing };
    const { liveMs, idleMs } = this.#timing;
    const pollTiming = { liveMs, idleMs, backoff: this.#backoff };
    /** @type {Record<string, import("./transports.js").Transport>} */
    const ways = {
      websocket: webSocket(this.api),
      eventsource: eventSource(this.api, options),
      polling: polling(this.api, () => this.#live(), pollTiming),
    };
    const names = [...transports.filter((name) => name !== "polling"), /** @type {const} */ ("polling")];
    this.#ladder = new Ladder(
      names.map((name) => ({ name, open: ways[name] })),
      {
        onEvent: (name, data) => this.#take(name, data),
        onConnection: (connection) => this.#connected(connection),
        timing: this.#timing,
      },
    );
  }

  /** @param {() => void} listener called after every change of the jobs or the connection @returns {() => void} */
  subscribe = (listener) => this.store.subscribe(listener);

  /** Keep the stream open until the returned function is called. */
  use() {
    if (this.#users++ === 0) this.#begin();
    let isUsed = true;
    return () => {
      if (isUsed && --this.#users === 0) this.#end();
      isUsed = false;
    };
  }

  /** @param {string} jobId */
  job(jobId) {
    return this.store.value.jobs.find((job) => job.jobId === jobId);
  }

  /** Take in what an answer said. @param {WireJob} news @returns {Job} */
  learn(news) {
    const known = this.job(news.jobId);
    const job = learn(known, news, Date.now());
    if (job !== known) this.#put(job);
    this.#heardAt.set(job.jobId, Date.now());
    const isNew = known ? isFinal(job) && !isFinal(known) : !news.createdAt;
    if (isNew && !job.isDetailed) this.#ask(job.jobId);
    return job;
  }

  /** Ask for one job. @param {string} jobId @returns {Promise<Job>} */
  async fetch(jobId) {
    const answer = await this.api.job(jobId);
    return this.learn(/** @type {{job: WireJob}} */ (answer).job);
  }

  /** Read the list of jobs again. */
  async refresh() {
    const { jobs } = await this.api.jobs({ limit: 20 });
    for (const job of jobs) this.learn(job);
    this.#set({ isLoaded: true });
  }

  /** A job has begun or may have changed: hear of it soon. */
  poke() {
    this.#ladder.poke();
  }

  /** The person has signed in, or wants another try. */
  retry() {
    this.#ladder.wake();
  }

  /** @param {number} failures @param {import("./errors.js").BulkDownloadError} error */
  #backoff = (failures, error) => backoff(failures, this.#timing, error);

  #begin() {
    this.#ladder.start();
    this.refresh().catch(() => {});
    this.#watch = setInterval(() => this.#askAfterTheQuiet(), this.#timing.heartbeatMs);
    for (const [target, name] of this.#signals()) target?.addEventListener?.(name, this);
  }

  #end() {
    clearInterval(this.#watch);
    clearTimeout(this.#rest);
    for (const [target, name] of this.#signals()) target?.removeEventListener?.(name, this);
    this.#ladder.stop("resting");
  }

  /** @param {Connection} connection */
  #connected(connection) {
    this.#set({ connection });
    if (!this.store.value.isLoaded && HEARING.has(connection)) this.refresh().catch(() => {});
  }

  /** @returns {[EventTarget | undefined, string][]} */
  #signals() {
    return [
      [globalThis.document, "visibilitychange"],
      [globalThis.window, "online"],
      [globalThis.window, "pageshow"],
      [globalThis.window, "pagehide"],
    ];
  }

  /** What the browser says of the page and the network. @param {Event} event */
  handleEvent(event) {
    clearTimeout(this.#rest);
    if (event.type === "pageshow" && !(/** @type {PageTransitionEvent} */ (event).persisted)) return;
    if (event.type === "pagehide") return this.#ladder.stop("resting");
    if (event.type === "visibilitychange" && globalThis.document.hidden) {
      this.#rest = setTimeout(() => this.#live().length || this.#ladder.stop("resting"), this.#timing.restMs);
      return;
    }
    this.#ladder.start();
    this.#ladder.wake(event.type === "online" ? 0 : this.#timing.heartbeatMs * 1.5);
  }

  /** @param {string} name @param {any} data */
  #take(name, data) {
    if (name === "bulk-download:snapshot") return this.#takeSnapshot(data.jobs ?? []);
    const news = name === "job" ? data : jobOfEvent(name, data);
    if (news) this.learn(news);
  }

  /** @param {WireJob[]} jobs */
  #takeSnapshot(jobs) {
    const before = this.#live();
    for (const job of jobs) this.learn(job);
    const named = new Set(jobs.map((job) => job.jobId));
    for (const jobId of before) if (!named.has(jobId)) this.#ask(jobId);
  }

  /** An event can be lost between the record and the stream; the record cannot. */
  #askAfterTheQuiet() {
    const limit = Date.now() - 2 * this.#timing.heartbeatMs;
    for (const jobId of this.#live()) if ((this.#heardAt.get(jobId) ?? 0) < limit) this.#ask(jobId);
  }

  /** @param {string} jobId */
  #ask(jobId) {
    this.fetch(jobId).catch((error) => {
      if (error.status === 404)
        this.learn({
          jobId,
          status: "failed",
          error: error.message,
          errorCode: error.code,
          skipped: [],
        });
    });
  }

  #live() {
    return this.store.value.jobs.filter((job) => !isSettled(job)).map((job) => job.jobId);
  }

  /** @param {Job} job */
  #put(job) {
    const others = this.store.value.jobs.filter(({ jobId }) => jobId !== job.jobId);
    const place = others.findIndex((other) => (other.createdAt ?? "~") <= (job.createdAt ?? "~"));
    this.#set({
      jobs: place < 0 ? [...others, job] : others.toSpliced(place, 0, job),
    });
  }

  /** @param {Partial<FeedState>} change */
  #set(change) {
    this.store.set({ ...this.store.value, ...change });
  }
}

/** @type {Map<string, {getToken: unknown, feed: JobFeed}>} */
const shared = new Map();

/**
 * The page's feed for these options: clients of the same service and the same person share one stream.
 *
 * @param {import("./api.js").ApiOptions & FeedOptions} options
 */
export function sharedFeed(options) {
  const key = options.urlPrefix ?? "";
  const known = shared.get(key);
  if (known && known.getToken === options.getToken) return known.feed;
  const feed = new JobFeed(options);
  shared.set(key, { getToken: options.getToken, feed });
  return feed;
}
