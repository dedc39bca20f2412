import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { HarnessError } from "../errors.js";

/** Makes sure that a command can be started, the way `execvp` looks for it; throws `command_not_found` otherwise. */
export async function checkExecutable(file: string, cwd: string | undefined, path: string | undefined): Promise<void> {
  const base = cwd ?? process.cwd();
  if (!(await isDirectory(base))) {
    throw new HarnessError("command_not_found", `expected a folder to run the command in, found none at ${base}`);
  }
  if (file.includes("/")) {
    const whole = resolve(base, file);
    if (await isExecutable(whole)) return;
    throw notFound(file, `there is no executable file at ${whole}`);
  }
  for (const folder of (path ?? "").split(delimiter)) {
    if (await isExecutable(join(resolve(base, folder), file))) return;
  }
  throw notFound(file, "no folder of PATH has an executable file of that name");
}

function notFound(file: string, found: string): HarnessError {
  const name = JSON.stringify(file);
  return new HarnessError("command_not_found", `expected a command to run, found ${name}: ${found}`, {
    details: { file },
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
