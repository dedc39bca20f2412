import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** What may be there: browsers have no `process`, other runtimes no `getBuiltinModule` or one-shot hash. */
interface Runtime {
  readonly process?: {
    readonly getBuiltinModule?: (
      name: "crypto",
    ) => { readonly hash?: (algorithm: string, text: string) => string } | undefined;
  };
}

/** SHA-256 of a text's UTF-8 bytes, 64 lower-case hexadecimal digits: the runtime's own where there is one. */
export function sha256Hex(text: string): string {
  const runtime: Runtime = globalThis;
  const hash = runtime.process?.getBuiltinModule?.("crypto")?.hash;
  return hash === undefined ? portableSha256(text) : hash("sha256", text);
}

/** The same where there is only JavaScript. */
export function portableSha256(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
