/** The media library page: puts the library, the selection, the client and the dialog together. */

import { BulkDownloadClient } from "../client/client.js";
import { formatBytes, formatCount } from "../client/format.js";
import "../dialog/define.js";
import { projectOf, readConfig } from "./config.js";
import { Folders } from "./folders.js";
import { Grid } from "./grid.js";
import { Library, baseName } from "./library.js";
import { Selection, sizeOf } from "./selection.js";
import { Tray } from "./tray.js";

/** @typedef {import("./library.js").Asset} Asset */

/** @param {string} id @returns {any} an element that the template has */
const byId = (id) => document.getElementById(id);

const config = readConfig();
const projectId = projectOf(config);
const title = document.title;

/** @param {number} count */
const files = (count) => `${formatCount(count)} ${count === 1 ? "file" : "files"}`;

/** @param {string} projectId */
function start(projectId) {
  const timing = config.heartbeatSeconds ? { heartbeatMs: config.heartbeatSeconds * 1000 } : {};
  const client = new BulkDownloadClient({
    urlPrefix: config.urlPrefix,
    projectId,
    csrfCookie: config.csrfCookie,
    timing,
  });
  const library = new Library(client.feed.api, projectId);
  const selection = new Selection();
  const grid = new Grid(byId("grid"), selection);
  const limits = { maxFiles: Infinity };
  byId("dialog").client = client;
  new Folders(byId("folders"), library);
  const tray = new Tray(byId("jobs"), client, (jobId) => show(client, jobId));

  library.store.subscribe(() => showLibrary(library, grid));
  library.store.subscribe(() => showSelection(library, selection, limits));
  selection.store.subscribe(() => showSelection(library, selection, limits));
  client.feed.store.subscribe(() => showTray(client, tray));
  client.subscribe(() => showTitle(client));
  followSignIn(client, library);
  listen(client, library, selection);
  // What a job may hold; without an answer, the API refuses what is too much.
  client.feed.api.get("/bulk-download/capabilities").then(
    (answer) => {
      limits.maxFiles = answer.maxFiles ?? Infinity;
      showSelection(library, selection, limits);
    },
    () => {},
  );
  showTray(client, tray);
  library.load();
}

/** @param {BulkDownloadClient} client @param {string} jobId */
function show(client, jobId) {
  if (client.state.jobId !== jobId) client.attach(jobId).catch(() => {});
  byId("dialog").show();
}

/** @param {Library} library @param {Grid} grid */
function showLibrary(library, grid) {
  const { status, error, assets, shown, search, folder } = library.state;
  const isEmpty = shown.length === 0;
  byId("place").textContent = folder ? baseName(folder) : "All files";
  const total = `${files(shown.length)} · ${formatBytes(sizeOf(shown))}`;
  byId("count").textContent =
    status === "loading" ? (assets.length ? `${files(shown.length)} so far…` : "Loading…") : total;
  byId("grid").hidden = isEmpty;
  byId("grid").setAttribute("aria-busy", String(status === "loading"));
  byId("skeleton").hidden = !(status === "loading" && assets.length === 0);
  byId("signed-out").hidden = !error?.needsSignIn;
  byId("failed").hidden = status !== "failed" || Boolean(error?.needsSignIn);
  byId("failed-reason").textContent = error?.message ?? "";
  byId("empty").hidden = !(status === "ready" && assets.length === 0 && !search);
  byId("nothing").hidden = !(status === "ready" && isEmpty && (assets.length > 0 || search));
  byId("nothing-search").textContent = search;
  byId("library").classList.toggle("bare", assets.length === 0 && !search);
  grid.show(shown);
}

/** @param {Library} library @param {Selection} selection @param {{maxFiles: number}} limits */
function showSelection(library, selection, { maxFiles }) {
  const { shown, status } = library.state;
  const { chosen, size } = selection.store.value;
  const isReady = status === "ready";
  byId("bar").hidden = chosen.size === 0;
  document.body.classList.toggle("has-selection", chosen.size > 0);
  byId("chosen").textContent = `${files(chosen.size)} selected`;
  byId("chosen-size").textContent = formatBytes(size);
  byId("chosen-limit").textContent = chosen.size > maxFiles ? `One archive holds at most ${files(maxFiles)}.` : "";
  byId("download-selected").disabled = chosen.size > maxFiles;
  byId("download-all").disabled = !isReady || shown.length === 0 || shown.length > maxFiles;
  byId("limit").textContent =
    isReady && shown.length > maxFiles
      ? `One archive holds at most ${files(maxFiles)}: choose a folder or select.`
      : "";
  byId("select-all").disabled = shown.length === 0;
  const hasAll = shown.length > 0 && shown.every(({ assetId }) => chosen.has(assetId));
  byId("select-all").setAttribute("aria-pressed", String(hasAll));
  byId("select-all-text").textContent = hasAll ? "Clear selection" : "Select all";
}

