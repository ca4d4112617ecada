/** BulkDownloadClient: start one download, watch it, cancel it, fetch its archive. Knows no framework and no markup. */

import { asError, BulkDownloadError } from "./errors.js";
import { JobFeed, sharedFeed } from "./feed.js";
import { isFinal, isSettled } from "./job.js";
import { Keepsake, navigate, newKey, once } from "./page.js";
import { IDLE, NO_PROGRESS, pictureOf } from "./state.js";
import { Store } from "./store.js";

/** @typedef {import("./job.js").Job} Job */
/** @typedef {import("./state.js").DownloadState} DownloadState */

/**
 * @typedef {object} ClientOptions
 * @property {string} [projectId]
 * @property {boolean} [autoDownload] fetch the archive by itself once it is complete with nothing skipped (true)
 * @property {"tab" | "any" | "none"} [restore] after a reload, take up this tab's job ("tab"), or any live one
 * @property {number} [urlMaxAgeMs] how old a download URL may be before a fresh one is asked for
 * @property {(url: string) => void} [navigate]
 * @property {JobFeed} [feed]
 * @property {boolean} [isOpen] false: wait for `open`
 */

/**
 * @typedef {object} StartOptions
 * @property {string} [projectId]
 * @property {string} [archiveName]
 * @property {"skip" | "fail"} [onMissing]
 * @property {"relative" | "flat"} [layout]
 */

export class BulkDownloadClient {
  #store = new Store(IDLE);
  #options;
  #keepsake;
  /** @type {(() => void) | null} undoes `open` */
  #shut = null;
  /** @type {{assetIds: readonly string[], options: StartOptions} | null} */
  #request = null;
  /** Grows with every start and attach, so that a late answer to an earlier one is known as such. */
  #turn = 0;
  #endedTurn = 0;
  #wantsCancel = false;

