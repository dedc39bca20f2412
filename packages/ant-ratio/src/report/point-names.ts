import type { AntRatioPacket } from "../packet.js";

/** A packet with the name of the sweep it is from, where several are shown together. */
export interface NamedPacket {
  readonly packet: AntRatioPacket;
  readonly source: string | null;
}

/** What is said of a packet until its name is its own; the first four always. */
const parts: readonly ((named: NamedPacket) => string | null)[] = [
  ({ source }) => source,
  ({ packet }) => packet.ant_tier ?? "unknown size",
  ({ packet }) => counted("heads", packet.expert_heads),
  ({ packet }) => counted("batch", packet.batch_size),
  ({ packet }) =>
    packet.ant_ring_len === null || packet.ant_slot_dim === null
      ? null
      : `ring ${packet.ant_ring_len} × ${packet.ant_slot_dim}`,
  ({ packet }) => counted("length", packet.seq_len),
  ({ packet }) => packet.precision,
  ({ packet }) => packet.vrx?.engine ?? null,
  ({ packet }) => counted("threads", packet.vrx?.threads ?? null),
  ({ packet }) => counted("seed", packet.vrx?.assoc_seed ?? packet.vrx?.probe_seed ?? null),
  ({ packet }) => packet.vrx?.gpu_name ?? packet.vrx?.host ?? null,
  ({ packet }) => packet.workload_id,
];
const always = 4;

/**
 * A name for each packet that no other has: its tier, heads and batch, what else it takes to tell it from those that
 * would be called the same, and a number where nothing does.
 */
export function pointNames(packets: readonly NamedPacket[]): readonly string[] {
  const all = packets.map((named) => parts.map((part) => part(named)));
  const names = all.map((said) => join(said.slice(0, always)));
  for (let i = always; i < parts.length; i++) {
    for (const group of groupsOf(names)) {
      const differs = new Set(group.map((at) => all[at]?.[i] ?? null)).size > 1;
      if (!differs) continue;
      for (const at of group) names[at] = join([names[at] ?? null, all[at]?.[i] ?? null]);
    }
  }
  for (const group of groupsOf(names)) {
    group.forEach((at, i) => (names[at] = `${names[at] ?? ""} (${i + 1} of ${group.length})`));
  }
  return names;
}

/** The places of names that more than one packet has. */
function groupsOf(names: readonly string[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  names.forEach((name, at) => {
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [at]);
    else group.push(at);
  });
  return [...groups.values()].filter((group) => group.length > 1);
}

function counted(word: string, count: number | null): string | null {
  return count === null ? null : `${word} ${count}`;
}

function join(said: readonly (string | null)[]): string {
  return said.filter((part) => part !== null && part !== "").join(", ");
}
