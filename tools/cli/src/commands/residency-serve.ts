import { type CallOf, defineCommand } from "../frame/define-command.js";
import { decimal, flag, integer, text } from "../frame/options.js";

const takes = {
  operands: {},
  options: {
    device: text("DEVICE", "the GPU: cuda:0 or a UUID (default: cuda:0)"),
    socket: text("PATH", "listen on this Unix socket (default: $XDG_RUNTIME_DIR/vrx-residency.sock)", {
      short: "s",
      completes: "file",
    }),
    listen: text("HOST:PORT", "listen on TCP instead; takes --token-file"),
    "token-file": text("FILE", "clients must present this bearer token", { completes: "file" }),
    "open-metrics": flag("serve /metrics without the token"),
    "model-root": text("DIRS", "folders that models may be sealed from, separated by colons (default: none)", {
      completes: "directory",
    }),
    capacity: integer("bytes that may be sealed in all (default: what the device has)", {
      min: 1,
      fallback: undefined,
    }),
    "shared-gpu": flag("keep the larger of 2 GiB and a tenth of the device free for others"),
    "key-file": text("FILE", "the seal key, 32 to 1024 bytes that only you may read (default: a new one)", {
      completes: "file",
    }),
    "worker-token-file": text("FILE", "derive the seal key from this worker's token instead", { completes: "file" }),
    "attest-key": text("FILE", "sign attestations with this Ed25519 key (PEM) as well", { completes: "file" }),
    audit: text("FILE", "append-only, hash-chained audit log (default: none)", { completes: "file" }),
    "worker-id": text("ID", "names the worker in logs, audit and attestations"),
    "sweep-every": decimal("verify everything in the background, one round in so many seconds (default: never)"),
    "sweep-share": decimal("largest share of the device's time for that (default: 0.01)"),
    "fake-driver": flag("use the fake CUDA driver: nothing of it proves anything, and everything says so"),
  },
};

/** A call of `vrx residency serve`. */
export type ResidencyServeCall = CallOf<typeof takes>;

/** `vrx residency serve` */
export const residencyServe = defineCommand({
  name: "serve",
  summary: "own a GPU's memory for sealed models, and serve plan, commit, verify, attest and release",
  description:
    "Run the sidecar of a worker: it owns the VRAM that models are sealed in and answers over HTTP on a Unix socket that " +
    "only you may connect to, or on TCP with a bearer token. Logs are JSON lines on stderr. SIGTERM lets requests end, " +
    "wipes and frees the memory, and closes the audit log.",
  ...takes,
  interruptible: true,
  examples: [
    {
      does: "models from /models, with an audit log",
      line: "vrx residency serve --model-root /models --audit /var/log/vrx/audit.ndjson",
    },
    {
      does: "on TCP, and everything verified every ten minutes",
      line: "vrx residency serve --listen 127.0.0.1:8765 --token-file api-token --sweep-every 600",
    },
  ],
  exits: { 2: "there is no such GPU, it cannot promise that bytes stay in it, or an option is wrong" },
  load: async () => (await import("../actions/residency-serve.js")).run,
});
