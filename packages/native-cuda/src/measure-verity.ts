import { type FileHandle, open } from "node:fs/promises";
import { requireAddon } from "./native-addon.js";

/** How a file's tree was made; see `TreeHash` for the one that this package computes. */
export interface VerityParameters {
  readonly block_bytes: number;
  /** As hexadecimal digits; empty for none. */
  readonly salt: string;
}

/**
 * What the kernel says of a file with fs-verity, or why it says nothing. `not_enabled`: the file is not protected, its
 * file system could; `unsupported`: its file system or the kernel cannot; `addon_not_built`: nobody could ask.
 */
export type VerityMeasurement =
  | {
      readonly status: "measured";
      /** `sha256`, `sha512`, or the kernel's number for one that has no name here. */
      readonly algorithm: string;
      /** Of the file's descriptor, as hexadecimal digits: what `fsverity measure` prints. It covers the parameters. */
      readonly digest: string;
      /** Null for kernels before 5.12, which do not tell. */
      readonly parameters: VerityParameters | null;
    }
  | {
      readonly status: "unavailable";
      readonly reason: "not_enabled" | "unsupported" | "not_linux" | "addon_not_built";
      readonly message: string;
    };

const ALGORITHMS: Readonly<Record<number, string>> = { 1: "sha256", 2: "sha512" };

/**
 * Asks the kernel for the fs-verity digest of a file (`FS_IOC_MEASURE_VERITY`): the kernel has checked every block that
 * is read of such a file against it, and nobody can change the file. Reads none of the file's bytes. Errors of the file
 * system are thrown as Node's own.
 */
export async function measureVerity(file: FileHandle | string | URL): Promise<VerityMeasurement> {
  if (typeof file === "object" && "fd" in file) return measured(file.fd);
  const opened = await open(file, "r");
  try {
    return measured(opened.fd);
  } finally {
    await opened.close();
  }
}

function measured(descriptor: number): VerityMeasurement {
  const addon = requireAddon();
  if (addon.status === "unavailable") return unavailable("addon_not_built", `${addon.message}; ${addon.fix}`);
  const { status, errno, algorithm, digest, metadata } = addon.functions.measureVerity(descriptor);
  switch (status) {
    case "measured":
      return {
        status,
        algorithm: ALGORITHMS[algorithm] ?? String(algorithm),
        digest: Buffer.from(digest ?? []).toString("hex"),
        parameters: metadata === null ? null : parametersOf(metadata),
      };
    case "not_enabled":
      return unavailable(status, "fs-verity is not enabled for the file: fsverity enable FILE");
    case "unsupported":
      return unavailable(status, "the file system, or the kernel, has no fs-verity");
    case "not_linux":
      return unavailable(status, "fs-verity is Linux's");
    case "failed":
      throw Object.assign(new Error(`the kernel did not measure the file (errno ${errno})`), {
        code: `errno ${errno}`,
      });
  }
}

/** Of a `struct fsverity_descriptor`: its third byte is the block size as a power of two, its fourth the salt's length. */
function parametersOf(descriptor: Uint8Array): VerityParameters {
  const [, , log2 = 0, salt_bytes = 0] = descriptor;
  return { block_bytes: 2 ** log2, salt: Buffer.from(descriptor.subarray(80, 80 + salt_bytes)).toString("hex") };
}

function unavailable(
  reason: (VerityMeasurement & { readonly status: "unavailable" })["reason"],
  message: string,
): VerityMeasurement {
  return { status: "unavailable", reason, message };
}
