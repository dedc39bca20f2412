import type { PointerPrecision, RingConfig } from "./backend.js";
import type { GoldenIssue } from "./golden-issue.js";
import { JsonReader } from "./internal/json-reader.js";
import { readStateLoopProjection } from "./internal/state-loop-projection.js";
import { type ParameterSlot, parameterLayout } from "./parameters.js";
import { PRESCRIBED, defaultSensoryLength, defaultSensoryWidth } from "./prescribed.js";

/** Tensors by parameter name; null where the parameter got no gradient. */
export type GoldenTensors = ReadonlyMap<string, Float64Array | null>;

/** Per time step, flattened row-major: pointers [T, B], centres and weights [T, B, 2K+1], hidden states [T, B, D]. */
export interface GoldenTrace {
  readonly pointers: Float64Array;
  readonly centers: Float64Array;
  readonly weights: Float64Array;
  readonly hidden: Float64Array | null;
}

/** One recorded training step; null or absent: not recorded. */
export interface GoldenStep {
  readonly logits: Float64Array;
  readonly loss: number;
  readonly last_pointer_slot: Int32Array | null;
  /** Telemetry under the names of the golden. */
  readonly telemetry: ReadonlyMap<string, number>;
  readonly state_loop: ReadonlyMap<string, number>;
  readonly gradients: GoldenTensors | null;
  readonly gradient_norms: ReadonlyMap<string, number | null> | null;
  readonly trace: GoldenTrace | null;
  readonly parameter_norms: ReadonlyMap<string, number | null> | null;
  readonly parameters_after: GoldenTensors | null;
}

/** A recorded run of the ring model: its configuration, its inputs and what came out, step by step. */
export interface RingGolden {
  readonly name: string;
  /** `precision` is the format the run was recorded in. */
  readonly config: RingConfig;
  readonly x: Float64Array;
  readonly y: Int32Array;
  /** Per training step, the draw in [0, 1) per sample that the pointer starts from. */
  readonly pointer_units: readonly Float64Array[];
  readonly parameters: readonly ParameterSlot[];
  readonly initial: Float64Array;
  readonly state_loop_projection: Float64Array | null;
  readonly steps: readonly GoldenStep[];
}

export type GoldenRead =
  | { readonly status: "ok"; readonly golden: RingGolden }
  | { readonly status: "invalid"; readonly issues: readonly GoldenIssue[] };

/** More than this in one step or one golden is no recorded run; it keeps hostile sizes from being allocated. */
const LARGEST_COUNT = 2 ** 31 - 1;
const WIDEST_RADIUS = 64;
const DTYPES = new Map<string, PointerPrecision>([
  ["float64", "fp64"],
  ["float32", "fp32"],
]);
const STEP_FIELDS = new Set([
  "logits",
  "loss",
  "last_ptr_int",
  "grads",
  "grad_norms",
  "trace",
  "h_trace",
  "params_after",
  "params_after_norm",
  "state_loop",
]);

