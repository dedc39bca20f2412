import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type AttestationSigner,
  type KeyProvider,
  type VramManager,
  type VramManagerOptions,
  createVramManager,
  ed25519Signer,
  isVramResidencyError,
  keyFileKeys,
  openAuditLog,
  sealKeySigner,
  workerTokenKeys,
} from "@vrx/vram-residency";
import manifest from "../../package.json" with { type: "json" };
import type { ResidencyServeCall } from "../commands/residency-serve.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { defaultSocket, tokenOf } from "../inputs/sidecar.js";

/** Serves until it is told to end; then lets requests end, wipes, frees and closes. */
export async function run({ options, output, signal }: ResidencyServeCall): Promise<ExitCode> {
  const address = addressOf(options);
  if ("port" in address && options["token-file"] === undefined) {
    throw new CliError("bad_arguments", "--listen takes --token-file: on TCP nobody else keeps clients apart");
  }
  const token = options["token-file"] === undefined ? null : await tokenOf(options["token-file"]);
  const { createSidecar, listen } = await optional(() => import("@vrx/vram-residency/server"));
  const { pino } = await optional(() => import("pino"));
  const logger = pino({ base: { component: "vram-residency" } }, pino.destination({ fd: 2, sync: true }));
  const manager = await managed(
    async () => await createVramManager({ ...(await managerOptions(options, token)), logger }),
  );
  const app = await createSidecar(manager, {
    token,
    modelRoots: (options["model-root"] ?? "").split(":").filter((root) => root !== ""),
    openMetrics: options["open-metrics"],
    version: manifest.version,
  });
  try {
    const where = await managed(() => listen(app, address));
    manager.startMonitor();
    const every_s = options["sweep-every"];
    if (every_s !== undefined) {
      const share = options["sweep-share"];
      // A background difference stops the worker, as one that a client finds does.
      manager.startSweep({ every_s, ...(share === undefined ? {} : { share }), onFailure: () => stop(manager) });
    }
    output.print(where);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    if (manager.state === "ready") manager.transition("draining");
    await app.close();
    await manager.dispose();
  }
  return exitCodes.ok;
}

function stop(manager: VramManager): void {
  if (manager.state !== "stopped") manager.transition("stopped");
}

async function managerOptions(
  options: ResidencyServeCall["options"],
  token: string | null,
): Promise<VramManagerOptions> {
  const worker_id = options["worker-id"] ?? `worker-${process.pid}`;
  const keys = await keysOf(options, token);
  const signers = keys === null ? null : signersOf(options, keys);
  return {
    ...deviceOf(options.device),
    ...(options["fake-driver"] ? { driver: { library: await fakeLibrary() } } : {}),
    ...(options.capacity === undefined ? {} : { capacity_bytes: options.capacity }),
    ...(options["shared-gpu"] ? { headroom: "shared" } : {}),
    ...(keys === null ? {} : { keys }),
    ...(signers === null ? {} : { signers }),
    ...(options.audit === undefined ? {} : { audit: openAuditLog({ file: options.audit, worker_id }) }),
    worker_id,
  };
}

async function keysOf(options: ResidencyServeCall["options"], apiToken: string | null): Promise<KeyProvider | null> {
  const { "key-file": keyFile, "worker-token-file": tokenFile } = options;
  if (keyFile !== undefined && tokenFile !== undefined) {
    throw new CliError("bad_arguments", "--key-file and --worker-token-file: give one of them");
  }
  if (keyFile !== undefined) return keyFileKeys(keyFile);
  if (tokenFile === undefined) return null;
  return workerTokenKeys(await tokenOf(tokenFile), apiToken === null ? {} : { apiToken });
}

function signersOf(options: ResidencyServeCall["options"], keys: KeyProvider): readonly AttestationSigner[] | null {
  const file = options["attest-key"];
  if (file === undefined) return null;
  return [sealKeySigner(keys.current()), ed25519Signer(createPrivateKey(readFileSync(file)))];
}

function deviceOf(device: string | undefined): { readonly device?: number | string } {
  if (device === undefined) return {};
  const [, ordinal] = /^cuda(?::(\d|1[0-5]))?$/u.exec(device) ?? [];
  if (/^cuda(?::|$)/u.test(device) && (ordinal !== undefined || device === "cuda"))
    return { device: Number(ordinal ?? "0") };
  if (/^(?:GPU|MIG)-/u.test(device)) return { device };
  throw new CliError(
    "bad_arguments",
    `--device: expected cuda:0 to cuda:15 or a UUID, found ${JSON.stringify(device)}`,
  );
}

function addressOf(
  options: ResidencyServeCall["options"],
): { readonly socket: string } | { readonly host: string; readonly port: number } {
  const { listen: given, socket } = options;
  if (given === undefined) return { socket: socket ?? defaultSocket() };
  if (socket !== undefined) throw new CliError("bad_arguments", "--socket and --listen: give one of them");
  const [, host, port] = /^(.+):(\d{1,5})$/u.exec(given) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new CliError("bad_arguments", `--listen: expected HOST:PORT, found ${JSON.stringify(given)}`);
  return { host: host.replace(/^\[(.*)\]$/u, "$1"), port: Number(port) };
}

async function fakeLibrary(): Promise<string> {
  const { fakeDriverLibrary } = await import("@vrx/native-cuda/testing");
  const library = fakeDriverLibrary();
  if (library.status === "ok") return library.file;
  throw new CliError("bad_environment", `${library.message}; ${library.fix}`);
}

/** What the residency package refuses is for the user to mend. */
async function managed<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (isVramResidencyError(error)) throw new CliError("bad_environment", error.message, { cause: error });
    throw error;
  }
}

async function optional<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw new CliError(
      "bad_environment",
      "the sidecar needs four optional packages: npm install fastify @fastify/swagger prom-client pino",
      { cause: error },
    );
  }
}
