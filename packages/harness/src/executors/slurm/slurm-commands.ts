import { type ExecFileException, execFile } from "node:child_process";

/** What a command of Slurm said. */
export type SlurmAnswer =
  | { readonly status: "ok"; readonly stdout: string }
  /** The controller did not answer; whatever was asked for may have happened all the same. */
  | { readonly status: "unreachable"; readonly why: string }
  | { readonly status: "refused"; readonly why: string };

/** Runs one command of Slurm; rejects only where the program itself cannot be started. */
export type SlurmCommand = (file: string, args: readonly string[]) => Promise<SlurmAnswer>;

// Texts of slurm_strerror and of the commands themselves for a controller that is away, starting or overloaded.
const unreachable =
  /Unable to contact slurm controller|Socket timed out|Connection refused|Connection timed out|connect failure|Zero Bytes were transmitted|in standby mode|Communication connection failure|Transport endpoint|temporarily unable/i;

// A command gives up by itself after MessageTimeout and its retries (9 s measured); this is for one that hangs.
const hung_ms = 120_000;

const most_output_bytes = 256 * 1024 * 1024;

/**
 * The commands of the Slurm that is installed here, started without a shell. Variables that change what `squeue` and
 * `scancel` print or select are left out of their environment.
 */
export function slurmCommand(folder: string | undefined): SlurmCommand {
  return (file, args) =>
    new Promise((resolve, reject) => {
      const path = folder === undefined ? file : `${folder}/${file}`;
      const options = { env: environment(), timeout: hung_ms, maxBuffer: most_output_bytes, encoding: "utf8" } as const;
      execFile(path, [...args], options, (error, stdout, stderr) => {
        if (error === null) resolve({ status: "ok", stdout });
        else if (typeof error.code === "string") reject(new Error(`${path}: ${error.message}`, { cause: error }));
        else resolve(failure(file, error, stderr));
      });
    });
}

function failure(file: string, error: ExecFileException, stderr: string): SlurmAnswer {
  const said = messageOn(stderr);
  const why = said === "" ? `${file} ended with ${error.signal ?? `exit code ${String(error.code)}`}` : said;
  // Killed: it hung for longer than any command of Slurm waits for its controller.
  return { status: error.killed === true || unreachable.test(stderr) ? "unreachable" : "refused", why };
}

function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SQUEUE|SCANCEL)_|^SLURM_TIME_FORMAT$/.test(name));
  // Times without a zone are read in the zone of this process; English texts are told apart above.
  return { ...Object.fromEntries(kept), LC_ALL: "C", SLURM_TIME_FORMAT: "standard" };
}

/** The message without the name of the program before each line. */
function messageOn(stderr: string): string {
  return stderr
    .split("\n")
    .map((line) => line.replace(/^\w+: (error: )?/, "").trim())
    .filter((line) => line !== "")
    .join("; ");
}
