import { FloatToken } from "./float-token.js";

/** The candidate that was probably meant: equal but for case, spaces and separators, or a few edits away. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(text.slice(0, 64));
  let best: string | undefined;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  const longest = Math.max(wanted.length, best?.length ?? 0);
  return fewest <= Math.max(1, Math.floor(longest * 0.4)) && fewest < longest ? best : undefined;
}

/** `float32` and `bfloat16` are other names of `fp32` and `bf16`. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\s_\-./]/g, "")
    .replace(/^(b?)float/, "$1f");
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (before[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The integer of at least `minimum` that a string or a float evidently stands for. */
export function meantInteger(value: unknown, minimum: number): string | undefined {
  const text = value instanceof FloatToken ? value.text : typeof value === "string" ? value : "";
  const digits = /^\s*[+]?([\d_,']{1,40})(\.0*)?\s*$/.exec(text)?.[1]?.replace(/[_,']/g, "");
  if (digits !== undefined && digits !== "") return atLeast(BigInt(digits), minimum);
  if (!/^\s*\d+(\.\d+)?[eE][+]?\d+\s*$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? atLeast(BigInt(number), minimum) : undefined;
}

function atLeast(integer: bigint, minimum: number): string | undefined {
  return integer >= BigInt(minimum) ? String(integer) : undefined;
}
