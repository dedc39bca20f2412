import type { AntRatioPacket } from "../packet.js";
import { groupByConfiguration, rankable } from "../rankable.js";

/**
 * Why each packet may not be ranked, in the order of the packets; no reason where it may. The rule looks at
 * all seeds of a configuration, so packets of one configuration share its answer.
 */
export function whyUnrankable(packets: readonly AntRatioPacket[]): readonly (readonly string[])[] {
  const reasons = new Map<AntRatioPacket, readonly string[]>();
  for (const group of groupByConfiguration(packets).values()) {
    const said = rankable(group);
    const why = said.status === "rankable" ? [] : said.reasons.map(({ message }) => message);
    for (const packet of group) reasons.set(packet, why);
  }
  return packets.map((packet) => reasons.get(packet) ?? []);
}
