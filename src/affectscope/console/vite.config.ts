import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the pages work under whatever path they are served.
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy of the observatory allows files of its own alone, and no data: script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npm run dev` asks the observatory of this machine.
  server: { proxy: { "/api": "http://127.0.0.1:9001" } },
});
