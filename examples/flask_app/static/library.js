const dialog = document.querySelector("bulk-download-dialog");
const button = document.querySelector("#download");

const { assets } = await dialog.client.feed.api.get("/assets", {
  query: { projectId: "demo", limit: 1000 },
});
document.querySelector("#status").textContent = `${assets.length} files`;
button.disabled = false;
button.addEventListener("click", () => dialog.startDownload(assets.map(({ assetId }) => assetId)).catch(() => {}));
