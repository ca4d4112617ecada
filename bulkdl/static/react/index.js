/** React bindings: hooks over the client and a component over the dialog element. React 18 or newer. */

import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { BulkDownloadClient } from "../client/client.js";
import "../dialog/define.js";

/** @typedef {import("../client/state.js").DownloadState} DownloadState */
/** @typedef {import("../client/client.js").ClientOptions & import("../client/api.js").ApiOptions & import("../client/feed.js").FeedOptions} Options */
/** @typedef {Pick<BulkDownloadClient, "startDownload" | "cancel" | "attach" | "retry" | "download" | "downloadJob" | "reset">} Commands */
/** @typedef {DownloadState & Commands & {client: BulkDownloadClient}} BulkDownload */

/** @type {import("react").Context<BulkDownloadClient | null>} */
const ClientContext = createContext(/** @type {BulkDownloadClient | null} */ (null));

/**
 * One client for all components below: give its options, or a client that is yours to close.
 *
 * @param {{children?: import("react").ReactNode, client?: BulkDownloadClient} & Options} props
 */
export function BulkDownloadProvider({ children, client, ...options }) {
  const own = useOwnClient(options, client);
  return createElement(ClientContext.Provider, { value: own }, children);
}

/**
 * The state of a download, and what can be done about it. Without a provider above, the component has a client of its
 * own, made from the options of its first rendering; pages share one stream either way.
 *
 * @param {Options} [options]
 * @returns {BulkDownload}
 */
export function useBulkDownload(options = {}) {
  const client = useOwnClient(options, useContext(ClientContext));
  const state = useSyncExternalStore(
    client.subscribe,
    () => client.state,
    () => client.state,
  );
  const commands = useMemo(() => commandsOf(client), [client]);
  return useMemo(() => ({ ...state, ...commands, client }), [state, commands, client]);
}

/**
 * The person's recent downloads, newest first, each with its progress.
 *
 * @param {BulkDownloadClient} [client] that of `useBulkDownload`; the provider's if left out
 * @returns {readonly import("../client/job.js").Job[]}
 */
export function useRecentDownloads(client) {
  const provided = useContext(ClientContext);
  const feed = (client ?? provided)?.feed;
  if (!feed) throw new Error("useRecentDownloads needs a <BulkDownloadProvider> above it, or a client.");
  const { jobs } = useSyncExternalStore(
    feed.subscribe,
    () => feed.store.value,
    () => feed.store.value,
  );
  return jobs;
}

/**
 * @typedef {object} ModalProps
 * @property {BulkDownloadClient} [client] that of `useBulkDownload`; the provider's if left out
 * @property {import("../dialog/texts.js").Texts} [texts]
 * @property {boolean} [autoClose] whether it closes itself after a success (true)
 * @property {boolean} [autoOpen] whether it opens itself when a download starts here (true)
 * @property {string} [lang]
 * @property {() => void} [onOpen]
 * @property {() => void} [onClose]
 */

/** The progress of the client's download in a modal dialog. @param {ModalProps} props */
export function BulkDownloadModal({ client, texts, autoClose = true, autoOpen = true, lang, onOpen, onClose }) {
  const ref = useRef(/** @type {import("../dialog/dialog.js").BulkDownloadDialog | null} */ (null));
  const provided = useContext(ClientContext);
  const shown = client ?? provided;
  if (!shown) throw new Error("<BulkDownloadModal> needs a <BulkDownloadProvider> above it, or a client.");
  useEffect(() => {
    if (ref.current && texts) ref.current.texts = texts;
  }, [texts]);
  useEffect(() => {
    if (ref.current) ref.current.client = shown;
  }, [shown]);
  useListener(ref, "bulkdl-open", onOpen);
  useListener(ref, "bulkdl-close", onClose);
  const flags = {
    "auto-close": autoClose ? "on" : "off",
    "auto-open": autoOpen ? "on" : "off",
  };
  return createElement("bulk-download-dialog", { ref, lang, ...flags });
}

/** @param {Options} options @param {BulkDownloadClient | null | undefined} given */
function useOwnClient(options, given) {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [own] = useState(() => {
    const getToken = options.getToken && ((/** @type {{refresh: boolean}} */ how) => latest.current.getToken?.(how));
    return given ? null : new BulkDownloadClient({ ...options, getToken, isOpen: false });
  });
  useEffect(() => {
    own?.open();
    return () => own?.close();
  }, [own]);
  return /** @type {BulkDownloadClient} */ (given ?? own);
}

/** @param {import("react").RefObject<HTMLElement | null>} ref @param {string} name @param {(() => void) | undefined} listener */
function useListener(ref, name, listener) {
  useEffect(() => {
    const node = ref.current;
    if (!node || !listener) return;
    node.addEventListener(name, listener);
    return () => node.removeEventListener(name, listener);
  }, [ref, name, listener]);
}

/** @param {BulkDownloadClient} client @returns {Commands} */
function commandsOf(client) {
  return {
    startDownload: client.startDownload.bind(client),
    cancel: client.cancel.bind(client),
    attach: client.attach.bind(client),
    retry: client.retry.bind(client),
    download: client.download.bind(client),
    downloadJob: client.downloadJob.bind(client),
    reset: client.reset.bind(client),
  };
}
