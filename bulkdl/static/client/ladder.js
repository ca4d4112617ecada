/**
 * The ladder of transports: stands on the best rung that works, steps down when one fails or falls silent,
 * and climbs back when it can.
 */

/** @typedef {import("./errors.js").BulkDownloadError} BulkDownloadError */
/** @typedef {import("./transports.js").Transport} Transport */
/** @typedef {import("./transports.js").Handle} Handle */

/** @typedef {"connecting" | "websocket" | "eventsource" | "polling" | "offline" | "signed-out" | "resting"} Connection */

/**
 * @typedef {object} Rung
 * @property {Connection} name
 * @property {Transport} open
 */

/**
 * @typedef {object} LadderTiming All in milliseconds.
 * @property {number} heartbeatMs how often the server says that it is there; two missed are a failure
 * @property {number} openMs how long a rung may take to say its first word
 * @property {number} retryMs first step of the backoff
 * @property {number} maxRetryMs
 * @property {number} climbMs first wait before a better rung is tried again
 * @property {number} maxClimbMs
 */

/** @type {LadderTiming} */
export const TIMING = {
  heartbeatMs: 15_000,
  openMs: 8_000,
  retryMs: 500,
  maxRetryMs: 30_000,
  climbMs: 30_000,
  maxClimbMs: 300_000,
};

/**
 * Exponential backoff with full jitter, never sooner than the server asked.
 *
 * @param {number} failures so far
 * @param {{retryMs: number, maxRetryMs: number}} timing
 * @param {BulkDownloadError} [error]
 */
export function backoff(failures, { retryMs, maxRetryMs }, error) {
  const jittered = Math.random() * Math.min(maxRetryMs, retryMs * 2 ** failures);
  return Math.max(jittered, error?.retryAfterMs ?? 0);
}

/** One opened rung. */
class Footing {
  since = Date.now();
  lastHeard = this.since;
  hasSpoken = false;
  isOver = false;
  /** @type {Handle | undefined} */
  handle;

  /** @param {number} level */
  constructor(level) {
    this.level = level;
  }

  close() {
    this.isOver = true;
    this.handle?.close();
  }
}

export class Ladder {
  #rungs;
  #timing;
  #onEvent;
  #onConnection;
  /** @type {Footing | undefined} */
  #standing;
  /** @type {Footing | undefined} being opened, to stand on once it speaks */
  #reaching;
  #failures = 0;
  #climbs = 0;
  #best;
  #lastTick = 0;
  #isRunning = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;

