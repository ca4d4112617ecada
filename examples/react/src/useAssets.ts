import type { BulkDownloadClient } from "@bulkdl/client";
import { useEffect, useState } from "react";

export interface Asset {
  assetId: string;
  name: string;
  size: number;
  thumbnailUrl: string | null;
}

interface AssetPage {
  assets: Asset[];
  nextCursor: string | null;
}

/** All assets of a project, page by page; an application of your own has its own way to them. */
export function useAssets(client: BulkDownloadClient, projectId: string) {
  const [assets, setAssets] = useState<Asset[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [isLoading, setIsLoading] = useState(true);

  useEffect(() => {
    let isCurrent = true;
    async function load() {
      let cursor: string | null = null;
      let all: Asset[] = [];
      do {
        const page: AssetPage = await client.feed.api.get("/assets", {
          query: { projectId, limit: 500, cursor },
        });
        if (!isCurrent) return;
        all = [...all, ...page.assets];
        setAssets(all);
        cursor = page.nextCursor;
      } while (cursor);
    }
    load()
      .catch((thrown: Error) => isCurrent && setError(thrown))
      .finally(() => isCurrent && setIsLoading(false));
    return () => {
      isCurrent = false;
    };
  }, [client, projectId]);

  return { assets, error, isLoading };
}
