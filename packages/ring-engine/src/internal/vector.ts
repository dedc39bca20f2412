/** The numeric arrays of the reference engine. */
export type Numbers = Float64Array | Int32Array | Uint32Array;

/** The element at `index`; an index outside of the array is a defect and throws instead of spreading NaN. */
export function at(values: Numbers, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index} is outside of ${values.length} elements`);
  return value;
}

/** target[index] += value */
export function addAt(target: Float64Array, index: number, value: number): void {
  target[index] = at(target, index) + value;
}

/** Sum of a[i] * b[i]. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += at(a, i) * at(b, i);
  return sum;
}

/** target += factor * values */
export function addScaled(target: Float64Array, factor: number, values: Float64Array): void {
  for (let i = 0; i < values.length; i++) addAt(target, i, factor * at(values, i));
}

/** Row `index` of a row-major matrix with rows of `width` elements, as a view. */
export function row(matrix: Float64Array, index: number, width: number): Float64Array {
  return matrix.subarray(index * width, (index + 1) * width);
}

/** Column `index` of a row-major matrix with rows of `width` elements. */
export function column(matrix: Int32Array, index: number, width: number): readonly number[] {
  return Array.from({ length: matrix.length / width }, (_, i) => at(matrix, i * width + index));
}
