import { chmod, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HarnessError } from "../../errors.js";
import { Claims } from "../../store/claims.js";

const POLL_MS = 250;

/** A GPU's lock belongs to a process: it is over when the process is, and never for want of a sign of life. */
const LEASE_S = 10 * 365 * 86_400;

/**
 * Holds a GPU, by UUID, against every other runner on this host; waits until it is free. The lock of a process that is
 * gone counts for nothing.
 */
export async function lockDevice(uuid: string, signal: AbortSignal): Promise<{ release(): Promise<void> }> {
  if (!/^[\w.:/-]{1,128}$/.test(uuid)) {
    throw new HarnessError("invalid_argument", `device: expected a GPU's UUID, found ${JSON.stringify(uuid)}`);
  }
  // One folder for all users of the host: a GPU does not care who is using it.
  const folder = join(tmpdir(), "vrx-device-locks");
  // The umask takes what mkdir is asked for; who did not make the folder cannot change it, and need not.
  if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o1777);
  const claims = new Claims(folder, LEASE_S);
  const name = uuid.replaceAll("/", "_");
  for (;;) {
    const claimed = await claims.claim(name);
    if (claimed.status === "claimed") return { release: () => claims.release(name, claimed.token) };
    await delay(POLL_MS, undefined, { signal });
  }
}
