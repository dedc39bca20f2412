/** A seeded generator (mulberry32): `random(n)` is an integer in [0, n). */
export function seeded(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const snippets = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\\u",
  "\\ud800",
  "\\udc00",
  "null",
  "true",
  "false",
  "NaN",
  "-Infinity",
  "0",
  "-0",
  "1",
  "-",
  ".",
  "e",
  "E+",
  "9007199254740993",
  "1e400",
  "0.5",
  " ",
  "\n",
  "\r\n",
  "\t",
  "\0",
  "\u007f",
  "é",
  "\u{1f600}",
  "\ufeff",
  "__proto__",
  "constructor",
  '""',
  "{}",
  "[]",
  '"a":1,',
  "=",
  "#",
  "[a]\n",
  "- ",
  "'",
].map((text) => Buffer.from(text));

/** One to eight small changes, some of them with pieces of another input. */
export function mutate(random, input, other, maxBytes) {
  let bytes = Buffer.from(input);
  for (let changes = 1 + random(8); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const length = 1 + random(random(4) === 0 ? 64 : 6);
    const head = bytes.subarray(0, at);
    switch (random(7)) {
      case 0:
        bytes = Buffer.concat([head, bytes.subarray(at + length)]);
        break;
      case 1:
        bytes = Buffer.concat([head, snippets[random(snippets.length)], bytes.subarray(at)]);
        break;
      case 2:
        bytes = Buffer.concat([head, snippets[random(snippets.length)], bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([head, bytes.subarray(at, at + length), bytes.subarray(at)]);
        break;
      case 4: {
        const from = random(other.length + 1);
        bytes = Buffer.concat([head, other.subarray(from, from + length * 4), bytes.subarray(at)]);
        break;
      }
      case 5:
        bytes = Buffer.from(bytes);
        if (at < bytes.length) bytes[at] = random(256);
        break;
      default:
        bytes = Buffer.from(bytes);
        if (at < bytes.length) bytes[at] ^= 1 << random(8);
    }
  }
  return bytes.subarray(0, maxBytes);
}
