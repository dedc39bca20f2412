// Calls the addon as nobody should, and as everybody does, in one process: run under sanitizers.
// Usage: node --expose-gc misuse-the-addon.cjs ADDON FAKE_DRIVER KERNEL_IMAGE
const { readFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

const [, , file, library, image] = process.argv;
const addon = require(file);

const junk = [
  undefined,
  null,
  0,
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 40,
  2 ** 53,
  "text",
  "x".repeat(5000),
  "nul\0inside",
  true,
  Symbol("s"),
  {},
  [],
  () => 0,
  10n,
  new Float64Array(0),
  new Float64Array(100),
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
const waiting = [];
function refuse(call) {
  try {
    const result = call();
    if (result instanceof Promise) {
      waiting.push(
        result.then(
          (value) => value,
          () => {
            refused += 1;
          },
        ),
      );
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    refused += 1;
  }
}

// What is really called with a wrong argument must not do harm outside of this test.
const dangerous = new Set(["closeDescriptor", "offer", "take", "hashTree", "openDriver", "openNvml"]);

async function objects() {
  const opened = await addon.openDriver(library);
  if (opened.status !== "loaded") throw new Error(JSON.stringify(opened));
  const { driver } = opened;
  const context = await addon.openContext(driver, 0);
  const module = await addon.loadModule(context, readFileSync(image));
  const nvml = (await addon.openNvml(library)).nvml;
  const { handle: host, memory } = addon.allocateHost(context, 256);
  return {
    driver,
    context,
    module,
    nvml,
    host,
    memory,
    buffer: addon.allocate(context, 256, false),
    shared: addon.allocate(context, 256, true),
    stream: addon.createStream(context, false, 0),
    event: addon.createEvent(context, true),
    kernel: addon.kernel(module, "saxpy", Int8Array.of(-8, -8, 4, 4)),
  };
}

async function misuse(all) {
  const uuid = addon.nvmlDevices(all.nvml)[0];
  const good = {
    controlFake: [all.driver, "statistics"],
    deviceInfo: [all.driver, 0],
    deviceAttributes: [all.driver, 0, Int32Array.of(1, 2, 9999)],
    deviceCanAccessPeer: [all.driver, 0, 0],
    openContext: [all.driver, 0],
    contextMemory: [all.context],
    contextWait: [all.context],
    contextEnablePeer: [all.context, all.context],
    allocate: [all.context, 16, false],
    bufferFacts: [all.buffer],
    fill: [all.buffer, 0, 4, 4, 7, all.stream],
    copyBuffer: [all.buffer, 0, all.shared, 0, 16, null],
    write: [all.buffer, 0, new Uint8Array(16), all.stream],
    read: [all.buffer, 0, new Uint8Array(16), null],
    allocateHost: [all.context, 64],
    writeHost: [all.buffer, 0, all.host, 0, 16, all.stream],
    readHost: [all.buffer, 0, all.host, 0, 16, all.stream],
    createStream: [all.context, true, 0],
    streamWait: [all.stream],
    streamSynchronize: [all.stream],
    streamIsIdle: [all.stream],
    streamWaitEvent: [all.stream, all.event],
    createEvent: [all.context, false],
    recordEvent: [all.event, all.stream],
    eventIsDone: [all.event],
    eventWait: [all.event],
    loadModule: [all.context, readFileSync(image)],
    kernel: [all.module, "saxpy", Int8Array.of(-8, -8, 4, 4)],
    kernelAttribute: [all.kernel, 4],
    kernelOccupancy: [all.kernel, 64, 0],
    setKernelAttribute: [all.kernel, 8, 1024],
    launch: [
      all.kernel,
      all.stream,
      Uint32Array.of(1, 1, 1, 1, 1, 1, 0),
      false,
      new Uint8Array(32),
      [all.buffer, all.shared, null, null],
    ],
    exportDescriptor: [all.shared],
    exportIpc: [all.buffer],
    importIpc: [all.context, new Uint8Array(64), 16],
    importDescriptor: [all.context, 10_000, 16, true],
    nvmlHasDevice: [all.nvml, uuid],
    nvmlParent: [all.nvml, uuid],
    nvmlName: [all.nvml, uuid],
    nvmlRead: [all.nvml, uuid, Int32Array.from(addon.nvmlFigures().keys())],
    nvmlProcesses: [all.nvml, uuid],
    nvmlConfCompute: [all.nvml],
    nvmlAttestation: [all.nvml, uuid, new Uint8Array(32)],
    graphNodeCount: [all.stream],
    launchGraph: [all.stream, null],
    endCapture: [all.stream],
    dispose: [{}],
  };
  for (const [name, words] of Object.entries(good)) {
    refuse(() => addon[name](...words));
    for (let i = 0; i < words.length; i += 1) {
      for (const value of [...junk, all.driver, all.stream, all.nvml]) {
        // Opening thousands of contexts proves nothing more.
        if (name === "openContext" && value === 0) continue;
        refuse(() => addon[name](...words.with(i, value)));
      }
    }
    await Promise.all(waiting.splice(0));
  }
  for (const name of Object.keys(addon)) {
    if (dangerous.has(name)) continue;
    refuse(() => addon[name]());
    for (const value of junk) refuse(() => addon[name](value, value, value, value, value, value, value));
    await Promise.all(waiting.splice(0));
  }
  for (const value of junk) {
    if (typeof value !== "string" && value !== null && value !== undefined) refuse(() => addon.openDriver(value));
    if (typeof value !== "string") refuse(() => addon.offer(value, -1, new Uint8Array(1)));
    if (typeof value !== "string") refuse(() => addon.take(value, 1));
  }
}

async function main() {
  await misuse(await objects());
  const all = await objects();

  // Graphs, offers and waits, disposed of in every order.
  addon.beginCapture(all.stream);
  addon.fill(all.buffer, 0, 16, 1, 1, all.stream);
  const graph = addon.endCapture(all.stream);
  addon.launchGraph(graph, all.stream);
  addon.beginCapture(all.stream);
  addon.abandonCapture(all.stream);
  const path = join(tmpdir(), `vrx-misuse-${process.pid}`);
  const descriptor = addon.exportDescriptor(all.shared);
  const offer = addon.offer(path, descriptor, Buffer.from("hello"));
  const taken = await Promise.all(Array.from({ length: 8 }, () => addon.take(path, 2000)));
  for (const one of taken) {
    const imported = addon.importDescriptor(all.context, one.descriptor, 256, false);
    addon.closeDescriptor(one.descriptor);
    addon.dispose(imported.handle);
  }
  addon.closeDescriptor(descriptor);
  const waits = [addon.streamWait(all.stream), addon.eventWait(all.event), addon.contextWait(all.context)];
  for (const name of ["stream", "event", "context", "module", "buffer", "shared", "host"]) {
    addon.dispose(all[name]);
    addon.dispose(all[name]);
  }
  if (all.memory.byteLength !== 0) throw new Error("the view outlived its memory");
  refuse(() => addon.kernelAttribute(all.kernel, 4));
  await Promise.allSettled(waits);
  for (const handle of [graph, offer, all.kernel, all.driver, all.nvml]) addon.dispose(handle);

  // What nobody disposes of, and what the process ends with.
  for (let i = 0; i < 3; i += 1) await objects();
  const left = () => Object.values(addon.liveObjects()).reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < 50 && left() > 0; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => globalThis.setTimeout(resolve, 5));
  }
  if (left() > 0) throw new Error(`not collected: ${JSON.stringify(addon.liveObjects())}`);
  const rest = await objects();
  addon.fill(rest.buffer, 0, 256, 1, 1, rest.stream);
  void addon.streamWait(rest.stream);
  console.log(`${refused} calls refused, nothing left`);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
