/** The colours of a chart and of the page around it. */
export interface Theme {
  readonly name: "light" | "dark";
  readonly surface: string;
  readonly ink: string;
  readonly faint_ink: string;
  readonly grid: string;
  readonly frontier: string;
  readonly fail: string;
  /** What tiers are told apart by, in the order of {@link tierOrder}; repeated when there are more tiers. */
  readonly tiers: readonly string[];
}

/*
 * Tier colours keep at least 3:1 against their surface (WCAG 2.2, 1.4.11) and apart under the three kinds of dichromacy,
 * after the order of Okabe and Ito's palette, darkened for white and lightened for black. A verdict never
 * depends on its colour alone: a failed point has a shape of its own.
 */

/** For screens in light mode, for paper, and for exported pictures. */
export const lightTheme: Theme = {
  name: "light",
  surface: "#ffffff",
  ink: "#1c2126",
  faint_ink: "#5a646e",
  grid: "#e4e8ec",
  frontier: "#1c2126",
  fail: "#c4281b",
  tiers: ["#0a68b4", "#b96b00", "#0b8566", "#8450b0", "#3d8fb5", "#7a6a12", "#b23a78", "#5a646e"],
};

/** For screens in dark mode. */
export const darkTheme: Theme = {
  name: "dark",
  surface: "#171b20",
  ink: "#e8ecf0",
  faint_ink: "#9ba6b2",
  grid: "#2b323a",
  frontier: "#e8ecf0",
  fail: "#ff7b69",
  tiers: ["#5fb2f5", "#f0b13c", "#43cba5", "#bd9bea", "#8fd3ee", "#d3c25a", "#f08abb", "#9ba6b2"],
};

// The tiers of the ring come first and in the order of their size, so that their colours are the same in every report.
const knownTiers: readonly string[] = ["small", "real", "stress", "custom"];

/** The different tiers of `tiers`, known ones first, the others by code unit. */
export function tierOrder(tiers: Iterable<string>): readonly string[] {
  const found = new Set(tiers);
  const known = knownTiers.filter((tier) => found.has(tier));
  return [...known, ...[...found].filter((tier) => !knownTiers.includes(tier)).sort()];
}

/** The colour of each of `tiers`, which {@link tierOrder} made. A known tier has its own colour, whoever is there beside it. */
export function tierColours(tiers: readonly string[], theme: Theme): ReadonlyMap<string, string> {
  const others = tiers.filter((tier) => !knownTiers.includes(tier));
  const free = theme.tiers.slice(knownTiers.length);
  const colourOf = (tier: string): string => {
    const known = knownTiers.indexOf(tier);
    return (known >= 0 ? theme.tiers[known] : free[others.indexOf(tier) % free.length]) ?? theme.faint_ink;
  };
  return new Map(tiers.map((tier) => [tier, colourOf(tier)]));
}
