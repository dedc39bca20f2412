// The loop of fuzz.mjs, in a process of its own: a target may exhaust the stack or the memory.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Coverage } from "./coverage.mjs";
import { mutate, seeded } from "./mutate.mjs";

const job = JSON.parse(process.argv[2]);
const coverage = new Coverage(job.target);
const { fuzz } = await import(pathToFileURL(job.target).href);
if (typeof fuzz !== "function") throw new Error("the target exports no function `fuzz`");

const random = seeded(job.seed);
const corpus = [];
const lastInput = join(job.out, "last-input");
console.log(`fuzz: seed ${job.seed}, ${job.iterations} iterations`);

const first =
  job.corpus === null
    ? []
    : readdirSync(job.corpus)
        .sort()
        .map((name) => readFileSync(join(job.corpus, name)));
for (const bytes of [Buffer.alloc(0), ...first]) tryInput(bytes);
console.log(`fuzz: ${first.length} inputs of the corpus reach ${coverage.blocks} blocks`);

for (let iteration = 1; iteration <= job.iterations; iteration++) {
  const fresh = tryInput(mutate(random, pick(), pick(), job.maxBytes));
  if (fresh > 0 && corpus.length % 50 === 0)
    console.log(`fuzz: iteration ${iteration}: ${corpus.length} inputs kept, ${coverage.blocks} blocks, ${fresh} new`);
}
console.log(`fuzz: done: ${corpus.length} inputs kept, ${coverage.blocks} blocks, nothing found`);

/** Younger inputs more often: what they reached has been explored least. */
function pick() {
  return corpus[Math.max(random(corpus.length), random(corpus.length))];
}

function tryInput(bytes) {
  const error = failure(bytes);
  if (error !== null) report(bytes, error);
  const fresh = coverage.fresh();
  if (fresh > 0 || corpus.length === 0) corpus.push(bytes);
  return fresh;
}

function failure(bytes) {
  try {
    fuzz(new Uint8Array(bytes));
    return null;
  } catch (error) {
    return error;
  }
}

/** Makes the input as small as it still fails, writes it, and ends. */
function report(bytes, error) {
  writeFileSync(lastInput, bytes);
  let small = bytes;
  let tries = 5000;
  for (let piece = Math.ceil(small.length / 2); piece >= 1 && tries > 0; piece = Math.floor(piece / 2))
    for (let at = 0; at < small.length && tries-- > 0;) {
      const shorter = Buffer.concat([small.subarray(0, at), small.subarray(at + piece)]);
      if (failure(shorter) === null) at += piece;
      else small = shorter;
    }
  const file = join(job.out, `crasher-${job.seed}`);
  writeFileSync(file, small);
  const { stack } = failure(small) ?? error;
  console.log(`fuzz: a crasher of ${small.length} bytes (${bytes.length} before), written to ${file}`);
  console.log(JSON.stringify(small.toString("utf8")));
  console.log(stack ?? String(error));
  process.exit(1);
}
