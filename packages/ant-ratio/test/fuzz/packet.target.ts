import { artifact, buildPacket, checkPacket, readJsonText, readPacket } from "../../src/index.js";
import { isJsonObject } from "@vrx/objective-contract";

const probe = {
  metrics: artifact({ batch_size: 16, seq_len: 8, out_dim: 1, stability_pass: true, fail_reasons: [] }),
  env: artifact({ total_vram_bytes: 10 }),
  run_cmd: artifact({ canonical_spec: { ant_spec: { ring_len: 32, slot_dim: 16 } } }),
};

/** Finds texts that make a reader of packets or of capability reports throw, or take what it must refuse. */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const json = readJsonText(text);
  if (json.status === "invalid") {
    must(json.issue.line >= 1 && json.issue.column >= 1, "a place counts from 1");
    must(json.issue.message.length < 2000, "a message does not repeat its input at length");
  } else must(JSON.stringify(JSON.parse(text)) === JSON.stringify(json.json), "it is what JSON.parse reads");

  const packet = readPacket(text);
  must(packet.status === "ok" || packet.issues.length > 0, "a refusal says why");
  if (packet.status === "ok") {
    must(json.status === "ok", "no packet in a text that is no JSON");
    const again = checkPacket(JSON.parse(JSON.stringify(packet.packet)) as never);
    must(again.status === "ok", "a packet that was read is read again");
    const accuracy = packet.packet.assoc_byte_disjoint_accuracy;
    must(accuracy === null || (accuracy >= 0 && accuracy <= 1), "an accuracy is a share");
  }

  // The same text as the report of a capability run.
  if (json.status !== "ok" || !isJsonObject(json.json)) return;
  const built = buildPacket(probe, { json: json.json, floats: json.floats });
  if (built.status === "refused") must(built.reasons.length > 0, "a refusal says why");
  else {
    const { assoc_byte_disjoint_accuracy: accuracy, assoc_eval_n: n, vrx } = built.packet;
    must(accuracy === null || (accuracy >= 0 && accuracy <= 1), "an accuracy is a share");
    must(n === null || (Number.isSafeInteger(n) && n >= 0), "samples are counted");
    must(vrx?.assoc_eval_hits === undefined || n === null || vrx.assoc_eval_hits <= n, "no more hits than samples");
    const read = readPacket(JSON.stringify(built.packet));
    must(read.status === "ok", "what is built can be read");
  }
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
