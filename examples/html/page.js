// Where Bulkdl is. Its modules come from there too, so that page and server are of one version.
const BULKDL = "http://127.0.0.1:8000";
const { BulkDownloadClient } = await import(`${BULKDL}/static/index.js`);
await import(`${BULKDL}/static/dialog/define.js`);

// The page's own backend knows who is signed in and signs a token for them. One request serves all who ask at once.
let token;
function getToken({ refresh }) {
  if (!token || refresh)
    token = fetch("/bulkdl-token", { method: "POST" })
      .then((answer) => answer.json())
      .then((json) => json.token);
  return token;
}

const client = new BulkDownloadClient({
  urlPrefix: `${BULKDL}/media-collab`,
  projectId: "demo",
  getToken,
});
document.querySelector("bulk-download-dialog").client = client;

const status = document.querySelector("#status");
const button = document.querySelector("#download");
client.subscribe(() => {
  const { status: word, progress } = client.state;
  if (word !== "idle") status.textContent = word === "processing" ? `Building: ${progress.percent} %` : word;
});

const { assets } = await client.feed.api.get("/assets", {
  query: { projectId: "demo", limit: 100 },
});
for (const { name } of assets)
  document.querySelector("#files").append(Object.assign(document.createElement("li"), { textContent: name }));
status.textContent = `${assets.length} files`;
button.disabled = false;
button.addEventListener("click", () => client.startDownload(assets.map(({ assetId }) => assetId)).catch(() => {}));
