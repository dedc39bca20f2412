import type { Context, KernelModule } from "../src/index.js";

/** What the kernels of the ceilings compute, worked out here: chains in a thread, and operations of a chain in the body. */
const [CHAINS, DEPTH, THREADS, ITERATIONS] = [8, 16, 64, 3];
const threads = Array.from({ length: THREADS }, (_, thread) => thread);
const seedOf = (thread: number, chain: number): number =>
  (Math.imul(thread, 2654435761) + Math.imul(chain, 40503) + 1) >>> 0;
const rotateRight = (a: number, by: number): number => (a >>> by) | (a << (32 - by));

function integers(operation: (a: number, b: number, c: number) => number): number[] {
  return threads.map((thread) => {
    const chains = (first: number): Uint32Array =>
      Uint32Array.from({ length: CHAINS }, (_, c) => seedOf(thread, first + c));
    const [x, y, z] = [chains(0), chains(31), seedOf(thread, 97)];
    for (let i = 0; i < (ITERATIONS * DEPTH) / 2; i++) {
      for (let c = 0; c < CHAINS; c++) x[c] = operation(x[c]!, y[c]!, z);
      for (let c = 0; c < CHAINS; c++) y[c] = operation(y[c]!, x[c]!, z);
    }
    return x.reduce((sum, value, c) => (sum + (value ^ y[c]!)) >>> 0, 0);
  });
}

function fusedMultiplyAdds(): number[] {
  return threads.map((thread) => {
    const a = Math.fround(1 - Math.fround(Math.fround(1e-7) * thread));
    const b = Math.fround(1e-7);
    let all = 0;
    for (let c = 0; c < CHAINS; c++) {
      let x = thread + c;
      for (let i = 0; i < ITERATIONS * DEPTH; i++) x = Math.fround(x * a + b);
      all = Math.fround(all + x);
    }
    return new Uint32Array(Float32Array.of(all).buffer)[0]!;
  });
}

/** The first 32 bits of the fraction of a root of each of the first 64 primes: SHA-256's constants (FIPS 180-4). */
function rootsOfPrimes(root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => Math.floor((root(prime) % 1) * 2 ** 32));
}

function compressed(state: readonly number[], message: readonly number[]): number[] {
  const constants = rootsOfPrimes(Math.cbrt);
  const w = [...message];
  for (let i = 16; i < 64; i++) {
    const [early, late] = [w[i - 15]!, w[i - 2]!];
    const [s0, s1] = [
      rotateRight(early, 7) ^ rotateRight(early, 18) ^ (early >>> 3),
      rotateRight(late, 17) ^ rotateRight(late, 19) ^ (late >>> 10),
    ];
    w.push((w[i - 16]! + s0 + w[i - 7]! + s1) | 0);
  }
  let [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const high = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const low = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const one = (h + high + ((e & f) ^ (~e & g)) + constants[i]! + w[i]!) | 0;
    const two = (low + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((value, i) => (value + state[i]!) >>> 0);
}

function compressions(): number[] {
  const begin = rootsOfPrimes(Math.sqrt).slice(0, 8);
  return threads.map((thread) => {
    let state = begin.map((word, i) => (i === 0 ? (word ^ seedOf(thread, 0)) >>> 0 : word));
    for (let i = 0; i < ITERATIONS; i++) {
      state = compressed(
        state,
        Array.from({ length: 16 }, (_, j) => state[j & 7]! + j),
      );
    }
    return state[0]!;
  });
}

/** Expected results of every kernel, by its name. */
export const expectedCeilingResults: Readonly<Record<string, readonly number[]>> = {
  vrx_ceiling_add: integers((a, b, c) => a + b + c),
  vrx_ceiling_logic: integers((a, b, c) => (a | b) ^ c),
  vrx_ceiling_shift: integers((a, b, c) => (a >>> (7 + (c & 8))) | (b << (25 - (c & 8)))),
  vrx_ceiling_multiply: integers((a, b, c) => Math.imul(a, b) + c),
  vrx_ceiling_sha256: compressions(),
  vrx_ceiling_fma: fusedMultiplyAdds(),
};

/** Runs a kernel of the ceilings and reads what every thread made of its operations. */
export async function ceilingResults(context: Context, module: KernelModule, name: string): Promise<number[]> {
  const results = context.alloc(4 * THREADS);
  try {
    results.fill(0);
    module.kernel(name, ["u32", "buffer"]).launch({ grid: 1, block: THREADS }, ITERATIONS, results);
    await context.synchronize();
    const bytes = new Uint8Array(4 * THREADS);
    results.copyToSync(bytes);
    return Array.from(new Uint32Array(bytes.buffer));
  } finally {
    results.dispose();
  }
}
