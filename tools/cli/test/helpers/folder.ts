import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A folder of this test file's own, gone when the file is done. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "vrx-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
