import type { Random } from "./random.js";

/** The bytes of a spec, or of something close to one: about half of them are valid in the python dialect. */
export function randomSpecBytes(random: Random): Uint8Array {
  let text = randomSpecText(random);
  if (random.chance(0.15)) text = mutated(random, text);
  const bytes = new TextEncoder().encode(text);
  if (random.chance(0.02)) bytes[random.int(bytes.length)] = 128 + random.int(128);
  return bytes;
}

function randomSpecText(random: Random): string {
  const ant: [string, string][] = [
    ["ring_len", integer(random)],
    ["slot_dim", integer(random)],
    ["ptr_dtype", `"${random.pick(["fp64", "fp32", "fp16", "bf16"])}"`],
    ["precision", `"${random.pick(["fp64", "fp32", "fp16", "bf16", "amp"])}"`],
  ];
  const colony: [string, string][] = [
    ["seq_len", integer(random)],
    ["synth_len", integer(random)],
    ["batch_size", integer(random)],
    ["ptr_update_every", integer(random)],
    ["state_loop_samples", random.chance(0.6) ? random.pick(["0", "-0"]) : integer(random)],
  ];
  const antText = object(random, flawed(random, ant));
  const colonyText = object(random, flawed(random, colony));
  const top: [string, string][] = [
    ["schema_version", random.chance(0.98) ? '"workload_schema_v1"' : strangeValue(random)],
    ["ant_spec", random.chance(0.99) ? antText : strangeValue(random)],
    ["colony_spec", random.chance(0.99) ? colonyText : strangeValue(random)],
  ];
  const text = space(random) + object(random, flawed(random, top)) + space(random);
  return random.chance(0.005) ? `\ufeff${text}` : text;
}

/** Labels always, and now and then what a careless or a hostile author does. */
function flawed(random: Random, members: [string, string][]): [string, string][] {
  let result = members;
  for (const label of ["name", "notes"]) if (random.chance(0.3)) result = [...result, [label, anyValue(random, 0)]];
  if (random.chance(0.05)) {
    const [key] = random.pick(members);
    result = result.map((member) => (member[0] === key ? [key, strangeValue(random)] : member));
  }
  if (random.chance(0.03)) {
    const [key] = random.pick(members);
    result = result.filter((member) => member[0] !== key);
  }
  if (random.chance(0.03)) result = [...result, [random.pick(strangeKeys), anyValue(random, 1)]];
  result = random.shuffled(result);
  if (random.chance(0.08)) {
    // A duplicate: the same value again, another, or one that would be refused.
    const [key, value] = random.pick(result);
    const other = random.pick([value, integer(random), strangeValue(random)]);
    result = random.chance(0.7) ? [[key, other], ...result] : [...result, [key, other]];
  }
  return result;
}

const strangeKeys = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "ring_length",
  "Ring_Len",
  "ring_len ",
  "",
  "0",
  "é",
  "\u{1f600}",
  "schema_version",
  "ant_spec",
];

function integer(random: Random): string {
  const kind = random.unit();
  if (kind < 0.7) return String(1 + random.int(1 << random.int(20)));
  if (kind < 0.8)
    return random.pick(["9007199254740991", "9007199254740992", "9007199254740993", "18446744073709551616"]);
  if (kind < 0.97) return String(1 + random.int(9)) + digits(random, random.int(40));
  const length = random.pick([300, 4299, 4300, 4301, 5000]);
  return `${random.chance(0.1) ? "-" : ""}${1 + random.int(9)}${digits(random, length - 1)}`;
}

function digits(random: Random, length: number): string {
  return Array.from({ length }, () => random.int(10)).join("");
}

