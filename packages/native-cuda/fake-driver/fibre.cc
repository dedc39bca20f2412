#include "fibre.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
/* void vrx_fibre_switch(void **save (rdi), void *load (rsi)) */
__asm__(
    ".text\n.hidden vrx_fibre_switch\n.globl vrx_fibre_switch\n.type vrx_fibre_switch,@function\nvrx_fibre_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
    ".size vrx_fibre_switch,.-vrx_fibre_switch\n");
extern "C" void vrx_fibre_switch(void **save, void *load);
#elif defined(__aarch64__)
__asm__(
    ".text\n.hidden vrx_fibre_switch\n.globl vrx_fibre_switch\n.type vrx_fibre_switch,%function\nvrx_fibre_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n  ret\n"
    ".size vrx_fibre_switch,.-vrx_fibre_switch\n");
extern "C" void vrx_fibre_switch(void **save, void *load);
#endif

namespace fake {

bool allocate_stack(Fibre &fibre, size_t bytes) {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void *all = mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return false;
  mprotect(all, page, PROT_NONE);
  fibre.stack = static_cast<char *>(all) + page;
  fibre.bytes = bytes;
  return true;
}

void free_stack(Fibre &fibre) {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (fibre.stack != nullptr) munmap(static_cast<char *>(fibre.stack) - page, fibre.bytes + page);
  fibre.stack = nullptr;
}

void prepare(Fibre &fibre, void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(fibre.stack, fibre.bytes);
#endif
#if defined(__x86_64__)
  /* As if `entry` had been called: above it a return address of 0, where unwinding ends. */
  uint64_t *top = reinterpret_cast<uint64_t *>(static_cast<char *>(fibre.stack) + fibre.bytes) - 8;
  memset(top, 0, 8 * sizeof *top);
  top[6] = reinterpret_cast<uint64_t>(entry);
  fibre.top = top;
#elif defined(__aarch64__)
  uint64_t *top = reinterpret_cast<uint64_t *>(static_cast<char *>(fibre.stack) + fibre.bytes) - 20;
  memset(top, 0, 20 * sizeof *top);
  top[11] = reinterpret_cast<uint64_t>(entry);
  fibre.top = top;
#else
  getcontext(&fibre.context);
  fibre.context.uc_stack.ss_sp = fibre.stack;
  fibre.context.uc_stack.ss_size = fibre.bytes;
  fibre.context.uc_link = nullptr;
  makecontext(&fibre.context, entry, 0);
#endif
}

void switch_fibre(Fibre &from, Fibre &to, bool last) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(last ? nullptr : &from.sanitizer_stack, to.stack, to.bytes);
#else
  (void)last;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  vrx_fibre_switch(&from.top, to.top);
#else
  swapcontext(&from.context, &to.context);
#endif
  fibre_entered(from);
}

void fibre_entered(Fibre &self) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self.sanitizer_stack, nullptr, nullptr);
#endif
  (void)self;
}

bool redirect(void *context, Fibre &fibre, void (*entry)()) {
  [[maybe_unused]] ucontext_t *at = static_cast<ucontext_t *>(context);
  [[maybe_unused]] uintptr_t top = reinterpret_cast<uintptr_t>(fibre.stack) + fibre.bytes;
#if defined(__x86_64__)
  at->uc_mcontext.gregs[REG_RSP] = static_cast<greg_t>(top - 8);
  at->uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(entry));
  return true;
#elif defined(__aarch64__)
  at->uc_mcontext.sp = top;
  at->uc_mcontext.pc = reinterpret_cast<uintptr_t>(entry);
  return true;
#else
  (void)entry;
  return false;
#endif
}

}  // namespace fake
