import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { afterEach, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { type Running, startVrx } from "./helpers/start-vrx.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const models = join(folder, "models");
mkdirSync(models);
const model = join(models, "m.bin");
writeFileSync(model, randomBytes(100_000));
const socket = join(folder, "s.sock");
const running: Running[] = [];

async function serve(...more: readonly string[]): Promise<Running> {
  const words = ["residency", "serve", "--fake-driver", "--socket", socket, "--model-root", models, ...more];
  const sidecar = startVrx(words, folder);
  running.push(sidecar);
  await Promise.race([
    sidecar.shows(/s\.sock\n/u),
    sidecar.ended.then(({ stderr }) => {
      throw new Error(`it ended: ${stderr}`);
    }),
  ]);
  return sidecar;
}
const ask = (...words: readonly string[]) => vrx(["residency", ...words, "--socket", socket]);

afterEach(async () => {
  for (const sidecar of running.splice(0)) {
    sidecar.kill("SIGTERM");
    await sidecar.ended;
  }
});

describe.skipIf(fakeDriverLibrary().status === "unavailable")("vrx residency, on the fake driver", () => {
  it("serves, seals, verifies, attests, releases, and ends in order", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    writeFileSync(join(folder, "attest.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(join(folder, "attest.pub"), publicKey.export({ type: "spki", format: "pem" }));
    writeFileSync(join(folder, "token"), "worker-token\n");
    const audit = join(folder, "audit.ndjson");
    const sidecar = await serve("--audit", audit, "--worker-token-file", "token", "--attest-key", "attest.pem");

    expect(ask("verify")).toMatchObject({ code: 3 });
    const sealed = ask("seal", model, "--model-ref", "m");
    expect(sealed).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/100000 bytes, sha256:[0-9a-f]{64}/u) as string,
    });
    const id = sealed.stdout.trim();
    expect(ask("seal", model, "--digest", "0".repeat(64))).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/not the one that was expected/u) as string,
    });
    expect(ask("seal", join(folder, "token"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/model roots/u) as string,
    });
    expect(ask("verify", id)).toMatchObject({ code: 0, stdout: expect.stringMatching(/25 of 25 leaves/u) as string });
    expect(ask("verify", "--tier", "leaves", "--leaves", "5").stdout).toMatch(/probability 0\.8/u);

    const nonce = randomBytes(32).toString("hex");
    const file = join(folder, "attestation.json");
    expect(ask("attest", id, "--nonce", nonce, "-o", file).code).toBe(0);
    const check = (...words: readonly string[]) =>
      vrx(["residency", "verify", "--attestation", file, "--nonce", nonce, ...words], { cwd: folder });
    expect(check("--public-key", "attest.pub")).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/refused \(simulated\)/u) as string,
    });
    expect(check("--public-key", "attest.pub", "--allow-simulated")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verified at L0/u) as string,
    });
    expect(check("--worker-token-file", "token", "--allow-simulated").code).toBe(0);
    expect(check("--allow-simulated").code).toBe(2);

    for (const [i, text] of ["a", "b"].entries()) {
      writeFileSync(join(models, text), text);
      const member = ["--shard", `${i}/2`, "--model-ref", "tp", "--json"];
      writeFileSync(join(folder, `${text}.json`), ask("seal", join(models, text), ...member).stdout);
    }
    const group = (files: string, ...words: readonly string[]) =>
      vrx(["residency", "verify", "--group", files, "--worker-token-file", "token", ...words], { cwd: folder });
    const whole = group("b.json,a.json");
    expect(whole).toMatchObject({ code: 0, stdout: expect.stringMatching(/^verified: 2 of 2 members/u) as string });
    const groupDigest = /group digest ([0-9a-f]{64})/u.exec(whole.stdout)![1]!;
    expect(group("a.json,b.json", "--group-digest", groupDigest).code).toBe(0);
    expect(group("a.json", "--group-digest", groupDigest)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/missing_member/u) as string,
    });
    expect(group("a.json,b.json", "--group-digest", "0".repeat(64))).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/wrong_group_digest/u) as string,
    });
    expect(group("attest.pub")).toMatchObject({ code: 2 });
    for (const text of ["a", "b"]) {
      const { shard } = JSON.parse(readFileSync(join(folder, `${text}.json`), "utf8")) as {
        shard: { shard_id: string };
      };
      expect(ask("release", shard.shard_id).code).toBe(0);
    }
    expect(ask("seal", model, "--fs-verity")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the kernel has no digest for this model/u) as string,
    });
    expect(ask("seal", model, "--fs-verity", "--send").code).toBe(2);

    expect(ask("release", id)).toMatchObject({ code: 0, stdout: expect.stringMatching(/wiped and freed/u) as string });
    expect(ask("release", id).code).toBe(2);
    sidecar.kill("SIGTERM");
    expect((await sidecar.ended).code).toBe(143);
    expect(existsSync(socket)).toBe(false);

    const intact = vrx(["residency", "audit", audit]);
    expect(intact).toMatchObject({ code: 0, stdout: expect.stringMatching(/intact/u) as string });
    const anchor = /head (\S+)/u.exec(intact.stdout)![1]!;
    const lines = readFileSync(audit, "utf8").trimEnd().split("\n");
    writeFileSync(audit, `${lines.slice(0, -1).join("\n")}\n`);
    expect(vrx(["residency", "audit", audit]).code).toBe(0);
    expect(vrx(["residency", "audit", audit, "--anchor", anchor])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/anchor_missing/u) as string,
    });
  });

  it("that is killed in the middle of a commit says so at its next start", async () => {
    const audit = join(folder, "killed.ndjson");
    const large = join(models, "large.bin");
    writeFileSync(large, Buffer.alloc(256 * 2 ** 20, 7));
    const sidecar = await serve("--audit", audit);
    const sealing = startVrx(["residency", "seal", large, "--socket", socket], folder);
    while (!readFileSync(audit, "utf8").includes("VramAllocated"))
      await new Promise((resolve) => setTimeout(resolve, 5));
    sidecar.kill("SIGKILL");
    expect((await sealing.ended).code).toBe(2);
    await sidecar.ended;
    running.length = 0;
    await serve("--audit", audit);
    expect(ask("verify").code).toBe(3);
    const events = readFileSync(audit, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event_type: string; shard_id?: string; lost_shards?: string[] });
    const lost = events.find(({ event_type }) => event_type === "UncleanShutdown")!;
    expect(lost.lost_shards).toEqual([events.find(({ event_type }) => event_type === "VramAllocated")!.shard_id]);
    expect(events.some(({ event_type }) => event_type === "VramSealed")).toBe(false);
  });
});

it("says what is missing where no sidecar answers, and what is wrong with an option", () => {
  const nobody = vrx(["residency", "verify", "--socket", join(folder, "none.sock")]);
  expect(nobody).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no sidecar answers at .*none\.sock.*vrx residency serve/u) as string,
  });
  expect(vrx(["residency", "serve", "--listen", "127.0.0.1:0"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--token-file/u) as string,
  });
  expect(vrx(["residency", "serve", "--device", "gpu"]).code).toBe(2);
  expect(vrx(["residency", "audit", join(folder, "none")]).code).toBe(2);
});
