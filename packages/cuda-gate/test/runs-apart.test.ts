import { expect, it } from "vitest";
import { runApart } from "../src/node/internal/run-apart.js";

const answer = (value: string): string => `require("node:fs").writeSync(3, ${JSON.stringify(value)});`;

it("gives what a program answers, whatever it prints and leaves running", async () => {
  const source = `console.log("noise"); console.error("noise"); ${answer('{"a":[1,null]}')}`;
  expect(await runApart(source, [], { timeout_ms: 20_000 })).toEqual({ status: "ok", answer: { a: [1, null] } });
});

it("hands over its arguments", async () => {
  const source = 'require("node:fs").writeSync(3, JSON.stringify(process.argv.slice(1)));';
  expect(await runApart(source, ["a b", ""], { timeout_ms: 20_000 })).toEqual({ status: "ok", answer: ["a b", ""] });
});

it("does not wait for a program that hangs, not even one that blocks its thread", async () => {
  const blocked = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
  expect(await runApart(blocked, [], { timeout_ms: 500 })).toEqual({
    status: "lost",
    reason: "probe_timeout",
    why: "no answer within 500 ms",
  });
});

it.each([
  ["process.abort()", /SIGABRT|exit code/],
  ['process.kill(process.pid, "SIGSEGV")', /SIGSEGV|exit code/],
  ['throw new Error("no driver today")', /exit code 1: [^]*no driver today/],
  [answer('{"cut":'), /exit code 0/],
])("says how a program was lost that ends by %s", async (source, why) => {
  const run = await runApart(source, [], { timeout_ms: 20_000 });
  expect(run).toMatchObject({ status: "lost", reason: "probe_crashed" });
  expect(run.status === "lost" && run.why).toMatch(why);
});

it("ends when it is told to", async () => {
  const controller = new AbortController();
  const running = runApart("setTimeout(() => {}, 60_000)", [], { timeout_ms: 60_000, signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  await expect(runApart("", [], { timeout_ms: 1, signal: controller.signal })).rejects.toThrow("enough");
});
