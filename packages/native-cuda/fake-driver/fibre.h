/*
 * Fibres: stacks of their own that one thread of the system switches between. Switching saves only what the calling
 * convention says a call keeps, which takes a few nanoseconds.
 */
#ifndef VRX_FAKE_FIBRE_H
#define VRX_FAKE_FIBRE_H

#include <stddef.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#endif

namespace fake {

struct Fibre {
  void *stack = nullptr; /* above a guard page */
  size_t bytes = 0;
#if defined(__x86_64__) || defined(__aarch64__)
  void *top = nullptr; /* of what is saved, while it does not run */
#else
  ucontext_t context;
#endif
  void *sanitizer_stack = nullptr;
};

/* Gives a fibre its stack; false when there is no memory for it. */
bool allocate_stack(Fibre &fibre, size_t bytes);
void free_stack(Fibre &fibre);

/* The fibre starts at `entry`, which must not return, when it is switched to. Whatever ran on it before is forgotten. */
void prepare(Fibre &fibre, void (*entry)());

/* Goes on with `to`; `last` says that `from` is not to be gone on with. */
void switch_fibre(Fibre &from, Fibre &to, bool last = false);
/* To be called first in `entry`. */
void fibre_entered(Fibre &self);

/* Makes a signal handler's return go on at `entry` on the fibre's emptied stack; false where we do not know how. */
bool redirect(void *ucontext, Fibre &fibre, void (*entry)());

}  // namespace fake

#endif
