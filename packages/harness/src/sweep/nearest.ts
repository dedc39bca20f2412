/** The known name that was probably meant: at most a third of its letters away. */
export function nearestOf(name: string, known: Iterable<string>): { readonly suggestion?: string } {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const away = distance(name.slice(0, 64), candidate);
    if (away < least && away <= Math.max(1, Math.ceil(candidate.length / 3))) {
      best = candidate;
      least = away;
    }
  }
  return best === undefined ? {} : { suggestion: best };
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
