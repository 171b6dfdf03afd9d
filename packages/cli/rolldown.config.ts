/**
 * `npm run build -w pulsemesh`: the command line as a few files in `dist`, for images and packages. Nothing in this repository runs from
 * there; a checkout always runs its sources (`bin/pulsemesh.js`). `PULSEMESH_BUILD_DIR` names another folder.
 */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: {
    main: "src/main.ts",
    index: "src/index.ts",
    // A thread, started by its name.
    "setup-main": "src/config/setup-main.ts",
  },
  platform: "node",
  // The one dependency with native code, which it looks for beside its own files; installed next to the bundle.
  external: ["classic-level"],
  output: {
    dir: process.env["PULSEMESH_BUILD_DIR"] ?? "dist",
    format: "esm",
    // Without blanks and comments, which V8 would keep in memory; names stay, for the stack traces in people's reports.
    minify: { codegen: true, compress: false, mangle: false },
    cleanDir: true,
  },
});
