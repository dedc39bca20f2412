import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { Graph, type Value } from "../src/tensor/graph.js";

let engine: Engine;
beforeAll(async () => {
  engine = await openJaxEngine();
});

// Once "jit: routine primitive scatter input is not imm": the compiler gave no buffer to what only views another one.
describe("the gradient of a lookup, whatever comes after it and before its indices", () => {
  const rows = [3, 1, 3, 0, 2, 3];
  const [height, width] = [4, 3];
  const afterwards: Readonly<Record<string, (graph: Graph, y: Value) => Value>> = {
    nothing: (_, y) => y,
    "another shape": (graph, y) => graph.reshape(y, [-1]),
    "another order": (graph, y) => graph.transpose(y, [1, 0]),
    "the other way round": (graph, y) => graph.flip(y, 0),
    "zeros around": (graph, y) => graph.pad(y, 1, 2, 1),
    "zeros around another shape": (graph, y) => graph.pad(graph.reshape(y, [2, -1]), 0, 1, 1),
    "a product": (graph, y) =>
      graph.matmul(graph.reshape(y, [2, -1]), graph.full([y.shape[0]! * y.shape[1]! * 0.5, 1], 1)),
  };
  const indices: Readonly<Record<string, (graph: Graph) => Value>> = {
    given: (graph) => graph.input("rows", [6], "int32"),
    reshaped: (graph) => graph.reshape(graph.input("rows", [2, 3], "int32"), [6]),
    computed: (graph) => graph.add(graph.input("rows", [6], "int32"), graph.full([], 0, "int32")),
    constant: (graph) => graph.table(Int32Array.from(rows), [6]),
  };
  const cases = Object.keys(afterwards).flatMap((after) =>
    Object.keys(indices).map((index) => [after, index] as const),
  );

  it.each(cases)("%s after, indices %s", async (after, index) => {
    for (const axis of [0, 1]) {
      const graph = new Graph();
      const shape = axis === 0 ? [height, width] : [width, height];
      const x = graph.input("x", shape);
      const y = afterwards[after]!(graph, graph.take(x, indices[index]!(graph), axis));
      graph.output("loss", graph.sum(graph.mul(y, 2)));
      const run = engine.prepare({
        kind: "differentiate",
        program: graph.program(),
        loss: "loss",
        with_respect_to: ["x"],
      });
      const given = index === "reshaped" ? [2, 3] : [6];
      const found = run.run({
        x: engine.put(
          Float32Array.from({ length: height * width }, (_, i) => i),
          shape,
        ),
        ...(index === "constant" ? {} : { rows: engine.put(Int32Array.from(rows), given) }),
      });
      const times = Array.from({ length: height }, (_, row) => 2 * rows.filter((r) => r === row).length);
      const wanted = Array.from(
        { length: height * width },
        (_, i) => times[axis === 0 ? Math.floor(i / width) : i % height],
      );
      expect([...(await engine.read(found["gradient:x"]!))]).toEqual(wanted);
      run.dispose();
    }
  });

  it("goes through a lookup in a lookup", async () => {
    const graph = new Graph();
    const x = graph.input("x", [4, 3]);
    const twice = graph.take(
      graph.take(x, graph.table(Int32Array.of(3, 3, 1), [3]), 0),
      graph.table(Int32Array.of(2, 0), [2]),
      1,
    );
    graph.output("loss", graph.sum(graph.reshape(twice, [6])));
    const run = engine.prepare({
      kind: "differentiate",
      program: graph.program(),
      loss: "loss",
      with_respect_to: ["x"],
    });
    const found = run.run({ x: engine.put(new Float32Array(12), [4, 3]) });
    expect([...(await engine.read(found["gradient:x"]!))]).toEqual([0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2]);
    run.dispose();
  });
});

it("gives an input back as it is, beside a gradient", async () => {
  const graph = new Graph();
  const x = graph.input("x", [2]);
  graph.output("same", x);
  graph.output("scale", graph.input("scale", []));
  graph.output("loss", graph.sum(graph.mul(x, graph.input("scale", []))));
  const run = engine.prepare({
    kind: "differentiate",
    program: graph.program(),
    loss: "loss",
    with_respect_to: ["x", "scale"],
  });
  const given = { x: engine.put(Float32Array.of(1, 2), [2]), scale: engine.put(Float32Array.of(3), []) };
  for (let i = 0; i < 2; i++) {
    const found = run.run(given);
    const read = async (name: string) => [...(await engine.read(found[name]!))];
    expect(await read("same")).toEqual([1, 2]);
    expect(await read("scale")).toEqual([3]);
    expect(await read("gradient:x")).toEqual([3, 3]);
    expect(await read("gradient:scale")).toEqual([3]);
    expect(await read("loss")).toEqual([9]);
  }
  run.dispose();
});
