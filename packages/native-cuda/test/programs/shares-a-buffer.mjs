// The other process: imports or offers a buffer of the given fake driver, and says what it saw.
//   import LIBRARY SOCKET | look LIBRARY SOCKET | offer LIBRARY SOCKET | inherit LIBRARY UUID (descriptor 3)
import { fileURLToPath } from "node:url";
import { importBuffer, loadKernels, offerBuffer, openDevice } from "../../dist/index.js";

const [what, library, where] = process.argv.slice(2);
const device = await openDevice(0, { library });
const context = await device.openContext();

function bytesOf(buffer) {
  const bytes = new Uint8Array(buffer.bytes);
  buffer.copyToSync(bytes);
  return bytes;
}

async function outcome(action) {
  try {
    await action();
    return "done";
  } catch (error) {
    return error.code;
  }
}

async function run() {
  if (what === "offer") {
    const buffer = context.alloc(5000, { shareable: true });
    buffer.fill(0x44);
    await context.synchronize();
    const offer = offerBuffer(buffer, where);
    await new Promise((resolve) => process.stdin.on("end", resolve).resume());
    offer.dispose();
    buffer.dispose();
    return {};
  }
  if (what === "inherit") {
    const buffer = await importBuffer(context, { kind: "descriptor", descriptor: 3, bytes: 100, device_uuid: where });
    const bytes = bytesOf(buffer);
    buffer.dispose();
    return { first: bytes[0], last: bytes[99] };
  }
  const buffer = await importBuffer(context, where);
  const { bytes, access, read_only_enforced } = buffer;
  const first = bytesOf(buffer)[0];
  if (what === "look") return { bytes, first, access, read_only_enforced };
  const refused = await outcome(() => buffer.fill(0));
  const writable = await importBuffer(context, where, { access: "read_write" });
  writable.fill(0x22, { bytes: 1 });
  await context.synchronize();
  writable.dispose();
  const kernels = fileURLToPath(new URL("../../build/kernels-for-launches/launches/", import.meta.url));
  const increment = (await loadKernels(context, kernels)).kernel("increment", ["buffer"]);
  increment.launch({ grid: 1, block: 1 }, buffer);
  const kernel = await outcome(() => context.synchronize());
  return { bytes, first, access, read_only_enforced, refused, kernel, written: true };
}

console.log(JSON.stringify(await run()));
process.exit(0);
