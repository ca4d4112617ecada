/** The three ways to hear of jobs: WebSocket, EventSource, polling. Each is a function that opens it and gives back a handle. */

import { BulkDownloadError, asError } from "./errors.js";
import { isFinal } from "./job.js";

/** @typedef {import("./api.js").Api} Api */

/**
 * @typedef {object} Sink What a transport tells the ladder.
 * @property {(name: string, data: any) => void} event something arrived, be it a heartbeat
 * @property {(error?: BulkDownloadError) => void} closed it is over; said once at most
 * @property {(error: BulkDownloadError) => void} trouble it goes on trying by itself
 */

/**
 * @typedef {object} Handle
 * @property {() => void} close
 * @property {() => void} [poke] there is news to be had: do not wait for the next turn
 */

/** @typedef {(sink: Sink) => Handle} Transport */

/**
 * @typedef {object} PollTiming
 * @property {number} liveMs between polls while a job is live
 * @property {number} idleMs between looks at the list of jobs otherwise
 * @property {(failures: number, error: BulkDownloadError) => number} backoff
 */

/**
 * @typedef {object} SocketKind
 * @property {(api: Api, query: {ticket: string}) => string} url
 * @property {(url: string) => WebSocket | EventSource} open
 * @property {(socket: any, event: (name: string, data: any) => void) => void} listen
 */

export const EVENT_NAMES = ["progress", "complete", "failed", "cancelled", "snapshot", "heartbeat", "bye"].map(
  (word) => `bulk-download:${word}`,
);

/** @param {Api} api @param {typeof globalThis.WebSocket} [Socket] @returns {Transport} */
export function webSocket(api, Socket = globalThis.WebSocket) {
  return ticketed(api, {
    url: (api, query) => api.url("/bulk-download/ws", query).replace(/^http/, "ws"),
    open: (url) => new Socket(url),
    listen(socket, event) {
      socket.onmessage = (/** @type {MessageEvent} */ message) => {
        const { event: name, data } = JSON.parse(message.data);
        event(name, data);
      };
    },
  });
}

/** @param {Api} api @param {{credentials?: RequestCredentials, Source?: typeof globalThis.EventSource}} [options] @returns {Transport} */
export function eventSource(api, { credentials, Source = globalThis.EventSource } = {}) {
  return ticketed(api, {
    url: (api, query) => api.url("/bulk-download/events", query),
    open: (url) => new Source(url, { withCredentials: credentials === "include" }),
    listen(source, event) {
      for (const name of EVENT_NAMES) {
        source.addEventListener(name, (/** @type {MessageEvent} */ message) => event(name, JSON.parse(message.data)));
      }
    },
  });
}

/**
 * A socket opened with a fresh ticket. EventSource would reconnect with the spent one, so any error closes it.
 *
 * @param {Api} api
 * @param {SocketKind} kind
 * @returns {Transport}
 */
function ticketed(api, kind) {
  return (sink) => {
    const abort = new AbortController();
    /** @type {WebSocket | EventSource | undefined} */
    let socket;
    const close = () => {
      abort.abort();
      if (socket) socket.onerror = null;
      socket?.close();
    };
    /** @param {BulkDownloadError} [error] */
    const end = (error) => {
      if (abort.signal.aborted) return;
      close();
      sink.closed(error);
    };
    /** @param {string} ticket */
    const open = (ticket) => {
      if (abort.signal.aborted) return;
      socket = kind.open(kind.url(api, { ticket }));
      kind.listen(socket, (name, data) => abort.signal.aborted || sink.event(name, data));
      socket.onerror = () => end();
      if ("onclose" in socket) socket.onclose = () => end();
    };
    api
      .streamTicket(abort.signal)
      .then(open)
      .catch((thrown) => end(asError(thrown)));
    return { close };
  };
}

/**
 * Ask again and again: each live job with its ETag, and the list of jobs when none is live.
 *
 * @param {Api} api
 * @param {() => string[]} liveJobIds
 * @param {PollTiming} timing
 * @returns {Transport}
 */
export function polling(api, liveJobIds, timing) {
  return (sink) => {
    const abort = new AbortController();
    const { signal } = abort;
    /** @type {Map<string, string | null>} */
    const etags = new Map();
    let wakeUp = () => {};
    let failures = 0;
    let listIn = 0;

    async function round() {
      const ids = liveJobIds();
      if (listIn <= 0 || ids.length === 0) {
        listIn = timing.idleMs;
        const { jobs } = await api.jobs({ signal });
        sink.event("bulk-download:snapshot", { jobs });
      } else {
        listIn -= timing.liveMs;
        for (const jobId of ids) await ask(jobId);
      }
    }

    /** @param {string} jobId */
    async function ask(jobId) {
      const answer = await api.job(jobId, { etag: etags.get(jobId), signal }).catch((error) => {
        if (error.status !== 404) throw error;
        sink.event("bulk-download:failed", {
          jobId,
          error: error.message,
          errorCode: error.code,
        });
      });
      if (answer) etags.set(jobId, isFinal(answer.job) ? null : answer.etag);
      if (answer) sink.event("job", answer.job);
      else sink.event("bulk-download:heartbeat", {});
    }

    async function run() {
      while (!signal.aborted) {
        let pause = 0;
        try {
          await round();
          failures = 0;
          pause = liveJobIds().length ? timing.liveMs : timing.idleMs;
        } catch (thrown) {
          if (signal.aborted) return;
          const error = asError(thrown);
          sink.trouble(error);
          pause = timing.backoff(failures++, error);
        }
        await /** @type {Promise<void>} */ (
          new Promise((resolve) => {
            const timer = setTimeout(resolve, pause);
            wakeUp = () => {
              clearTimeout(timer);
              resolve();
            };
          })
        );
      }
    }

    run();
    return {
      close() {
        abort.abort();
        wakeUp();
      },
      poke: () => wakeUp(),
    };
  };
}
