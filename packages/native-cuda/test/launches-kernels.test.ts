import { describe, expect, it } from "vitest";
import { type ParameterKind, chooseKernelImage, loadKernels } from "../src/index.js";
import { held, launches, nothingToTest, onFake } from "./on-a-fake-driver.js";

const code = (wanted: string): Error => expect.objectContaining({ code: wanted }) as Error;

describe.skipIf(nothingToTest)("kernels", () => {
  it("run with the arguments they were given, of every kind", async () => {
    const { context } = await onFake();
    const echo = (await launches(context)).kernel("echo", ["buffer", "u32", "i32", "u64", "i64", "f32", "f64"]);
    const out = context.alloc(64);
    echo.launch(
      { grid: 1, block: 1 },
      { buffer: out, offset: 16 },
      4_294_967_295,
      -7,
      2n ** 63n,
      -(2n ** 40n),
      2.5,
      0.125,
    );
    await context.synchronize();
    const seen = new BigUint64Array(6);
    out.copyToSync(seen, { offset: 16 });
    expect([...seen]).toEqual([
      4_294_967_295n,
      BigInt.asUintN(64, -7n),
      2n ** 63n,
      BigInt.asUintN(64, -(2n ** 40n)),
      20n,
      1n,
    ]);
    out.dispose();
  });

  it("compute what the host computes", async () => {
    const { context } = await onFake();
    const saxpy = (await launches(context)).kernel("saxpy", ["buffer", "buffer", "f32", "u32"]);
    const x = Float32Array.from({ length: 1000 }, (_, i) => i / 8);
    const [dx, dy] = [context.alloc(x.byteLength), context.alloc(x.byteLength)];
    await Promise.all([dx.copyFrom(x), dy.copyFrom(x)]);
    saxpy.launch({ grid: 8, block: 128 }, dy, dx, 2, x.length);
    const y = new Float32Array(x.length);
    await dy.copyTo(y);
    expect(y).toEqual(x.map((value) => 3 * value));
    for (const buffer of [dx, dy]) buffer.dispose();
  });

  it("refuse arguments that do not fit their kinds, and launch nothing", async () => {
    const { fake, context } = await onFake();
    const module = await launches(context);
    const echo = module.kernel("echo", ["buffer", "u32", "i32", "u64", "i64", "f32", "f64"]);
    const out = context.alloc(64);
    const good = [out, 1, 1, 1, 1, 1, 1];
    const wrong: readonly (readonly [number, unknown, RegExp])[] = [
      [0, {}, /expected a DeviceBuffer/],
      [0, 5, /expected a DeviceBuffer/],
      [0, { buffer: out, offset: 64 }, /outside of a buffer of 64 bytes/],
      [0, { buffer: out, offset: -1 }, /offset/],
      [1, -1, /argument 1 of echo \(u32\): expected an integer from 0 to 4294967295, found -1/],
      [1, 2 ** 32, /u32/],
      [1, 1.5, /u32/],
      [1, "1", /found "1"/],
      [2, 2 ** 31, /i32/],
      [3, -1n, /u64/],
      [3, 2 ** 53, /u64/],
      [3, 2n ** 64n, /u64/],
      [4, 2n ** 63n, /i64/],
      [5, 1n, /f32\): expected a number/],
      [6, undefined, /f64/],
    ];
    const launch = echo.launch.bind(echo) as (options: object, ...given: unknown[]) => void;
    for (const [index, value, message] of wrong) {
      const given = good.with(index, value as never);
      expect(() => launch({ grid: 1, block: 1 }, ...given), String(message)).toThrow(message);
    }
    expect(() => launch({ grid: 1, block: 1 }, out)).toThrow(/takes 7 arguments, and 1 were given/);
    expect(() => launch({ grid: 0, block: 1 }, ...good)).toThrow(/grid of echo, x/);
    expect(() => launch({ grid: 1, block: [1, 2.5] }, ...good)).toThrow(/block of echo, y/);
    expect(() => launch({ grid: 1, block: 1, shared_bytes: -1 }, ...good)).toThrow(/shared_bytes/);
    out.dispose();
    expect(() => launch({ grid: 1, block: 1 }, ...good)).toThrow(code("disposed"));
    expect(fake.statistics().launches).toBe(0);
  });

  it("refuse kinds that are not those of the kernel, and names that are not there", async () => {
    const { context } = await onFake();
    const module = await launches(context);
    const declare = (name: string, kinds: readonly string[]) => () => module.kernel(name, kinds as ParameterKind[]);
    expect(declare("saxpy", ["buffer", "buffer", "f64", "u32"])).toThrow(
      /parameter 2 of kernel saxpy has 4 bytes, and 8/,
    );
    expect(declare("saxpy", ["buffer", "buffer", "f32"])).toThrow(/more parameters than the 3/);
    expect(declare("saxpy", ["buffer", "buffer", "f32", "u32", "u32"])).toThrow(/has 4 parameters, and 5/);
    expect(declare("saxpy", ["pointer"])).toThrow(/"pointer" is no kind of parameter/);
    expect(declare("none", [])).toThrow(code("not_found"));
  });

  it("take null for the null pointer", async () => {
    const { context } = await onFake();
    const is_null = (await launches(context)).kernel("is_null", ["buffer", "buffer"]);
    const out = context.alloc(4);
    const word = new Uint32Array(1);
    for (const [argument, expected] of [
      [null, 1],
      [out, 0],
    ] as const) {
      is_null.launch({ grid: 1, block: 1 }, out, argument);
      out.copyToSync(word);
      expect(word[0]).toBe(expected);
    }
    out.dispose();
  });

  it("meet across blocks in a cooperative launch, up to as many as fit, and not without", async () => {
    const { context } = await onFake();
    const meet = (await launches(context)).kernel("meet", ["buffer", "buffer"]);
    const most = meet.maxCooperativeBlocks(64);
    expect(most).toBe(meet.blocksPerMultiprocessor(64) * 4);
    const grid = Math.min(most, 8);
    const [seen, out] = [context.alloc(4 * grid), context.alloc(4 * grid)];
    meet.launch({ grid, block: 64, cooperative: true }, seen, out);
    const sums = new Uint32Array(grid);
    await out.copyTo(sums);
    expect([...sums]).toEqual(Array<number>(grid).fill((grid * (grid + 1)) / 2));
    expect(() => meet.launch({ grid: most + 1, block: 64, cooperative: true }, seen, out)).toThrow(
      code("launch_out_of_resources"),
    );
    for (const buffer of [seen, out]) buffer.dispose();
  });

  it("say what they need, and take more shared memory only where they opted in", async () => {
    const { context } = await onFake();
    const reverse = (await launches(context)).kernel("reverse", ["buffer"]);
    expect(reverse.facts()).toMatchObject({ max_dynamic_shared_bytes: 48 << 10 });
    expect(reverse.facts().max_threads_per_block).toBeGreaterThan(0);
    const data = context.alloc(4 * 32);
    data.copyFromSync(Uint32Array.from({ length: 32 }, (_, i) => i));
    reverse.launch({ grid: 1, block: 32, shared_bytes: 128 }, data);
    const back = new Uint32Array(32);
    data.copyToSync(back);
    expect(back[0]).toBe(31);
    const much = { grid: 1, block: 32, shared_bytes: 64 << 10 };
    expect(() => reverse.launch(much, data)).toThrow();
    reverse.allowDynamicShared(64 << 10);
    reverse.launch(much, data);
    await context.synchronize();
    expect(() => reverse.allowDynamicShared(1 << 30)).toThrow();
    data.dispose();
  });

  it("that stray are reported by the next wait, as kernel_failed, and the context is lost", async () => {
    const { fake, context } = await onFake();
    const stray = (await launches(context)).kernel("stray", ["buffer", "u64"]);
    const buffer = context.alloc(64);
    // The page behind every allocation is out of reach; what is farther away may be somebody's.
    stray.launch({ grid: 1, block: 1 }, buffer, 4096);
    const error: unknown = await context.synchronize().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "kernel_failed",
      sticky: true,
      cuda_name: "CUDA_ERROR_ILLEGAL_ADDRESS",
      driver: { call: "cuCtxSynchronize", site: expect.stringMatching(/^context\.c:\d+$/) as string },
    });
    expect(() => context.alloc(1)).toThrow(expect.objectContaining({ sticky: true }) as Error);
    buffer.dispose();
    buffer.dispose();
    context.dispose();
    expect(held(fake)["device_allocations"] ?? 0).toBe(0);
  });

  it("end with their module", async () => {
    const { context } = await onFake();
    const module = await launches(context);
    const increment = module.kernel("increment", ["buffer"]);
    const buffer = context.alloc(4);
    module.dispose();
    expect(() => increment.launch({ grid: 1, block: 1 }, buffer)).toThrow(code("disposed"));
    expect(() => module.kernel("increment", ["buffer"])).toThrow(code("disposed"));
    buffer.dispose();
  });

  it("come from images that the device can run, or say what there is", async () => {
    const { context } = await onFake();
    await expect(loadKernels(context, new Map([["sm_90.cubin", new Uint8Array(9)]]))).rejects.toThrow(
      /expected host-.*\.so \(the fake driver runs kernels compiled for the host\), found sm_90\.cubin/,
    );
    await expect(loadKernels(context, "/none")).rejects.toMatchObject({ code: "not_found" });
    await expect(context.loadModule(new Uint8Array())).rejects.toMatchObject({ code: "invalid_image" });
    await expect(context.loadModule(Buffer.from("no image"))).rejects.toMatchObject({ code: "invalid_image" });
  });
});

describe("the image for a device", () => {
  const names = [
    "compute_75.ptx",
    "compute_90.ptx",
    "sm_75.cubin",
    "sm_80.cubin",
    "sm_86.cubin",
    "sm_90.cubin",
    "sm_90a.cubin",
    "README.md",
  ];
  const choose = (major: number, minor: number) =>
    chooseKernelImage(names, { compute_capability: { major, minor }, simulated: false });

  it.each([
    [7, 5, "sm_75.cubin"],
    [8, 0, "sm_80.cubin"],
    [8, 6, "sm_86.cubin"],
    [8, 9, "sm_86.cubin"],
    [9, 0, "sm_90a.cubin"],
    [10, 0, "compute_90.ptx"],
    [7, 0, null],
    [6, 1, null],
  ] as const)("of compute capability %i.%i is %s", (major, minor, expected) => {
    expect(choose(major, minor)).toBe(expected);
  });
});
