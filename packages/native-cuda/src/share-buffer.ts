import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "./context.js";
import { DeviceBuffer } from "./device-buffer.js";
import { CudaError, isCudaError } from "./errors.js";
import type { BufferHandle, ContextHandle } from "./internal/addon-functions.js";
import { requireCount } from "./internal/checks.js";
import { handleOf } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { addonFunctions } from "./native-addon.js";

/**
 * What another process needs to import a buffer. A descriptor belongs to whoever holds it: pass it to a child (`stdio`) or
 * by a socket (`offerBuffer`), then close it with `closeExport`. Whoever has one can map the memory for writing, too.
 */
export type BufferExport =
  | {
      readonly kind: "descriptor";
      readonly descriptor: number;
      readonly bytes: number;
      readonly device_uuid: string;
    }
  | { readonly kind: "ipc"; readonly handle: Uint8Array; readonly bytes: number; readonly device_uuid: string };

/** What `importBuffer` takes. */
export interface ImportOptions {
  /**
   * `read` by default. A descriptor is then mapped without the right to write, where the driver grants that; the buffer's
   * `read_only_enforced` says so. A legacy IPC handle cannot be restricted, and only this package's copies refuse to write.
   */
  readonly access?: "read" | "read_write";
  /** How long to wait for an offer; 10 s. */
  readonly timeout_ms?: number;
  readonly signal?: AbortSignal;
}

/** The export of a buffer: by descriptor where it was allocated as shareable, else by a legacy IPC handle. */
export function exportBuffer(buffer: DeviceBuffer): BufferExport {
  const addon = addonFunctions();
  const handle = handleOf<BufferHandle>(buffer);
  const common = { bytes: buffer.bytes, device_uuid: buffer.context.device.uuid };
  if (buffer.facts().descriptor_exportable === true) {
    return { kind: "descriptor", descriptor: addon.exportDescriptor(handle), ...common };
  }
  return { kind: "ipc", handle: addon.exportIpc(handle), ...common };
}

/** Closes this process's copy of an exported descriptor; what others hold stays. */
export function closeExport(exported: BufferExport): void {
  if (exported.kind === "descriptor") addonFunctions().closeDescriptor(exported.descriptor);
}

/** A buffer that other processes of the same user can take from a Unix socket, until `dispose()`. */
export class BufferOffer extends Lifetime {
  readonly path: string;
  readonly #taken: () => number;

  /** Made by `offerBuffer`. */
  constructor(path: string, taken: () => number, release: () => void) {
    super(`the offer of a buffer at ${path}`, release);
    this.path = path;
    this.#taken = taken;
  }

  /** How often it was taken. */
  get taken(): number {
    this.requireAlive();
    return this.#taken();
  }
}

interface OfferMessage {
  readonly version: 1;
  readonly kind: "descriptor" | "ipc";
  readonly bytes: number;
  readonly device_uuid: string;
  readonly handle: string | null;
}

/**
 * Offers a buffer to other processes of this user through a Unix socket at `path`, which must not exist yet; connections
 * of other users are refused. The buffer must outlive the offer, and with a legacy IPC handle every import of it.
 */
export function offerBuffer(buffer: DeviceBuffer, path: string): BufferOffer {
  const addon = addonFunctions();
  const exported = exportBuffer(buffer);
  const message: OfferMessage = {
    version: 1,
    kind: exported.kind,
    bytes: exported.bytes,
    device_uuid: exported.device_uuid,
    handle: exported.kind === "ipc" ? Buffer.from(exported.handle).toString("base64") : null,
  };
  try {
    const descriptor = exported.kind === "descriptor" ? exported.descriptor : -1;
    const offer = addon.offer(path, descriptor, Buffer.from(JSON.stringify(message)));
    return new BufferOffer(
      path,
      () => addon.offerTaken(offer),
      () => addon.dispose(offer),
    );
  } finally {
    closeExport(exported);
  }
}

/**
 * Imports a buffer of another process: from the socket of an offer, or from an export that came in another way (whose
 * descriptor the caller still closes). Throws `exchange_failed` where the other side is not there or says nothing of use,
 * `device_unavailable` for a buffer of another device.
 */
export async function importBuffer(
  context: Context,
  from: string | BufferExport,
  options: ImportOptions = {},
): Promise<DeviceBuffer> {
  const access = options.access ?? "read";
  if (typeof from !== "string") return importExport(context, from, access);
  const taken = await takeOffer(from, options);
  try {
    return importExport(context, taken, access);
  } finally {
    closeExport(taken);
  }
}

/** An offer may appear a little later than the one who wants it. */
async function takeOffer(path: string, { timeout_ms = 10_000, signal }: ImportOptions): Promise<BufferExport> {
  requireCount(timeout_ms, "timeout_ms", { least: 1, most: 2 ** 31 - 1 });
  const deadline = performance.now() + timeout_ms;
  for (;;) {
    signal?.throwIfAborted();
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    try {
      const { descriptor, message } = await addonFunctions().take(path, left);
      return readMessage(descriptor, message);
    } catch (error) {
      const absent = isCudaError(error) && error.code === "not_found";
      if (!absent) throw error;
      if (performance.now() >= deadline) {
        throw new CudaError("exchange_failed", `nobody offers a buffer at ${path}: ${error.message}`, { cause: error });
      }
      await sleep(Math.min(20, left), undefined, signal === undefined ? {} : { signal });
    }
  }
}

function readMessage(descriptor: number, bytes: Uint8Array): BufferExport {
  const message = parseMessage(bytes);
  if (message?.kind === "descriptor" && descriptor >= 0) {
    return { kind: "descriptor", descriptor, bytes: message.bytes, device_uuid: message.device_uuid };
  }
  if (message?.kind === "ipc" && message.handle !== null && descriptor < 0) {
    const handle = Uint8Array.from(Buffer.from(message.handle, "base64"));
    return { kind: "ipc", handle, bytes: message.bytes, device_uuid: message.device_uuid };
  }
  if (descriptor >= 0) addonFunctions().closeDescriptor(descriptor);
  throw new CudaError("exchange_failed", "what came from the socket is no offer of a buffer");
}

function parseMessage(bytes: Uint8Array): OfferMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const message = value as Partial<Record<keyof OfferMessage, unknown>>;
  const { version, kind, device_uuid, handle } = message;
  if (version !== 1 || (kind !== "descriptor" && kind !== "ipc")) return undefined;
  if (typeof message.bytes !== "number" || !Number.isSafeInteger(message.bytes) || message.bytes < 1) return undefined;
  if (typeof device_uuid !== "string" || (handle !== null && typeof handle !== "string")) return undefined;
  return { version, kind, bytes: message.bytes, device_uuid, handle };
}

function importExport(context: Context, exported: BufferExport, access: "read" | "read_write"): DeviceBuffer {
  const { bytes, device_uuid } = exported;
  if (device_uuid !== context.device.uuid) {
    throw new CudaError(
      "device_unavailable",
      `the buffer is on ${device_uuid}, and the context on ${context.device.uuid}: open a context there`,
      { details: { device_uuid } },
    );
  }
  const addon = addonFunctions();
  const target = handleOf<ContextHandle>(context);
  const { handle, enforced } =
    exported.kind === "descriptor"
      ? addon.importDescriptor(target, exported.descriptor, bytes, access === "read_write")
      : { handle: addon.importIpc(target, exported.handle, bytes), enforced: false };
  const origin = { label: "imported", access, read_only_enforced: enforced };
  return new DeviceBuffer(context, { bytes, handle }, () => addon.dispose(handle), origin);
}
