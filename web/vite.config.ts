import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  // Every address is relative to the page's <base>, which the server sets to where it is nested.
  base: "./",
  plugins: [react()],
  build: {
    target: "es2024",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      // A hint for React's compiler, in what GraphiQL is made of, which means nothing here.
      onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning),
    },
  },
  server: {
    proxy: {
      "/graphql": { target: server, ws: true },
      "/export": server,
      "/logs": server,
    },
  },
});
