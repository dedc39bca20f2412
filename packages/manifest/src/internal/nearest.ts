/** The candidate that was probably meant: equal but for case and separators, or a few edits away. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(text.slice(0, 64));
  let best: string | undefined;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  const longest = Math.max(wanted.length, best === undefined ? 0 : plain(best).length);
  return fewest <= Math.max(1, Math.floor(longest * 0.4)) && fewest < longest ? best : undefined;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[\s_\-./]/g, "");
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
