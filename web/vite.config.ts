/** How the page is built: one script, one worker, one style sheet, each named by its contents. */

import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

/**
 * Has the page name the hash of each script and style that it loads (Subresource Integrity): what a
 * proxy or a cache has altered is not run.
 */
function integrity(): Plugin {
  return {
    name: "integrity",
    enforce: "post",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle }) => {
        const sums = new Map(
          Object.values(bundle ?? {}).map((file) => {
            const content = file.type === "chunk" ? file.code : file.source;
            const sum = createHash("sha384").update(content).digest("base64");
            return [`./${file.fileName}`, `sha384-${sum}`];
          }),
        );
        return html.replace(/(src|href)="(\.\/assets\/[^"]+)"/g, (whole, name: string, path: string) => {
          const sum = sums.get(path);
          if (sum === undefined) {
            throw new Error(`${path} is not of this page`);
          }
          return `${whole} integrity="${sum}"`;
        });
      },
    },
  };
}

export default defineConfig({
  base: "./", // a relay may be mounted below a path
  plugins: [integrity()],
  build: {
    target: "es2022",
    outDir: "built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
});