/** Constants of the model are only in `config` where a recording changed them, and sizes where they are not the usual ones. */
function readConfig(reader: JsonReader, at: string): RingConfig | null {
  const count = (name: string, minimum = 1, fallback?: number): number =>
    reader.integer(`${at}/${name}`, minimum, LARGEST_COUNT, fallback);
  const dtype = (name: string): PointerPrecision => {
    const word = reader.word(`${at}/${name}`, [...DTYPES.keys()]);
    return DTYPES.get(word) ?? "fp64";
  };
  const real = (name: string, fallback: number): number =>
    reader.has(`${at}/${name}`) ? reader.number(`${at}/${name}`) : fallback;
  const before = reader.issues.length;
  const betas = reader.numbers(`${at}/betas`, 2);
  const sensory_ring = reader.boolean(`${at}/sensory_ring`);
  const ring_len = count("ring_len");
  const slot_dim = count("slot_dim");
  const config: RingConfig = {
    ring_len,
    slot_dim,
    synth_len: count("synth_len"),
    batch_size: count("batch"),
    expert_heads: count("expert_heads"),
    num_classes: count("num_classes"),
    ptr_update_every: count("ptr_update_every"),
    state_loop_samples: count("state_loop_samples", 0, 0),
    state_loop_dim: count("state_loop_dim", 1, PRESCRIBED.state_loop_dim),
    sensory_ring,
    sensory_len: count("sensory_len", 1, defaultSensoryLength(ring_len)),
    sensory_dim: count("sensory_dim", 1, defaultSensoryWidth(slot_dim)),
    precision: dtype("param_dtype"),
    ptr_dtype: dtype("ptr_dtype"),
    ring_history: PRESCRIBED.ring_history,
    window_radius: reader.integer(`${at}/gauss_k`, 0, WIDEST_RADIUS, PRESCRIBED.window_radius),
    window_tau: real("gauss_tau", PRESCRIBED.window_tau),
    deadzone_tau: real("ptr_deadzone_tau", PRESCRIBED.deadzone_tau),
    update_scale: real("update_scale", PRESCRIBED.update_scale),
    learning_rate: reader.number(`${at}/lr`),
    adam_beta1: betas[0] ?? 0,
    adam_beta2: betas[1] ?? 0,
    adam_epsilon: reader.number(`${at}/eps`),
  };
  return reader.issues.length === before ? config : null;
}

/** Reads one object of tensors; names that the configuration does not have are problems, so are missing ones. */
function readTensors(
  reader: JsonReader,
  at: string,
  parameters: readonly ParameterSlot[],
  nullable: boolean,
): GoldenTensors {
  for (const name of reader.keys(at)) {
    if (!parameters.some((slot) => slot.name === name)) {
      reader.issue("unknown_parameter", `${at}/${name}`, "a parameter of the configuration", JSON.stringify(name));
    }
  }
  return new Map(
    parameters.map(({ name, length }) => {
      const pointer = `${at}/${name}`;
      return [name, nullable && reader.isNull(pointer) ? null : reader.numbers(pointer, length)] as const;
    }),
  );
}

function readNorms(
  reader: JsonReader,
  at: string,
  parameters: readonly ParameterSlot[],
): ReadonlyMap<string, number | null> {
  return new Map(
    parameters
      .map(({ name }) => [name, `${at}/${name}`] as const)
      .filter(([, pointer]) => reader.has(pointer))
      .map(([name, pointer]) => [name, reader.isNull(pointer) ? null : reader.number(pointer)] as const),
  );
}

function readTrace(reader: JsonReader, at: string, config: RingConfig): GoldenTrace | null {
  if (!reader.has(`${at}/trace`)) return null;
  const { synth_len: T, batch_size: B, slot_dim: D } = config;
  const window = B * (2 * config.window_radius + 1);
  if (!reader.listOf(`${at}/trace`, T)) return null;
  const pointers = new Float64Array(T * B);
  const centers = new Float64Array(T * window);
  const weights = new Float64Array(T * window);
  for (let t = 0; t < T; t++) {
    pointers.set(reader.numbers(`${at}/trace/${t}/ptr_float`, B, { minimum: 0, maximum: config.ring_len }), t * B);
    centers.set(reader.numbers(`${at}/trace/${t}/centers`, window), t * window);
    weights.set(reader.numbers(`${at}/trace/${t}/weights`, window), t * window);
  }
  const hidden = reader.has(`${at}/h_trace`) ? reader.numbers(`${at}/h_trace`, T * B * D) : null;
  return { pointers, centers, weights, hidden };
}

