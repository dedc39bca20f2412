import { _SHA256 as PortableSha256 } from "@noble/hashes/sha2.js";

type HashText = (text: string) => string;

/** What may be there: browsers have no `process`, other runtimes no `getBuiltinModule` or one-shot hash. */
interface Runtime {
  readonly process?: {
    readonly getBuiltinModule?: (name: "crypto") => { readonly hash?: HashAny } | undefined;
  };
}

type HashAny = (algorithm: string, text: string) => string;

let hashText: HashText | undefined;

/** SHA-256 of a text's UTF-8 bytes, 64 lower-case hexadecimal digits: the runtime's own where there is one, else portable. */
export function sha256Hex(text: string): string {
  hashText ??= nativeSha256(globalThis) ?? portableSha256;
  return hashText(text);
}

/** Node's (from 20.12 on), without an import that a browser bundle would have to resolve. */
export function nativeSha256(runtime: Runtime): HashText | undefined {
  const hash = runtime.process?.getBuiltinModule?.("crypto")?.hash;
  return hash && ((text) => hash("sha256", text));
}

/** The class and not the `sha256` around it, whose checks of arguments would be a tenth of the bundle. */
export function portableSha256(text: string): string {
  let hex = "";
  for (const byte of new PortableSha256().update(new TextEncoder().encode(text)).digest())
    hex += (byte + 256).toString(16).slice(1);
  return hex;
}