  /**
   * @param {Rung[]} rungs best first
   * @param {object} to
   * @param {(name: string, data: any) => void} to.onEvent
   * @param {(connection: Connection) => void} to.onConnection
   * @param {LadderTiming} [to.timing]
   */
  constructor(rungs, { onEvent, onConnection, timing = TIMING }) {
    this.#rungs = rungs;
    this.#onEvent = onEvent;
    this.#onConnection = onConnection;
    this.#timing = timing;
    this.#best = rungs.length;
  }

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#lastTick = Date.now();
    this.#watch = setInterval(() => this.#tick(), Math.min(1000, this.#timing.heartbeatMs / 4));
    this.#onConnection("connecting");
    this.#reach(0);
  }

  /** @param {Connection} [because] */
  stop(because = "offline") {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    clearTimeout(this.#next);
    clearInterval(this.#watch);
    this.#standing?.close();
    this.#reaching?.close();
    this.#standing = this.#reaching = undefined;
    this.#onConnection(because);
  }

  /**
   * The network or the page is back: unless the best rung has spoken just now, stand on it anew.
   *
   * @param {number} [trustMs] how long ago it may have spoken
   */
  wake(trustMs = 0) {
    if (!this.#isRunning) return;
    const standing = this.#standing;
    if (standing?.level === 0 && Date.now() - standing.lastHeard < trustMs) return;
    if (this.#reaching?.level === 0 && trustMs > 0) return;
    this.#failures = this.#climbs = 0;
    this.#reach(0);
  }

  /** There is something to be heard soon. */
  poke() {
    this.#standing?.handle?.poke?.();
    if (!this.#standing && !this.#reaching) this.wake();
  }

  /** @param {number} level */
  #reach(level) {
    clearTimeout(this.#next);
    this.#reaching?.close();
    const footing = new Footing(level);
    this.#reaching = footing;
    footing.handle = this.#rungs[level].open({
      event: (name, data) => footing.isOver || this.#heard(footing, name, data),
      closed: (error) => footing.isOver || this.#lost(footing, error),
      trouble: (error) => footing.isOver || this.#trouble(footing, error),
    });
    if (footing.isOver) footing.handle.close();
  }

  /** @param {Footing} footing @param {string} name @param {any} data */
  #heard(footing, name, data) {
    footing.lastHeard = Date.now();
    if (name === "bulk-download:bye") return this.#leave(footing);
    if (!footing.hasSpoken) this.#step(footing);
    if (data?.heartbeatSeconds > 0)
      this.#timing = {
        ...this.#timing,
        heartbeatMs: data.heartbeatSeconds * 1000,
      };
    this.#onEvent(name, data);
  }

  /** Stand on the rung that has just spoken for the first time. @param {Footing} footing */
  #step(footing) {
    footing.hasSpoken = true;
    if (this.#standing !== footing) this.#standing?.close();
    this.#standing = footing;
    if (this.#reaching === footing) this.#reaching = undefined;
    if (footing.level < this.#best) this.#climbs = 0;
    this.#best = Math.min(this.#best, footing.level);
    this.#onConnection(this.#rungs[footing.level].name);
    if (footing.level > 0) this.#climbLater();
  }

  #climbLater() {
    const { climbMs, maxClimbMs, retryMs } = this.#timing;
    // A better rung has worked on this page: what broke it (a restart, mostly) is likely over in a moment.
    const first = this.#standing && this.#best < this.#standing.level && this.#climbs < 3 ? retryMs * 4 : climbMs;
    const wait = Math.min(maxClimbMs, first * 2 ** this.#climbs++);
    this.#later(wait * (0.5 + Math.random() / 2), 0);
  }

  /** @param {number} ms @param {number} level */
  #later(ms, level) {
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.#reach(level), ms);
  }

  /** The server says good-bye before it goes: come back at once, the others are up. @param {Footing} footing */
  #leave(footing) {
    footing.close();
    if (footing === this.#reaching) this.#reaching = undefined;
    if (footing !== this.#standing) return this.#lost(footing);
    this.#standing = undefined;
    this.#onConnection("connecting");
    this.#later(Math.random() * this.#timing.retryMs, footing.level);
  }

  /** @param {Footing} footing @param {BulkDownloadError} [error] */
  #lost(footing, error) {
    footing.close();
    if (footing === this.#reaching) this.#reaching = undefined;
    if (this.#standing && footing !== this.#standing) return this.#missedStep(footing);
    this.#standing = undefined;
    const isSignedOut = error?.needsSignIn ?? false;
    this.#onConnection(isSignedOut ? "signed-out" : "connecting");
    if (this.#reaching) return;
    if (Date.now() - footing.since > this.#timing.heartbeatMs) this.#failures = 0;
    const wait = backoff(this.#failures++, this.#timing, error);
    if (isSignedOut) return this.#later(this.#timing.maxRetryMs, footing.level);
    // What worked may work again; what breaks again and again does not.
    if (footing.hasSpoken && this.#failures < 3) return this.#later(wait, footing.level);
    this.#later(error?.retryAfterMs ?? 0, Math.min(footing.level + 1, this.#rungs.length - 1));
  }

  /** A better rung did not hold while we stand on another: try the one between, or later again. @param {Footing} footing */
  #missedStep(footing) {
    const standing = /** @type {Footing} */ (this.#standing);
    if (footing.level + 1 < standing.level) return this.#reach(footing.level + 1);
    if (standing.level > 0) this.#climbLater();
  }

  /** @param {Footing} footing @param {BulkDownloadError} error */
  #trouble(footing, error) {
    if (this.#standing && footing !== this.#standing) return;
    footing.lastHeard = Date.now();
    this.#onConnection(error.needsSignIn ? "signed-out" : "offline");
    // Its next word is an arrival: the connection is shown again, and a better rung is tried soon.
    footing.hasSpoken = false;
    this.#climbs = 0;
  }

  #tick() {
    const now = Date.now();
    const { heartbeatMs, openMs } = this.#timing;
    const hasSlept = now - this.#lastTick > 2 * heartbeatMs;
    this.#lastTick = now;
    if (hasSlept) return this.wake(0);
    if (this.#reaching && this.#isPushed(this.#reaching) && now - this.#reaching.lastHeard > openMs)
      this.#lost(this.#reaching);
    const standing = this.#standing;
    if (standing && this.#isPushed(standing) && now - standing.lastHeard > 2 * heartbeatMs) {
      standing.hasSpoken = false;
      this.#lost(standing);
    }
  }

  /** Polling speaks when asked and minds its own failures. @param {Footing} footing */
  #isPushed(footing) {
    return footing.level < this.#rungs.length - 1;
  }
}