  /** @param {ClientOptions & import("./api.js").ApiOptions & import("./feed.js").FeedOptions} [options] */
  constructor(options = {}) {
    this.#options = {
      autoDownload: true,
      restore: "tab",
      urlMaxAgeMs: 20_000,
      navigate,
      ...options,
    };
    this.feed = options.feed ?? sharedFeed(options);
    this.#keepsake = new Keepsake(this.feed.api.urlPrefix);
    if (options.isOpen !== false) this.open();
  }

  /** Listen to the service, and take up what this tab had under way. Done by the constructor unless told not to. */
  open() {
    if (this.#shut) return;
    const unsubscribe = this.feed.store.subscribe(() => this.#follow());
    const release = this.feed.use();
    this.#shut = () => {
      unsubscribe();
      release();
    };
    if (this.state.status === "idle") this.#restore();
    this.#follow();
  }

  /** The picture now. */
  get state() {
    return this.#store.value;
  }

  /** All known jobs of the person, newest first. */
  get jobs() {
    return this.feed.store.value.jobs;
  }

  /** @param {() => void} listener called after every change of `state` @returns {() => void} */
  subscribe = (listener) => this.#store.subscribe(listener);

  /**
   * Ask for an archive of these assets. Progress is seen in `state`; so is a refusal, which is thrown as well.
   *
   * @param {Iterable<string>} assetIds
   * @param {StartOptions} [options]
   * @returns {Promise<string>} the job's id
   */
  async startDownload(assetIds, options = {}) {
    const ids = [...assetIds];
    const turn = this.#begin({ assetIds: ids, options });
    this.#clear({
      status: "pending",
      isOurs: true,
      progress: { ...NO_PROGRESS, total: ids.length },
    });
    try {
      const job = await this.#create(ids, options);
      if (turn !== this.#turn) return job.jobId;
      this.feed.learn(job);
      this.#keepsake.keep(job.jobId);
      this.#set({ jobId: job.jobId });
      this.#follow();
      this.feed.poke();
      if (this.#wantsCancel) this.cancel().catch(() => {});
      return job.jobId;
    } catch (thrown) {
      const error = asError(thrown);
      if (turn === this.#turn) this.#set({ status: "failed", error });
      throw error;
    }
  }

  /** Stop the job. Resolves when the server has the wish; the state follows when the workers have stopped. */
  async cancel() {
    const { jobId, status } = this.state;
    if (status !== "pending" && status !== "processing") return;
    this.#set({ isCancelling: true, error: null });
    if (!jobId) return void (this.#wantsCancel = true);
    try {
      const job = await this.feed.api.cancel(jobId);
      if (job) this.feed.learn(job);
      else await this.feed.fetch(jobId);
      this.feed.poke();
    } catch (thrown) {
      this.#set({ isCancelling: false, error: asError(thrown) });
      throw this.state.error;
    }
  }

  /**
   * Watch a job that exists already: one of another tab, of before the login, of the list.
   *
   * @param {string} jobId
   * @returns {Promise<void>}
   */
  async attach(jobId) {
    return this.#attach(jobId, false);
  }

  /** @param {string} jobId @param {boolean} isOurs */
  async #attach(jobId, isOurs) {
    const turn = this.#begin(null);
    this.#clear({ status: "pending", jobId, isOurs });
    this.#follow();
    try {
      await this.feed.fetch(jobId);
    } catch (thrown) {
      const error = asError(thrown);
      if (turn === this.#turn && !error.isPassing) this.#set({ status: "failed", error });
      if (error.status === 404) this.#keepsake.drop(jobId);
      throw error;
    }
  }

  /** Ask again for the same files, after a failure, a cancel or the end of the archive's time. */
  async retry() {
    const { jobId } = this.state;
    const { assetIds, options } = this.#request ?? (await this.#requestOf(jobId));
    return this.startDownload(assetIds, options);
  }

  /** Send the browser to the archive, by a fresh URL when the one at hand has aged. */
  async download() {
    const { jobId } = this.state;
    if (!jobId) return;
    try {
      await this.downloadJob(jobId);
      if (this.state.jobId === jobId) this.#set({ hasBegunDownload: true, error: null });
      this.#keepsake.drop(jobId);
    } catch (thrown) {
      if (this.state.jobId === jobId) this.#set({ error: asError(thrown) });
      throw thrown;
    }
  }

  /** The same for any complete job of the list. @param {string} jobId */
  async downloadJob(jobId) {
    const job = this.feed.job(jobId);
    const isFresh = job?.downloadUrl && Date.now() - job.downloadUrlAt < this.#options.urlMaxAgeMs;
    const url = isFresh ? job.downloadUrl : (await this.feed.api.archiveUrl(jobId)).url;
    this.#options.navigate(/** @type {string} */ (url));
  }

  /** Let go of the job, which goes on by itself. */
  reset() {
    this.#begin(null);
    if (this.state.jobId) this.#keepsake.drop(this.state.jobId);
    this.#clear({});
  }

  /** Listen no longer, until `open`; the stream is closed with the last client of the page. */
  close() {
    this.#shut?.();
    this.#shut = null;
  }

  /** @param {{assetIds: readonly string[], options: StartOptions} | null} request */
  #begin(request) {
    this.#request = request;
    this.#wantsCancel = false;
    return ++this.#turn;
  }

  /** @param {readonly string[]} assetIds @param {StartOptions} options */
  async #create(assetIds, { projectId = this.#options.projectId, ...options }) {
    if (!projectId)
      throw new BulkDownloadError("validation_error", "No project is named.", {
        field: "projectId",
      });
    const key = newKey();
    for (let tries = 2; ; tries--) {
      try {
        return await this.feed.api.createJob({ projectId, assetIds, ...options }, key);
      } catch (thrown) {
        if (tries === 0 || asError(thrown).status !== 0) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, 500 * Math.random()));
      }
    }
  }

  /** @param {string | null} jobId */
  async #requestOf(jobId) {
    if (!jobId) throw new BulkDownloadError("job_not_found", "There is nothing to try again.");
    const projectId = this.feed.job(jobId)?.projectId ?? this.#options.projectId;
    const assetIds = [];
    /** @type {string | null | undefined} */
    let cursor;
    do {
      const page = await this.feed.api.items(jobId, cursor);
      assetIds.push(...page.items.map((item) => item.assetId));
      cursor = page.nextCursor;
    } while (cursor);
    return { assetIds, options: { projectId } };
  }

  #restore() {
    const jobId = this.#options.restore === "none" ? null : this.#keepsake.jobId;
    if (jobId) this.#attach(jobId, true).catch(() => {});
  }

  /** Make the state what the feed knows of our job. */
  #follow() {
    const { connection, jobs } = this.feed.store.value;
    const { status, jobId } = this.state;
    if (status === "idle" && this.#options.restore === "any") {
      const live = jobs.find((job) => !isFinal(job));
      if (live) return void this.attach(live.jobId).catch(() => {});
    }
    const job = jobId && this.feed.job(jobId);
    if (!job) return this.#set({ connection });
    this.#set({ connection, ...pictureOf(job, this.state) });
    if (isSettled(job) && this.#endedTurn !== this.#turn) this.#end(job);
  }

  /** The job has ended, and all is known of its end. @param {Job} job */
  #end(job) {
    this.#endedTurn = this.#turn;
    const { isOurs } = this.state;
    const isPlain = job.status === "complete" && job.skippedCount === 0;
    if (job.status !== "complete" || isPlain) this.#keepsake.drop(job.jobId);
    if (isOurs && isPlain && this.#options.autoDownload)
      once(`bulkdl:${job.jobId}`, () => this.download()).catch(() => {});
  }

  /** Begin a new picture. @param {Partial<DownloadState>} change */
  #clear(change) {
    this.#set({ ...IDLE, connection: this.state.connection, ...change });
  }

  /** @param {Partial<DownloadState>} change */
  #set(change) {
    const before = this.#store.value;
    const isOther = Object.entries(change).some(
      ([name, value]) => value !== before[/** @type {keyof DownloadState} */ (name)],
    );
    if (isOther) this.#store.set(Object.freeze({ ...before, ...change }));
  }
}
