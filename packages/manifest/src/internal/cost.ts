/**
 * What a part of a model costs in one forward pass. A multiply-add is two operations; products of matrices,
 * convolutions, attention and scans are counted, elementwise functions and norms are not. null: a length is not known.
 */
export interface Cost {
  readonly params: number;
  /** Parameters that an optimizer changes. */
  readonly trainable: number;
  readonly flops: number | null;
  /** Values that the backward pass needs: every result of a product, a norm and a nonlinearity once. */
  readonly activations: number | null;
}

export const free: Cost = { params: 0, trainable: 0, flops: 0, activations: 0 };

const plus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

/** The cost of both, one after the other. */
export function sum(a: Cost, b: Cost): Cost {
  return {
    params: a.params + b.params,
    trainable: a.trainable + b.trainable,
    flops: plus(a.flops, b.flops),
    activations: plus(a.activations, b.activations),
  };
}

/** The cost of `count` copies with weights of their own. */
export function copies(cost: Cost, count: number): Cost {
  return again({ ...cost, params: cost.params * count, trainable: cost.trainable * count }, count);
}

/** The cost of running `count` times with the same weights. */
export function again(cost: Cost, count: number): Cost {
  return {
    ...cost,
    flops: cost.flops === null ? null : cost.flops * count,
    activations: cost.activations === null ? null : cost.activations * count,
  };
}
