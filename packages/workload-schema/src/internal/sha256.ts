import { _SHA256 as PortableSha256 } from "@noble/hashes/sha2.js";

type HashText = (text: string) => string;

/** What may be there: browsers have no `process`, older Deno and Bun versions no `getBuiltinModule` or one-shot hash. */
interface Runtime {
  readonly process?: { readonly getBuiltinModule?: (name: "crypto") => Crypto | undefined };
}

interface Crypto {
  readonly hash?: (algorithm: string, text: string) => string;
  readonly createHash?: (algorithm: string) => {
    update(text: string): { digest(encoding: "hex"): string };
  };
}

let hashText: HashText | undefined;

/** SHA-256 of a text's UTF-8 bytes, 64 lower-case hexadecimal digits: the runtime's own where there is one, else portable. */
export function sha256Hex(text: string): string {
  hashText ??= nativeSha256(globalThis) ?? portableSha256;
  return hashText(text);
}

/** Node's, without an import that a browser bundle would have to resolve. */
export function nativeSha256(runtime: Runtime): HashText | undefined {
  const { hash, createHash } = runtime.process?.getBuiltinModule?.("crypto") ?? {};
  if (hash) return (text) => hash("sha256", text);
  if (createHash) return (text) => createHash("sha256").update(text).digest("hex");
  return undefined;
}

/** The class and not the `sha256` around it, whose checks of arguments would be a tenth of the bundle. */
export function portableSha256(text: string): string {
  let hex = "";
  for (const byte of new PortableSha256().update(new TextEncoder().encode(text)).digest())
    hex += (byte + 256).toString(16).slice(1);
  return hex;
}
