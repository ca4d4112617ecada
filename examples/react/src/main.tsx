import { BulkDownloadProvider } from "@bulkdl/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { MediaLibrary } from "./MediaLibrary";
import "./styles.css";

const projectId = new URLSearchParams(location.search).get("project") ?? "demo";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    {/* Signed in by cookie. With bearer tokens, add: getToken={({ refresh }) => session.token(refresh)} */}
    <BulkDownloadProvider projectId={projectId} urlPrefix="/media-collab">
      <MediaLibrary projectId={projectId} />
    </BulkDownloadProvider>
  </StrictMode>,
);