function strangeValue(random: Random): string {
  return random.pick([
    "8192.0",
    "8e3",
    "1E2",
    "1e400",
    "-1E400",
    '"8192"',
    '" fp32 "',
    '"FP32"',
    '"fp32\\u0000"',
    '"fp128"',
    "true",
    "false",
    "null",
    "NaN",
    "Infinity",
    "-Infinity",
    "-NaN",
    "0",
    "-0",
    "-1",
    "-0.0",
    "0.5",
    "[]",
    "{}",
    "[1]",
    '{"ring_len":1}',
    "01",
    "+1",
    "0x10",
    "1_000",
    ".5",
    "5.",
    "1e",
    "-",
    "''",
    "undefined",
    "None",
    "True",
    "nul",
    "tru",
    '"amp"',
    '"\\ud835"',
    "",
  ]);
}

function anyValue(random: Random, depth: number): string {
  const kind = random.int(depth > 3 ? 6 : 9);
  if (kind < 2) return string(random);
  if (kind < 4) return integer(random);
  if (kind === 4)
    return random.pick([
      "true",
      "false",
      "null",
      "NaN",
      "Infinity",
      "-Infinity",
      "1E400",
      "-0",
      "-0.0",
      "1.5e-7",
      "0e0",
    ]);
  if (kind === 5) return random.chance(0.1) ? strangeValue(random) : "0.25";
  if (kind === 6)
    return `[${Array.from({ length: random.int(4) }, () => anyValue(random, depth + 1)).join(space(random) + ",")}]`;
  if (kind === 7)
    return object(
      random,
      Array.from({ length: random.int(4) }, () => [random.pick(strangeKeys), anyValue(random, depth + 1)]),
    );
  // Nesting far from Python's limit on either side: the limit itself has a test of its own.
  const levels = random.chance(0.9) ? random.int(20) : random.pick([500, 505, 511, 520, 900, 1100, 20000]);
  return random.chance(0.5)
    ? "[".repeat(levels) + "]".repeat(levels)
    : '{"a":'.repeat(levels) + "1" + "}".repeat(levels);
}

function string(random: Random): string {
  const parts = Array.from({ length: random.int(6) }, () =>
    random.pick([
      "a",
      "fp32",
      " ",
      "é",
      "\u{1f600}",
      "\u007f",
      "\u00a0",
      "\u2028",
      "\ufeff",
      "\\n",
      "\\u0041",
      "\\\\",
      '\\"',
      "\\/",
      "\\b",
      "\\ud800",
      "\\udc00",
      "\\ud83d\\ude00",
      "\\uD83D",
      "\\u00e9",
      "//",
      "{",
      "]",
      ...(random.chance(0.05)
        ? ["\n", "\t", "\u0000", "\\x41", "\\u12", "\\u 123", "\\u+123", "\\U0041", "\\", '"', "\\u00g0"]
        : []),
    ]),
  );
  return `"${parts.join("")}"`;
}

function object(random: Random, members: readonly (readonly [string, string])[]): string {
  const texts = members.map(
    ([key, value]) =>
      space(random) + keyText(random, key) + space(random) + ":" + space(random) + value + space(random),
  );
  return `{${texts.join(",")}${texts.length === 0 ? space(random) : ""}}`;
}

function keyText(random: Random, key: string): string {
  if (key === "" || !random.chance(0.03)) return JSON.stringify(key);
  const at = random.int(key.length);
  const escaped = `\\u${key.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return `"${key.slice(0, at)}${random.chance(0.5) ? escaped : escaped.toUpperCase().replace("U", "u")}${key.slice(at + 1)}"`;
}

function space(random: Random): string {
  if (random.chance(0.7)) return "";
  return random.pick([
    " ",
    "\n",
    "\t",
    "\r\n",
    "  ",
    ...(random.chance(0.01) ? ["\u00a0", "\f", "\v", "/**/", "\ufeff"] : []),
  ]);
}

function mutated(random: Random, text: string): string {
  const at = random.int(text.length);
  const rest = text.slice(at + (random.chance(0.5) ? 1 : 0));
  if (random.chance(0.2)) return text.slice(0, at);
  return (
    text.slice(0, at) +
    random.pick(["", ",", "{", "}", "[", "]", '"', "\\", ":", "0", "-", ".", "e", " ", "\n", "N"]) +
    rest
  );
}
