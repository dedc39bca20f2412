import { fileURLToPath } from "node:url";
import { type Defence, defences } from "./defences.js";

const sources = fileURLToPath(new URL("../../src/", import.meta.url));

/** The file that a defence stands in. */
export function fileOf({ file }: Pick<Defence, "file">): string {
  return `${sources}${file}`;
}

/** A source without a defence; throws where what is to be changed is not there once (or everywhere that it is). */
export function without({ row, from, to, everywhere = false }: Defence, source: string): string {
  const places = source.split(from).length - 1;
  if (places === 0 || (places > 1 && !everywhere)) throw new Error(`row ${row}: ${places} places have ${from}`);
  return source.replaceAll(from, () => to);
}

/** Takes the defence of the row that `VRX_DEFENCE` names away as its file is loaded; the file stays as it is. */
export function mutateOnLoad(): { name: string; enforce: "pre"; transform(code: string, id: string): string | null } {
  const defence = defences.find(({ row }) => row === Number(process.env["VRX_DEFENCE"]));
  if (defence === undefined) throw new Error("VRX_DEFENCE names no row");
  const file = fileOf(defence);
  return {
    name: "mutate-on-load",
    enforce: "pre",
    transform: (code, id) => (id.split("?")[0] === file ? without(defence, code) : null),
  };
}
