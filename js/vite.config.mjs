import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Virtua is written for React: what it uses of it stands in react/, here and in vitest; its types are Preact's (tsconfig.json). */
export default defineConfig({
  root: here("."),
  resolve: {
    alias: [
      { find: /^react\/jsx-runtime$/, replacement: here("react/jsx-runtime.ts") },
      { find: /^react-dom$/, replacement: here("react/index.ts") },
      { find: /^react$/, replacement: here("react/index.ts") },
    ],
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
    server: { deps: { inline: ["virtua"] } },
  },
});
