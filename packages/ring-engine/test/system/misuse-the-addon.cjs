// Calls the compiled engine as nobody should, and as everybody does, in one process: run under sanitizers.
// Usage: node --expose-gc misuse-the-addon.cjs FILE
const addon = require(process.argv[2]);

const config = {
  ring_len: 24,
  slot_dim: 13,
  synth_len: 9,
  batch_size: 3,
  expert_heads: 2,
  num_classes: 7,
  ptr_update_every: 2,
  state_loop_samples: 2,
  state_loop_dim: 8,
  sensory_ring: true,
  sensory_len: 4,
  sensory_dim: 8,
  window_radius: 2,
  window_tau: 8,
  deadzone_tau: 0.25,
  update_scale: 1,
  learning_rate: 1e-3,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  double_precision: false,
  double_pointer: true,
  threads: 3,
  level: addon.levels().length - 1,
};
const { batch_size: B, synth_len: T, slot_dim: D } = config;
const x = new Float64Array(B * T).fill(0.5);
const y = new Int32Array(B);
const unit = new Float64Array(B).fill(0.25);
const projection = new Float64Array(D * config.state_loop_dim).fill(0.1);
const forced = new Float64Array(B * T).fill(3.5);

const junk = [
  undefined,
  null,
  0,
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 40,
  "text",
  true,
  Symbol("s"),
  {},
  [],
  () => 0,
  10n,
  new Float64Array(0),
  new Float64Array(1e4),
  new Float32Array(B * T),
  new Uint8Array(3),
  new DataView(new ArrayBuffer(8)),
  new Proxy(
    {},
    {
      get: () => {
        throw new Error("getter");
      },
    },
  ),
];

let refused = 0;
function refuse(call) {
  try {
    call();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    refused += 1;
  }
}

async function main() {
  for (const value of junk) {
    refuse(() => addon.create(value));
    for (const name of Object.keys(config)) refuse(() => addon.dispose(addon.create({ ...config, [name]: value })));
    for (const name of ["run", "read", "write", "slots", "setUpdates", "parameterCount", "memoryBytes", "dispose"]) {
      refuse(() => addon[name](value));
      refuse(() => addon[name](value, value, value, value, value, value, value, value));
    }
  }
  for (const name of Object.keys(addon)) refuse(() => addon[name]());

  const engine = addon.create(config);
  const good = [engine, x, y, unit, 0, true, forced, projection];
  for (let i = 0; i < good.length; i++) {
    for (const value of junk) {
      const bad = good.slice();
      bad[i] = value;
      let promise;
      refuse(() => (promise = addon.run(...bad)));
      await promise;
    }
  }
  for (const value of junk) {
    refuse(() => addon.read(engine, value));
    refuse(() => addon.write(engine, value, x));
    refuse(() => addon.write(engine, 0, value));
    refuse(() => addon.setUpdates(engine, value));
  }
  const detached = new Float64Array(B * T);
  globalThis.structuredClone(detached, { transfer: [detached.buffer] });
  refuse(() => addon.run(engine, detached, y, unit, 0, false, undefined, projection));

  // Engines that nobody disposes of, and engines that are disposed of while they run.
  for (let i = 0; i < 30; i++) {
    const other = addon.create({ ...config, threads: 1 + (i % 4), sensory_ring: i % 2 === 0 });
    const running = addon.run(other, x, y, unit, i % 3, i % 5 === 0, i % 2 ? forced : undefined, projection);
    refuse(() => addon.run(other, x, y, unit, 0, false, undefined, projection));
    if (i % 3 === 0) addon.dispose(other);
    await running;
    if (i % 7 === 0 && globalThis.gc) globalThis.gc();
  }
  for (let i = 0; i < 10; i++) addon.create(config);
  if (globalThis.gc) globalThis.gc();
  await new Promise((resolve) => globalThis.setTimeout(resolve, 20));
  // The process ends while this step runs.
  addon.run(engine, x, y, unit, 0, false, undefined, projection);
  console.log(`${refused} calls refused`);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
