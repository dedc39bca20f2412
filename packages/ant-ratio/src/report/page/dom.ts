type Child = Node | string | null;

/** An element with attributes and children. Texts become text nodes, never markup; null children are left out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A name from outside, kept from reordering the text around it. */
export function bdi(text: string, className = ""): HTMLElement {
  return element("bdi", className === "" ? {} : { class: className }, text);
}

/** Terms and what is said of them, as a description list. */
export function terms(className: string, entries: readonly (readonly [string, string])[]): HTMLElement {
  return element(
    "dl",
    { class: className },
    ...entries.flatMap(([term, text]) => [element("dt", {}, bdi(term)), element("dd", {}, bdi(text))]),
  );
}

const svgNamespace = "http://www.w3.org/2000/svg";

/** A small picture of one mark, for legends. */
export function markPicture(path: string, paint: { readonly fill: string; readonly stroke: string }): SVGElement {
  const picture = document.createElementNS(svgNamespace, "svg");
  for (const [name, value] of [
    ["viewBox", "-1.3 -1.3 2.6 2.6"],
    ["width", "14"],
    ["height", "14"],
    ["aria-hidden", "true"],
  ] as const) {
    picture.setAttribute(name, value);
  }
  const shape = document.createElementNS(svgNamespace, "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill", paint.fill);
  shape.setAttribute("stroke", paint.stroke);
  shape.setAttribute("stroke-width", "0.25");
  picture.append(shape);
  return picture;
}
