/** The person's recent downloads: where each stands, how to get it, and how long it is kept. */

import { asError } from "../client/errors.js";
import { formatBytes, formatCount, formatDuration, formatRelative } from "../client/format.js";
import { isFinal } from "../client/job.js";
import { element } from "../dialog/elements.js";
import { drawing } from "./icons.js";

/** @typedef {import("../client/job.js").Job} Job */
/** @typedef {import("../client/client.js").BulkDownloadClient} BulkDownloadClient */
/** @typedef {"show" | "cancel" | "download" | "again"} Action */

const LIMIT = 20;

/** @type {Record<string, [string, Parameters<typeof drawing>[0]]>} */
const FACES = {
  pending: ["Waiting to start", "clock"],
  processing: ["Building", "working"],
  complete: ["Ready", "check"],
  incomplete: ["Ready", "warning"],
  failed: ["Failed", "failed"],
  cancelled: ["Cancelled", "stopped"],
  expired: ["Expired", "clock"],
};

export class Tray {
  #list;
  #client;
  #onShow;
  /** @type {Map<string, {job: Job | null, node: HTMLElement}>} */
  #rows = new Map();
  /** @type {Map<string, string>} what went wrong with a wish of the person */
  #troubles = new Map();

  /**
   * @param {HTMLElement} list
   * @param {BulkDownloadClient} client
   * @param {(jobId: string) => void} onShow
   */
  constructor(list, client, onShow) {
    this.#list = list;
    this.#client = client;
    this.#onShow = onShow;
    client.feed.store.subscribe(() => this.#update());
    list.addEventListener("click", (event) => this.#click(event));
    setInterval(() => this.#redraw(), 30_000);
    this.#update();
  }

  /** How many jobs are under way. */
  get liveCount() {
    return this.#client.jobs.filter((job) => !isFinal(job)).length;
  }

  #redraw() {
    for (const row of this.#rows.values()) row.job = null;
    this.#update();
  }

  #update() {
    const jobs = this.#client.jobs.slice(0, LIMIT);
    const ids = new Set(jobs.map(({ jobId }) => jobId));
    for (const [jobId, { node }] of this.#rows) {
      if (ids.has(jobId)) continue;
      node.remove();
      this.#rows.delete(jobId);
    }
    jobs.forEach((job, position) => this.#put(job, position));
  }

  /** @param {Job} job @param {number} position */
  #put(job, position) {
    const row = this.#rows.get(job.jobId) ?? {
      job: null,
      node: element("li", { class: "job", "data-job": job.jobId }),
    };
    this.#rows.set(job.jobId, row);
    if (row.job !== job) this.#draw(row.node, job);
    row.job = job;
    if (this.#list.children[position] !== row.node)
      this.#list.insertBefore(row.node, this.#list.children[position] ?? null);
  }

  /** @param {HTMLElement} node @param {Job} job */
  #draw(node, job) {
    const face = job.status === "complete" && job.skippedCount ? "incomplete" : job.status;
    const [word, picture] = FACES[face];
    const hadFocus = node.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.action
      : undefined;
    node.dataset.state = face;
    const badge = element("span", { class: "job-badge" }, drawing(picture));
    const name = element("span", { class: "job-name" }, job.archiveName ?? "Download");
    const parts = [
      badge,
      element("div", { class: "job-text" }, name, element("p", { class: "job-facts" }, ...facts(job, word))),
    ];
    if (!isFinal(job)) parts.push(bar(job));
    const trouble = this.#troubles.get(job.jobId) ?? (job.status === "failed" ? job.error : null);
    if (trouble) parts.push(element("p", { class: "job-trouble" }, trouble));
    parts.push(
      element(
        "div",
        { class: "job-actions" },
        ...actionsOf(job, face).map(([action, text]) => button(action, text, job)),
      ),
    );
    node.replaceChildren(...parts);
    if (!hadFocus) return;
    const buttons = [...node.querySelectorAll("button")];
    (buttons.find(({ dataset }) => dataset.action === hadFocus) ?? buttons[0])?.focus();
  }

  /** @param {MouseEvent} event */
  async #click(event) {
    const target = event.target instanceof Element ? event.target.closest("button") : null;
    const jobId = /** @type {HTMLElement | null | undefined} */ (target?.closest("[data-job]"))?.dataset.job;
    if (!target || !jobId) return;
    target.disabled = true;
    try {
      this.#troubles.delete(jobId);
      await this.#do(/** @type {Action} */ (target.dataset.action), jobId);
    } catch (thrown) {
      this.#troubles.set(jobId, asError(thrown).message);
    }
    target.disabled = false;
    this.#redraw();
  }

  /** @param {Action} action @param {string} jobId */
  async #do(action, jobId) {
    const { feed } = this.#client;
    if (action === "show") return this.#onShow(jobId);
    if (action === "download") return this.#client.downloadJob(jobId);
    if (action === "cancel") {
      const job = await feed.api.cancel(jobId);
      if (job) feed.learn(job);
      return feed.poke();
    }
    await this.#client.attach(jobId);
    await this.#client.retry();
  }
}

/** @param {Job} job @param {string} word @returns {(string | Node)[]} */
function facts(job, word) {
  const texts = [word];
  if (job.status === "processing") {
    texts[0] = `${job.percent}%`;
    if (job.total) texts.push(`${formatCount(job.current)} of ${formatCount(job.total)} files`);
    if (job.etaSeconds !== null) texts.push(`${formatDuration(job.etaSeconds)} left`);
  } else if (job.status === "complete") {
    const count = job.fileCount ?? 0;
    texts.push(`${formatCount(count)} ${count === 1 ? "file" : "files"}`);
    if (job.skippedCount) texts[0] = `${formatCount(job.skippedCount)} missing`;
    if (job.fileSize !== null) texts.push(formatBytes(job.fileSize));
  } else if (job.createdAt) texts.push(formatRelative(new Date(job.createdAt), Date.now()));
  const nodes = [texts.join(" · ")];
  return job.status === "complete" && job.expiresAt ? [...nodes, expiry(job.expiresAt)] : nodes;
}

/** @param {string} expiresAt */
function expiry(expiresAt) {
  const when = new Date(expiresAt);
  const long = new Intl.DateTimeFormat(undefined, {
    dateStyle: "full",
    timeStyle: "short",
  }).format(when);
  return element("time", { datetime: expiresAt, title: long }, `Expires ${formatRelative(when, Date.now())}`);
}

/** @param {Job} job */
function bar(job) {
  const progress = element("progress", {
    max: "100",
    "aria-label": `Progress of ${job.archiveName ?? "the download"}`,
  });
  if (job.status === "processing") progress.value = job.percent;
  return progress;
}

/** @param {Job} job @param {string} face @returns {[Action, string][]} */
function actionsOf(job, face) {
  if (!isFinal(job))
    return [
      ["show", "Show"],
      ["cancel", "Cancel"],
    ];
  if (face === "incomplete")
    return [
      ["show", "What is missing"],
      ["download", "Download"],
    ];
  if (face === "complete") return [["download", "Download"]];
  return [["again", face === "expired" ? "Build again" : "Try again"]];
}

/** @param {Action} action @param {string} text @param {Job} job */
function button(action, text, job) {
  const node = element("button", { type: "button", "data-action": action }, text);
  node.setAttribute("aria-label", `${text}: ${job.archiveName ?? "download"}`);
  return node;
}
