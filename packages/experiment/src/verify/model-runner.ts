import type { Batch } from "../data/dataset.js";
import type { Engine, Executable } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import { BATCH, LOSS, METRIC, OUTPUT, type SystemSpec, buildForward, buildLoss } from "../system/build-system.js";
import { type StateDict, Weights } from "../system/weights.js";
import { Graph } from "../tensor/graph.js";
import type { Program } from "../tensor/program.js";
import { type Figures, batchSpec } from "../train/training-session.js";

/** A model that is only looked at: outputs, losses and scores of batches, with compiled programs kept. */
export class ModelRunner {
  readonly weights: Weights;
  readonly engine: Engine;
  readonly spec: SystemSpec;
  readonly #programs = new Map<string, Executable>();

  /**
   * A model with these weights; `sample` is any batch it takes. Throws `checkpoint_mismatch` where a parameter is not among
   * them: one that is left as it started would make figures of a model that nobody trained.
   */
  constructor(engine: Engine, spec: SystemSpec, sample: Batch, state: StateDict) {
    this.engine = engine;
    this.spec = spec;
    const { parameters } = buildForward(spec, batchSpec(sample));
    const lacking = parameters.filter(({ name }) => !state.has(name)).map(({ name }) => name);
    if (lacking.length > 0) {
      throw new ExperimentError(
        "checkpoint_mismatch",
        `the weights lack ${lacking.slice(0, 4).join(", ")}${lacking.length > 4 ? ` and ${lacking.length - 4} more` : ""}; they have ${[...state.keys()].slice(0, 4).join(", ")}`,
      );
    }
    this.weights = new Weights(engine, parameters, 0, state);
  }

  /** All that comes out for a batch: `output:KEY`, and `attention:PATH` of each attention layer. */
  async outputs(batch: Batch): Promise<Map<string, Float32Array>> {
    return this.#run("outputs", batch, () => buildForward(this.spec, batchSpec(batch)).program);
  }

  /** The loss of a batch and the objective's metrics. */
  async figures(batch: Batch): Promise<Figures> {
    const results = await this.#run("figures", batch, () => {
      const { program } = buildLoss(this.spec, batchSpec(batch), { training: false });
      const wanted = Object.entries(program.outputs).filter(([name]) => name === LOSS || name.startsWith(METRIC));
      return { ...program, outputs: Object.fromEntries(wanted) };
    });
    return Object.fromEntries([...results].map(([name, values]) => [name.replace(METRIC, ""), values[0] ?? NaN]));
  }

  /** The negative log-probability of each target of a text batch, row by row. */
  async tokenLosses(batch: Batch): Promise<Float32Array> {
    const results = await this.#run("losses", batch, () => tokenLossProgram(this.spec, batch));
    return results.get("losses") ?? new Float32Array();
  }

  dispose(): void {
    this.weights.dispose();
    for (const run of this.#programs.values()) run.dispose();
  }

  async #run(kind: string, batch: Batch, build: () => Program): Promise<Map<string, Float32Array>> {
    const key = `${kind} ${JSON.stringify(batchSpec(batch))}`;
    let run = this.#programs.get(key);
    if (run === undefined) {
      run = this.engine.prepare({ kind: "evaluate", program: build() });
      this.#programs.set(key, run);
    }
    const inputs = Object.fromEntries(
      Object.entries(batch).map(([name, { data, shape }]) => [BATCH + name, this.engine.put(data, shape)]),
    );
    const results = run.run({ ...this.weights.inputs(), ...inputs }, { consume: new Set(Object.keys(inputs)) });
    for (const tensor of Object.values(inputs)) tensor.dispose();
    const values = new Map<string, Float32Array>();
    for (const [name, tensor] of Object.entries(results)) {
      values.set(name, Float32Array.from(await this.engine.read(tensor)));
      tensor.dispose();
    }
    return values;
  }
}

/** Adds the loss of each target to a forward program. */
function tokenLossProgram(spec: SystemSpec, batch: Batch): Program {
  const { program } = buildForward(spec, batchSpec({ input_ids: part(batch, "input_ids") }));
  const at = program.outputs[`${OUTPUT}logits`];
  const node = at === undefined ? undefined : program.nodes[at];
  if (at === undefined || node === undefined)
    throw new ExperimentError("unsupported", "only a system with logits has a perplexity");
  const graph = Graph.continuing(program);
  const logits = { id: at, shape: node.shape, dtype: node.dtype };
  const targets = graph.input(`${BATCH}target_ids`, part(batch, "target_ids").shape, "int32");
  const isTarget = graph.binary("eq", graph.iota(logits.shape, -1), graph.expand(targets, -1));
  const losses = graph.neg(graph.sum(graph.where(isTarget, graph.logSoftmax(logits, -1), 0), [-1]));
  graph.output("losses", losses);
  return graph.program();
}

function part(batch: Batch, key: string): Batch[string] {
  const found = batch[key];
  if (found !== undefined) return found;
  throw new ExperimentError("missing_key", `a batch of text has ${key}; this one has ${Object.keys(batch).join(", ")}`);
}
