import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isObjectiveContractError } from "@vrx/objective-contract";
import { type Sealed, makeSealKey, sealPath } from "@vrx/objective-contract/node";
import type { SealCall } from "../commands/seal.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { quoteName } from "../frame/printable.js";

/** Seals every path with one key. */
export async function run({ operands, options, output }: SealCall): Promise<ExitCode> {
  if (options.key === undefined) {
    throw new CliError(
      "bad_arguments",
      "expected --key FILE, a private Ed25519 key; make one with --make-key, or with `openssl genpkey -algorithm ed25519`",
    );
  }
  if (options["make-key"]) makeKey(options.key, output);
  const key = readFileSync(options.key, "utf8");
  const sealed: (Sealed & { readonly path: string })[] = [];
  for (const path of operands.paths) {
    const made = await sealedAt(path, key, options.key);
    sealed.push({ path, ...made });
    if (!options.json) {
      output.print(`${quoteName(made.file)}: ${made.files} ${made.files === 1 ? "file" : "files"}, key ${made.keyid}`);
    }
  }
  if (options.json) output.printJson(sealed);
  return exitCodes.ok;
}

/** A key that is there is never replaced: what it has sealed could not be told any more. */
function makeKey(file: string, output: Output): void {
  for (const name of [file, `${file}.pub`]) {
    if (existsSync(name)) throw new CliError("bad_environment", `--make-key: ${name} is there already`);
  }
  const { private_pem, public_pem, keyid } = makeSealKey();
  writeFileSync(file, private_pem, { flag: "wx", mode: 0o600 });
  writeFileSync(`${file}.pub`, public_pem, { flag: "wx" });
  output.note(`made key ${keyid}: keep ${file} to yourself, give ${file}.pub to those who check`);
}

async function sealedAt(path: string, key: string, name: string): Promise<Sealed> {
  try {
    return await sealPath(path, key);
  } catch (error) {
    if (!isObjectiveContractError(error)) throw error;
    if (error.code === "invalid_option") {
      throw new CliError("bad_input", `--key: ${name}: ${error.message}`, { cause: error });
    }
    throw new CliError("bad_environment", error.message, { cause: error });
  }
}
