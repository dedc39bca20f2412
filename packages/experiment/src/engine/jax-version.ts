/** The release of @jax-js/jax this package is pinned to; a test compares it with the one that is installed. */
export const JAX_VERSION = "0.1.25";
