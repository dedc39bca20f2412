/** A module bundled with all it imports into one script for a page, by the build and by the test runner. */
declare module "*?page-script" {
  export const source: string;
  /** The licence texts of the packages in it. */
  export const licences: string;
}
