import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [react()],
  // The package is a link to a folder outside of this one; React must be this one's all the same.
  resolve: { dedupe: ["react", "react-dom"] },
  server: {
    // In development, Bulkdl (`make run`) answers below the same origin, so its cookie works here too.
    proxy: {
      "/media-collab": {
        target: "http://127.0.0.1:8000",
        ws: true,
        changeOrigin: false,
      },
    },
  },
});
