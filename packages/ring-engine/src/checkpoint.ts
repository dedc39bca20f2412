import { createHash } from "node:crypto";
import type { LossScaleState, OptimizerState } from "./backend.js";
import { RingEngineError } from "./errors.js";

/** Everything a session needs to go on as if it had never stopped. */
export interface CheckpointState {
  /** Digest of the run's identity. */
  readonly identity: string;
  readonly seed: number;
  /** Training steps done. */
  readonly steps: number;
  readonly parameters: Float64Array;
  readonly optimizer: OptimizerState;
}

/*
 * Layout, little-endian: 8 bytes magic with the version, length of the header (u32), header (JSON, UTF-8),
 * parameters, first moments, second moments (f64 each), update counts (i32), SHA-256 of all before it.
 */
const MAGIC = "VRXRING1";
const DIGEST_BYTES = 32;
const HEADER_AT = MAGIC.length + 4;

interface Header {
  readonly identity: string;
  readonly seed: number;
  readonly steps: number;
  readonly parameters: number;
  readonly slots: number;
  readonly loss_scale?: LossScaleState;
}

function damaged(why: string): RingEngineError {
  return new RingEngineError(
    "invalid_checkpoint",
    `no usable checkpoint: ${why}; take it from a session's checkpoint()`,
  );
}

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

export function writeCheckpoint(state: CheckpointState): Uint8Array {
  const { parameters, optimizer } = state;
  const header: Header = {
    identity: state.identity,
    seed: state.seed,
    steps: state.steps,
    parameters: parameters.length,
    slots: optimizer.updates.length,
    ...(optimizer.loss_scale === undefined ? {} : { loss_scale: optimizer.loss_scale }),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = HEADER_AT + text.length + 24 * parameters.length + 4 * optimizer.updates.length + DIGEST_BYTES;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(MAGIC.length, text.length, true);
  bytes.set(text, HEADER_AT);
  let at = HEADER_AT + text.length;
  for (const values of [parameters, optimizer.first_moment, optimizer.second_moment]) {
    for (const value of values) {
      view.setFloat64(at, value, true);
      at += 8;
    }
  }
  for (const count of optimizer.updates) {
    view.setInt32(at, count, true);
    at += 4;
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isLossScale(value: unknown): value is LossScaleState {
  if (typeof value !== "object" || value === null) return false;
  const { scale, good_steps, skipped_updates } = value as Partial<Record<keyof LossScaleState, unknown>>;
  return typeof scale === "number" && scale > 0 && isCount(good_steps) && isCount(skipped_updates);
}

function readHeader(bytes: Uint8Array): { readonly header: Header; readonly payload: number } {
  if (bytes.length < HEADER_AT + DIGEST_BYTES) throw damaged(`it has ${bytes.length} bytes`);
  const magic = new TextDecoder("latin1").decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw damaged(`expected it to begin with ${MAGIC}, found ${JSON.stringify(magic)}`);
  const end = bytes.length - DIGEST_BYTES;
  if (Buffer.compare(sha256(bytes.subarray(0, end)), bytes.subarray(end)) !== 0)
    throw damaged("its digest does not fit");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const payload = HEADER_AT + length;
  if (payload > end) throw damaged("its header is longer than itself");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_AT, payload)));
  } catch (cause) {
    throw new RingEngineError("invalid_checkpoint", "no usable checkpoint: its header is no JSON", { cause });
  }
  const { identity, seed, steps, parameters, slots, loss_scale } = {
    ...(typeof json === "object" ? json : null),
  } as Partial<Record<keyof Header, unknown>>;
  if (typeof identity !== "string" || !isCount(seed) || !isCount(steps) || !isCount(parameters) || !isCount(slots)) {
    throw damaged("its header lacks a field");
  }
  if (loss_scale !== undefined && !isLossScale(loss_scale)) throw damaged("its header lacks a field");
  if (end - payload !== 24 * parameters + 4 * slots) throw damaged("its length does not fit its header");
  const scaled = loss_scale === undefined ? {} : { loss_scale };
  return { header: { identity, seed, steps, parameters, slots, ...scaled }, payload };
}

/** Throws `invalid_checkpoint` for bytes that are none, damaged, cut or of another version. */
export function readCheckpoint(bytes: Uint8Array): CheckpointState {
  const { header, payload } = readHeader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset + payload);
  const { parameters: count, slots } = header;
  const vector = (index: number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * (index * count + i), true));
  return {
    identity: header.identity,
    seed: header.seed,
    steps: header.steps,
    parameters: vector(0),
    optimizer: {
      first_moment: vector(1),
      second_moment: vector(2),
      updates: Int32Array.from({ length: slots }, (_, i) => view.getInt32(24 * count + 4 * i, true)),
      ...(header.loss_scale === undefined ? {} : { loss_scale: header.loss_scale }),
    },
  };
}
