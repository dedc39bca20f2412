import { execFile } from "node:child_process";

/** What any Linux with glibc that runs Node has: glibc's own parts and the run-time libraries of GCC. */
const everywhere =
  /^(linux-vdso|linux-gate|ld-linux[\w-]*|libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libatomic)\.so/;

/**
 * The shared libraries a program wants that a bare host may lack. Distributions build Node against their own libuv,
 * OpenSSL and ICU; such a Node does not run elsewhere. Empty where the host has no `ldd` to ask.
 */
export function foreignLibraries(program: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    execFile("ldd", [program], (error, stdout) => {
      const names = error === null ? stdout.split("\n").map((line) => line.trim().split(/\s/)[0] ?? "") : [];
      resolve(names.filter((name) => name !== "" && !everywhere.test(name.replace(/^.*\//, ""))).sort());
    });
  });
}
