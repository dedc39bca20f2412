import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Spec } from "vega";
import { AntRatioError } from "../errors.js";

/** The font family of exported pictures; its file travels with this package. */
export const PICTURE_FONT = "DejaVu Sans";

/** A Vega specification as SVG text. The same specification gives the same text. Rejects with `missing_peer` without vega. */
export async function svgOf(spec: Spec): Promise<string> {
  const vega = await import("vega").catch((error: unknown) => missingPeer("charts", "vega", error));
  // Counters of the whole process would tell one picture of a spec from the next.
  vega.resetSVGDefIds();
  const view = new vega.View(vega.parse(spec), { renderer: "none", logLevel: vega.Error });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

/**
 * An SVG picture as PNG, drawn with the font that travels with this package and no other. Rejects with `missing_peer`
 * without @resvg/resvg-js.
 */
export async function pngOf(svg: string, { zoom }: { readonly zoom: number }): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js").catch((error: unknown) =>
    missingPeer("PNG pictures", "@resvg/resvg-js", error),
  );
  const picture = new Resvg(svg, {
    font: { fontFiles: [fontFile()], loadSystemFonts: false, defaultFontFamily: PICTURE_FONT },
    fitTo: { mode: "zoom", value: zoom },
  });
  return new Uint8Array(picture.render().asPng());
}

function missingPeer(what: string, name: string, cause: unknown): never {
  throw new AntRatioError(
    "missing_peer",
    `${what} need the optional package ${name}, which cannot be loaded here: npm install ${name}`,
    { details: { package: name }, cause },
  );
}

/** Beside what the build makes; in the sources of this repository, from the package that the build takes it from. */
function fontFile(): string {
  const require = createRequire(import.meta.url);
  const built = join(dirname(require.resolve("@vrx/ant-ratio/package.json")), "dist/fonts/DejaVuSans.ttf");
  return existsSync(built) ? built : require.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");
}
