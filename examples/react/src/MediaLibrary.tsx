import { formatBytes } from "@bulkdl/client/format";
import { BulkDownloadModal, useBulkDownload, useRecentDownloads } from "@bulkdl/client/react";
import { useState } from "react";
import { type Asset, useAssets } from "./useAssets";

export function MediaLibrary({ projectId }: { projectId: string }) {
  const { client, status, progress, startDownload } = useBulkDownload();
  const { assets, error, isLoading } = useAssets(client, projectId);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = assets.filter(({ assetId }) => selected.has(assetId));
  const isBusy = status === "pending" || status === "processing";

  function toggle(assetId: string) {
    const next = new Set(selected);
    if (!next.delete(assetId)) next.add(assetId);
    setSelected(next);
  }

  // What is refused is shown by the modal, so there is nothing to be caught here.
  const download = (wanted: Asset[]) => startDownload(wanted.map(({ assetId }) => assetId)).catch(() => undefined);

  return (
    <main>
      <header>
        <h1>Media library</h1>
        <p role="status">
          {isLoading ? "Loading…" : `${assets.length} files, ${formatBytes(sum(assets))}`}
          {isBusy && ` · building: ${progress.percent}%`}
        </p>
        <button type="button" disabled={isBusy || chosen.length === 0} onClick={() => download(chosen)}>
          Download selected
          {chosen.length > 0 && ` (${chosen.length}, ${formatBytes(sum(chosen))})`}
        </button>
        <button type="button" disabled={isBusy || isLoading || assets.length === 0} onClick={() => download(assets)}>
          Download all
        </button>
      </header>

      {error && <p role="alert">{error.message}</p>}

      <ul className="grid">
        {assets.map((asset) => (
          <Tile key={asset.assetId} asset={asset} isSelected={selected.has(asset.assetId)} onToggle={toggle} />
        ))}
      </ul>

      <RecentDownloads />
      <BulkDownloadModal />
    </main>
  );
}

interface TileProps {
  asset: Asset;
  isSelected: boolean;
  onToggle: (assetId: string) => void;
}

function Tile({ asset, isSelected, onToggle }: TileProps) {
  return (
    <li>
      <label className="tile">
        {asset.thumbnailUrl ? <img src={asset.thumbnailUrl} alt="" loading="lazy" /> : <span className="stand" />}
        <span className="name">{asset.name}</span>
        <span className="size">{formatBytes(asset.size)}</span>
        <input type="checkbox" checked={isSelected} onChange={() => onToggle(asset.assetId)} />
      </label>
    </li>
  );
}

function RecentDownloads() {
  const jobs = useRecentDownloads();
  const { downloadJob } = useBulkDownload();
  if (jobs.length === 0) return null;
  return (
    <section aria-labelledby="recent">
      <h2 id="recent">Recent downloads</h2>
      <ul className="recent">
        {jobs.map((job) => (
          <li key={job.jobId} data-job={job.jobId}>
            {job.archiveName}: {job.status === "processing" ? `${job.percent}%` : job.status}
            {job.status === "complete" && (
              <button type="button" onClick={() => downloadJob(job.jobId)}>
                Download
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function sum(assets: Asset[]) {
  return assets.reduce((size, asset) => size + asset.size, 0);
}
