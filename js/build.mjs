// Builds one ESM bundle and one stylesheet per widget into the Python package, and fails when a bundle is over its budget.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { minify } from "terser";
import { build } from "vite";

/** A bundle's budget in bytes after gzip: it travels with every instance and into every saved state. */
const BUDGETS = { explorer: 60 }; // KB
const budgetOf = (name) => (BUDGETS[name] ?? 40) * 1024;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Every folder with an entry is a widget. */
const WIDGETS = readdirSync(here(".")).filter((name) => existsSync(here(`${name}/index.tsx`)));
const OUTPUT = here("../convo_widgets/widgets/static");
const watching = process.argv.includes("--watch");

/** Vite leaves the whitespace of ES libraries: a second pass takes it out, and what else it finds. */
const squeeze = {
  name: "squeeze",
  async writeBundle(_options, bundle) {
    for (const file of Object.values(bundle).filter((part) => part.type === "chunk")) {
      const path = `${OUTPUT}/${file.fileName}`;
      const { code } = await minify(readFileSync(path, "utf8"), { module: true, ecma: 2022, compress: { passes: 5 } });
      writeFileSync(path, code);
    }
  },
};

const measure = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const kilo = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

for (const name of WIDGETS) {
  const budget = budgetOf(name);
  await build({
    configFile: here("vite.config.mjs"),
    logLevel: "warn",
    plugins: [squeeze],
    // calls of h() are shorter than those of the newer JSX runtime, and need none
    oxc: { jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" } },
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      outDir: OUTPUT,
      emptyOutDir: false, // the widgets share the folder
      target: "es2022",
      minify: true,
      rolldownOptions: {
        transform: { inject: { h: ["preact", "h"], Fragment: ["preact", "Fragment"] } },
        checks: { pluginTimings: false }, // the second pass takes its time
        // virtua's "use client" is for React servers: nothing is lost with it
        onLog: (level, log, tell) => log.code !== "MODULE_LEVEL_DIRECTIVE" && tell(level, log),
      },
      watch: watching ? {} : null,
      lib: { entry: here(`${name}/index.tsx`), formats: ["es"], fileName: () => `${name}.js`, cssFileName: name },
    },
  });
  if (watching) continue;
  const [script, style] = ["js", "css"].map((end) => measure(`${OUTPUT}/${name}.${end}`));
  console.log(`${name}: js ${kilo(script)}, css ${kilo(style)} gzip (budget of the js ${kilo(budget)})`);
  if (script > budget) {
    console.error(`${name}.js is over its budget: find what grew, or argue for a larger one in build.mjs.`);
    process.exitCode = 1;
  }
}
