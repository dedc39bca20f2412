import { VramResidencyError } from "./errors.js";

/** A tensor's place in a model's bytes. */
export interface TensorRange {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A tensor's place and the fs-verity digest of its bytes. */
export interface TensorDigest extends TensorRange {
  readonly tree_digest: string;
}

/** The longest header that is read; the format's own limit is 100 MB. */
const MAX_HEADER_BYTES = 100_000_000;

const PREFIX_BYTES = 8;

/** How many bytes of a safetensors file its header takes, with the length before it; null where 8 bytes cannot begin one. */
export function safetensorsHeaderBytes(start: Uint8Array, total_bytes: number): number | null {
  if (start.length < PREFIX_BYTES) return null;
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length < 2n || length > BigInt(Math.min(MAX_HEADER_BYTES, total_bytes - PREFIX_BYTES))) return null;
  return PREFIX_BYTES + Number(length);
}

/**
 * Reads names and ranges from the header of a safetensors file (https://github.com/huggingface/safetensors): every tensor
 * lies within the file, none overlaps another. Throws `invalid_input` with what is wrong.
 */
export function readSafetensorsHeader(header: Uint8Array, total_bytes: number): readonly TensorRange[] {
  const header_bytes = safetensorsHeaderBytes(header, total_bytes);
  if (header_bytes === null || header.length < header_bytes) throw invalid("the file does not begin with a header");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header.subarray(PREFIX_BYTES, header_bytes)));
  } catch (error) {
    throw new VramResidencyError("invalid_input", "safetensors: the header is not JSON", { cause: error });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw invalid("the header is no object");
  const room = total_bytes - header_bytes;
  const tensors = Object.entries(json as Record<string, unknown>).flatMap(([name, entry]): TensorRange[] => {
    if (name === "__metadata__") return [];
    const shown = JSON.stringify(name.slice(0, 80));
    const offsets =
      typeof entry === "object" && entry !== null ? (entry as { data_offsets?: unknown }).data_offsets : undefined;
    const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
    if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end))
      throw invalid(`the tensor ${shown} has no data_offsets`);
    const [from, to] = [begin as number, end as number];
    if (from < 0 || to < from || to > room)
      throw invalid(`the tensor ${shown} lies outside of the file (${from} to ${to} of ${room})`);
    return [{ name, offset: header_bytes + from, bytes: to - from }];
  });
  const ordered = [...tensors].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  ordered.forEach((tensor, i) => {
    const next = ordered[i + 1];
    if (next !== undefined && tensor.offset + tensor.bytes > next.offset) {
      throw invalid(`the tensors ${JSON.stringify(tensor.name)} and ${JSON.stringify(next.name)} overlap`);
    }
  });
  return ordered;
}

function invalid(what: string): VramResidencyError {
  return new VramResidencyError("invalid_input", `safetensors: ${what}`);
}