/** @param {BulkDownloadClient} client @param {Tray} tray */
function showTray(client, tray) {
  const { jobs, isLoaded, connection } = client.feed.store.value;
  const live = tray.liveCount;
  byId("live-count").textContent = live ? String(live) : "";
  byId("live-count").hidden = live === 0;
  byId("live-words").hidden = live === 0;
  byId("no-jobs").hidden = !isLoaded || jobs.length > 0;
  byId("jobs-loading").hidden = isLoaded || jobs.length > 0 || connection === "signed-out";
  const isAway = connection === "offline" || connection === "signed-out";
  byId("connection").hidden = !isAway;
  byId("connection").textContent =
    connection === "signed-out" ? "Signed out: the list may be old." : "No connection: we keep trying.";
}

/** The tab tells how far it is. @param {BulkDownloadClient} client */
function showTitle({ state }) {
  document.title = state.status === "processing" ? `${state.progress.percent}% · ${title}` : title;
}

/** Load the library again once the person has signed in. @param {BulkDownloadClient} client @param {Library} library */
function followSignIn(client, library) {
  client.feed.store.subscribe(() => {
    const { connection } = client.feed.store.value;
    const isHeard = connection === "websocket" || connection === "eventsource" || connection === "polling";
    if (isHeard && library.state.error?.needsSignIn && library.state.status === "failed") library.load();
  });
}

/** @param {BulkDownloadClient} client @param {Library} library @param {Selection} selection */
function listen(client, library, selection) {
  /** @param {readonly Asset[]} assets @param {string} [archiveName] */
  const download = (assets, archiveName) =>
    client
      .startDownload(
        assets.map(({ assetId }) => assetId),
        archiveName ? { archiveName } : {},
      )
      .catch(() => {});
  byId("download-all").addEventListener("click", () => {
    const { shown, folder } = library.state;
    download(shown, folder ? `${baseName(folder)}.zip` : `${projectId}.zip`);
  });
  byId("download-selected").addEventListener("click", () =>
    download([...selection.store.value.chosen.values()], `${projectId} selection.zip`),
  );
  byId("clear").addEventListener("click", () => {
    selection.clear();
    byId("grid").focus();
  });
  byId("select-all").addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const isOn = /** @type {HTMLElement} */ (event.currentTarget).getAttribute("aria-pressed") === "true";
    if (isOn) selection.clear();
    else selection.addAll(library.state.shown);
  });
  byId("search").addEventListener("input", () => library.look({ search: byId("search").value.trim() }));
  byId("order").addEventListener("change", () => library.look({ order: byId("order").value }));
  byId("clear-search").addEventListener("click", () => {
    byId("search").value = "";
    library.look({ search: "", folder: "" });
    byId("search").focus();
  });
  for (const button of document.querySelectorAll(".reload")) {
    button.addEventListener("click", () => {
      client.feed.retry();
      library.load();
    });
  }
  listenToTray();
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    byId("search").focus();
  });
}

function listenToTray() {
  const wide = matchMedia("(min-width: 80rem)");
  const tray = byId("tray");
  /** @param {boolean} isOpen */
  const set = (isOpen) => {
    tray.dataset.open = isOpen ? "yes" : "no";
    byId("tray-toggle").setAttribute("aria-expanded", String(isOpen));
  };
  // The style sheet has it so from the first paint on.
  set(wide.matches);
  wide.addEventListener("change", () => set(wide.matches));
  byId("tray-toggle").addEventListener("click", () => {
    set(tray.dataset.open === "no");
    if (tray.dataset.open === "yes" && !wide.matches) byId("tray-title").focus();
  });
  byId("tray-close").addEventListener("click", () => {
    set(false);
    byId("tray-toggle").focus();
  });
  tray.addEventListener(
    "keydown",
    (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && !wide.matches && byId("tray-close").click(),
  );
}

if (projectId) {
  byId("project").textContent = projectId;
  start(projectId);
} else {
  byId("skeleton").hidden = true;
  byId("count").textContent = "";
  byId("no-project").hidden = false;
}
