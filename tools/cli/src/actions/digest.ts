import { type HostTreeOptions, type TreeHash, hashFileTree } from "@vrx/native-cuda";
import type { DigestCall } from "../commands/digest.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import type { Output } from "../frame/output.js";
import { quoteName } from "../frame/printable.js";
import { type ListedDigest, readDigestList } from "../inputs/digest-list.js";

/** Prints digests, or with `--check` what became of those in a list; `--json` has an array with an entry for each file. */
export async function run({ operands, options, output }: DigestCall): Promise<ExitCode> {
  const how: HostTreeOptions = {
    ...(options.salt === undefined ? {} : { salt: readSalt(options.salt) }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  };
  if (options.check !== undefined) return await check(options.check, operands.files, how, options.json, output);
  if (operands.files.length === 0) throw new CliError("bad_arguments", "expected FILE, or --check LIST, found nothing");
  const documents: unknown[] = [];
  let complete = true;
  for (const file of operands.files) {
    const hashed = await hashFile(file, how);
    if (hashed.status === "failed") {
      complete = false;
      output.problem(`${quoteName(file)}: ${hashed.reason}`);
      documents.push({ file, problem: hashed.reason });
      continue;
    }
    const { digest, root, bytes } = hashed.tree;
    documents.push({ file, digest: `sha256:${digest}`, root, bytes });
    if (!options.json) output.print(options.compact ? digest : `sha256:${digest} ${quoteName(file)}`);
  }
  if (options.json) output.printJson(documents);
  return complete ? exitCodes.ok : exitCodes.wrongInput;
}

type Hashed =
  { readonly status: "ok"; readonly tree: TreeHash } | { readonly status: "failed"; readonly reason: string };

async function hashFile(file: string, how: HostTreeOptions): Promise<Hashed> {
  try {
    return { status: "ok", tree: await hashFileTree(file, how) };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const words: Readonly<Record<string, string>> = {
      ENOENT: "no such file",
      EISDIR: "expected a file, found a directory",
      EACCES: "no permission to read it",
      EINVAL: "expected a regular file",
    };
    const reason = words[String(error.code)] ?? (isSystemError(error) ? systemReason(error) : error.message);
    return { status: "failed", reason };
  }
}

function readSalt(digits: string): Uint8Array {
  if (/^([0-9a-fA-F]{2}){1,32}$/.test(digits)) return Buffer.from(digits, "hex");
  throw new CliError(
    "bad_arguments",
    `--salt: expected 2 to 64 hexadecimal digits, two for each byte, found ${JSON.stringify(digits)}`,
  );
}

async function check(
  list: string,
  files: readonly string[],
  how: HostTreeOptions,
  json: boolean,
  output: Output,
): Promise<ExitCode> {
  const listed = await readDigestList(list);
  const chosen = files.length === 0 ? listed : files.map((file) => entryFor(file, listed, list));
  const documents: unknown[] = [];
  let same = true;
  for (const { file, digest } of chosen) {
    const hashed = await hashFile(file, how);
    const found = hashed.status === "ok" ? hashed.tree.digest : null;
    const ok = found === digest;
    same &&= ok;
    const expected = `sha256:${digest}`;
    documents.push({ file, expected, found: found === null ? null : `sha256:${found}`, ok });
    if (hashed.status === "failed") output.problem(`${quoteName(file)}: ${hashed.reason}`);
    if (json) continue;
    const why = hashed.status === "ok" ? `expected ${expected}, found sha256:${hashed.tree.digest}` : hashed.reason;
    output.print(`${quoteName(file)}: ${ok ? output.style.good("ok") : `${output.style.bad("failed")}: ${why}`}`);
  }
  if (json) output.printJson(documents);
  return same ? exitCodes.ok : exitCodes.fail;
}

function entryFor(file: string, listed: readonly ListedDigest[], list: string): ListedDigest {
  const entry = listed.find((each) => each.file === file);
  if (entry !== undefined) return entry;
  throw new CliError("bad_input", `${quoteName(list)}: expected a line for ${quoteName(file)}, found none`);
}