/** A golden may leave recordings out; what is there must have the right shape. */
function readStep(
  reader: JsonReader,
  at: string,
  config: RingConfig,
  parameters: readonly ParameterSlot[],
): GoldenStep {
  const { batch_size: B, num_classes: C } = config;
  const when = <T>(name: string, read: (pointer: string) => T): T | null =>
    reader.has(`${at}/${name}`) && !reader.isNull(`${at}/${name}`) ? read(`${at}/${name}`) : null;
  const telemetry = new Map<string, number>();
  for (const name of reader.keys(at)) {
    if (!STEP_FIELDS.has(name) && reader.isNumber(`${at}/${name}`)) telemetry.set(name, reader.number(`${at}/${name}`));
  }
  return {
    logits: reader.numbers(`${at}/logits`, B * C),
    loss: reader.number(`${at}/loss`),
    last_pointer_slot: when("last_ptr_int", (p) => Int32Array.from(reader.numbers(p, B))),
    telemetry,
    state_loop:
      when("state_loop", (p) => {
        const named = reader.keys(p).filter((name) => reader.isNumber(`${p}/${name}`));
        return new Map(named.map((name) => [name, reader.number(`${p}/${name}`)]));
      }) ?? new Map<string, number>(),
    gradients: when("grads", (p) => readTensors(reader, p, parameters, true)),
    gradient_norms: when("grad_norms", (p) => readNorms(reader, p, parameters)),
    trace: readTrace(reader, at, config),
    parameter_norms: when("params_after_norm", (p) => readNorms(reader, p, parameters)),
    parameters_after: when("params_after", (p) => readTensors(reader, p, parameters, false)),
  };
}

/**
 * Reads a golden: the JSON form in which runs of the ring model are recorded, with `config`, `x` [B, T, 1],
 * `y` [B], `ptr_init_unit`, `params_init` and `steps`. Arrays may be nested or flat, row-major; fields that
 * are not known are left alone, known ones must have the right type and shape. Returns all problems found
 * (at most 100) instead of throwing.
 */
export function readGolden(text: string): GoldenRead {
  const reader = JsonReader.parse(text);
  if (reader.status === "invalid") return { status: "invalid", issues: [reader.issue] };
  const json = reader.reader;
  const invalid = (): GoldenRead => ({ status: "invalid", issues: json.issues });

  const name = json.text("/name");
  const config = readConfig(json, "/config");
  if (config === null) return invalid();
  const { synth_len: T, batch_size: B, num_classes: C, expert_heads: E } = config;
  // Every size is bounded by an array that is really there before anything is allocated by it.
  const x = json.numbers("/x", B * T);
  const y = json.numbers("/y", B);
  for (const [b, label] of y.entries()) {
    if (!Number.isInteger(label) || label < 0 || label >= C) {
      json.issue("out_of_range", `/y/${b}`, `a class index below ${C}`, String(label));
    }
  }
  const heads = json.keys("/params_init").filter((key) => key.startsWith("head.") && key.endsWith(".weight")).length;
  if (heads !== E) json.issue("missing", "/params_init", `${E} expert heads`, `${heads}`);
  if (json.issues.length > 0) return invalid();

  const parameters = parameterLayout(config);
  const tensors = readTensors(json, "/params_init", parameters, false);
  if (json.issues.length > 0) return invalid();
  const initial = new Float64Array(parameters.reduce((sum, { length }) => sum + length, 0));
  for (const slot of parameters) initial.set(tensors.get(slot.name) ?? [], slot.offset);

  const count = json.list("/steps");
  if (count === 0) json.issue("missing", "/steps", "at least one recorded step", "none");
  const pointer_units = json.listOf("/ptr_init_unit", count)
    ? Array.from({ length: count }, (_, i) => json.numbers(`/ptr_init_unit/${i}`, B, { minimum: 0, maximum: 1 }))
    : [];
  const steps = Array.from({ length: count }, (_, i) => readStep(json, `/steps/${i}`, config, parameters));
  const projection = readStateLoopProjection(json, config);
  if (json.issues.length > 0) return invalid();
  return {
    status: "ok",
    golden: {
      name,
      config: { ...config, state_loop_dim: projection?.dim ?? config.state_loop_dim },
      x,
      y: Int32Array.from(y),
      pointer_units,
      parameters,
      initial,
      state_loop_projection: projection?.values ?? null,
      steps,
    },
  };
}
