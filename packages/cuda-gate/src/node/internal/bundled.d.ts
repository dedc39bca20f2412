/** A module bundled with all it imports into one CommonJS text, by the build and by the test runner. */
declare module "*?bundled" {
  export const source: string;
}
