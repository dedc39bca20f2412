import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

/** The command as users start it. */
export const vrxScript = `${packageRoot}bin/vrx.js`;

if (!existsSync(`${packageRoot}dist/index.js`)) {
  throw new Error("these tests run the built command: run `npx tsup` in tools/cli (and in the packages it uses) first");
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Conditions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user; only root can. */
  readonly uid?: number;
}

const influences = ["NO_COLOR", "FORCE_COLOR", "VRX_DEBUG", "NODE_OPTIONS"];

/** The environment of the tests without what changes the output. */
export function plainEnv(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !influences.includes(name));
  return { ...Object.fromEntries(inherited), ...env };
}

/** Runs `vrx` with these words and waits for its end. */
export function vrx(words: readonly string[], conditions: Conditions = {}): Outcome {
  return run(process.execPath, [vrxScript, ...words], conditions);
}

/** Runs a line of bash, in which `vrx` is the command. */
export function bash(line: string, conditions: Conditions = {}): Outcome {
  return run("bash", ["-c", `vrx() { "$NODE" "$VRX" "$@"; }\n${line}`], {
    ...conditions,
    env: { NODE: process.execPath, VRX: vrxScript, ...conditions.env },
  });
}

function run(command: string, words: readonly string[], { input = "", cwd, env, uid }: Conditions): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    encoding: "utf8",
    input: typeof input === "string" ? input : Buffer.from(input),
    env: plainEnv(env),
    maxBuffer: 64 * 2 ** 20,
    timeout: 50_000,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}
