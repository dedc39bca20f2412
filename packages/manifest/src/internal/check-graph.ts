import type { GraphNode, GraphTopology } from "../schema/graph.js";
import type { Complaint } from "./schema.js";
import { nearest } from "./nearest.js";
import { maxFlaws } from "./flaw.js";
import { quoted } from "./located.js";

/** More names than these in one message help nobody. */
const shown = 8;

/** Names that a suggestion is looked for among. */
const candidates = 200;

/** What is wrong with a graph beyond its nodes: names and keys used twice, keys from nowhere, cycles. */
export function graphComplaints({ layers, inputs }: Pick<GraphTopology, "layers" | "inputs">): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const bad = (path: readonly PropertyKey[], expected: string, found: string, suggestion?: string): void => {
    complaints.push({ code: "bad_graph", path: ["layers", ...path], expected, found, suggestion });
  };
  const ids = new Map<string, number>();
  const makers = new Map<string, number>();
  for (const [index, node] of layers.entries()) {
    const before = ids.get(node.id);
    if (before !== undefined)
      bad([index, "id"], `a name that no other node has (layers[${before}] has it)`, quoted(node.id));
    else ids.set(node.id, index);
    if (node.repeat > 1 && (node.in.length !== 1 || node.out.length !== 1))
      complaints.push({
        code: "bad_graph",
        path: ["layers", index, "repeat"],
        expected: "1 where a node has several keys in or out",
        found: String(node.repeat),
        sentence: `graph node repeat requires single in/out keys (node=${node.id})`,
      });
    for (const [at, key] of node.out.entries()) {
      const maker = makers.get(key);
      const other = maker === undefined ? undefined : layers[maker];
      if (other !== undefined)
        bad(
          [index, "out", ...spot(node.out, at)],
          `a key that no other node writes (${quoted(other.id)} does)`,
          quoted(key),
        );
      else makers.set(key, index);
    }
  }
  if (inputs !== null) {
    const given = new Set(inputs);
    const near = [...inputs.slice(0, candidates), ...[...makers.keys()].slice(0, candidates)];
    const some = inputs.slice(0, shown).join(", ");
    for (const [index, node] of layers.entries()) {
      if (complaints.length > maxFlaws) break;
      for (const [at, key] of node.in.entries())
        if (!given.has(key) && !makers.has(key))
          bad(
            [index, "in", ...spot(node.in, at)],
            `a key that a node writes or that inputs names (${some})`,
            quoted(key),
            nearest(key, near),
          );
    }
    for (const [at, key] of inputs.entries())
      if (makers.has(key))
        complaints.push({
          code: "bad_graph",
          path: ["inputs", at],
          expected: "a key that no node writes",
          found: quoted(key),
        });
  }
  if (complaints.length === 0) {
    const stuck = stuckNodes(layers);
    const [first] = stuck;
    if (first !== undefined) {
      const names = stuck.slice(0, shown).map((index) => layers[index]?.id ?? "");
      bad(
        [first],
        "a graph without a cycle",
        `a cycle through or before ${names.join(", ")}${stuck.length > shown ? ", ..." : ""}`,
      );
    }
  }
  return complaints;
}

/** A key's place: the list's, or that of the only key, which may be written without a list. */
const spot = (keys: readonly string[], at: number): readonly number[] => (keys.length > 1 ? [at] : []);

/** Nodes in an order in which each comes after what it reads, in the order of declaration where that is free. */
export function executionOrder<N extends Pick<GraphNode, "in" | "out">>(nodes: readonly N[]): readonly N[] {
  return sorted(nodes).order.flatMap((index) => nodes[index] ?? []);
}

function stuckNodes(nodes: readonly Pick<GraphNode, "in" | "out">[]): readonly number[] {
  const { order } = sorted(nodes);
  const done = new Set(order);
  return nodes.flatMap((_, index) => (done.has(index) ? [] : [index]));
}

/** Kahn's algorithm, first declared first. */
function sorted(nodes: readonly Pick<GraphNode, "in" | "out">[]): { readonly order: readonly number[] } {
  const maker = new Map(nodes.flatMap(({ out }, index) => out.map((key) => [key, index] as const)));
  const readers = nodes.map((): number[] => []);
  const waiting = nodes.map(({ in: keys }, index) => {
    const makers = new Set(keys.flatMap((key) => maker.get(key) ?? []));
    for (const from of makers) readers[from]?.push(index);
    return makers.size;
  });
  const ready = new Heap();
  waiting.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  const order: number[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    order.push(next);
    for (const reader of readers[next] ?? []) {
      const left = (waiting[reader] ?? 0) - 1;
      waiting[reader] = left;
      if (left === 0) ready.push(reader);
    }
  }
  return { order };
}

/** The smallest number first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((items[above] ?? 0) <= item) break;
      items[at] = items[above] ?? 0;
      at = above;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && (items[below + 1] ?? 0) < (items[below] ?? 0)) below++;
      if ((items[below] ?? 0) >= last) break;
      items[at] = items[below] ?? 0;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
