/*
 * Device memory: pages of one sparse file, mapped into an address range of its own. Every allocation ends right before a
 * page that nobody may touch, and freed addresses are not given out again, so that an access beyond an allocation or to a
 * freed one is a fault and not silence. The up to 255 bytes between an allocation's end and that page are watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "driver.h"

using namespace fake;

namespace fake {
namespace {

constexpr size_t ALIGNMENT = 256, PAGE = 4096, GRANULARITY = 2 << 20;
constexpr unsigned char MARGIN = 0xc5;
/* New memory holds this, as far as it is cheap: a GPU's holds what was there before. */
constexpr unsigned char FRESH = 0xa7;
constexpr size_t FILLED = 16 << 20;

size_t up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }
void *at(uint64_t address) { return reinterpret_cast<void *>(address); }

bool open_arena() {
  State &g = state();
  if (g.arena != 0) return true;
  /* Addresses are not used again, so there are many; yet hundreds of drivers have room in one process. */
  size_t bytes = size_t{1} << 39;
  void *base = MAP_FAILED;
  for (; base == MAP_FAILED && bytes >= size_t{1} << 34; bytes /= 2)
    base = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return false;
  g.arena_bytes = bytes;
  g.arena = reinterpret_cast<uint64_t>(base);
  g.arena_next = up(g.arena, GRANULARITY);
  g.arena_descriptor = memfd_create("vrx-fake-device-memory", MFD_CLOEXEC);
  return g.arena_descriptor >= 0 && ftruncate(g.arena_descriptor, static_cast<off_t>(bytes)) == 0;
}

/* Addresses for `bytes`, followed by a page that stays out of reach. */
uint64_t take_addresses(size_t bytes, size_t alignment) {
  State &g = state();
  if (!open_arena()) return 0;
  uint64_t begin = up(g.arena_next, alignment);
  if (begin + bytes + PAGE > g.arena + g.arena_bytes) return 0;
  g.arena_next = up(begin + bytes + PAGE, PAGE);
  return begin;
}

void close_addresses(uint64_t begin, size_t bytes) {
  mmap(at(begin), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

CUresult allocate(CUcontext context, uint64_t *address, size_t bytes) {
  State &g = state();
  Device &device = *context->device;
  if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  uint64_t total = visible_memory(device);
  if (bytes > total || device.used_bytes + device.foreign_bytes + bytes > total) return CUDA_ERROR_OUT_OF_MEMORY;
  size_t kept = up(bytes, ALIGNMENT), mapped = up(kept, PAGE);
  uint64_t begin = take_addresses(mapped, PAGE);
  if (begin == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  void *made = mmap(at(begin), mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, g.arena_descriptor,
                    static_cast<off_t>(begin - g.arena));
  if (made == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  Allocation allocation;
  allocation.base = begin + mapped - kept;
  allocation.bytes = bytes;
  allocation.mapped = begin;
  allocation.mapped_bytes = mapped;
  allocation.device = &device;
  allocation.context = context;
  allocation.id = g.next_id++;
  memset(at(allocation.base), FRESH, std::min(bytes, FILLED));
  memset(at(allocation.base + bytes), MARGIN, kept - bytes);
  device.used_bytes += bytes;
  *address = allocation.base;
  g.allocations[allocation.base] = allocation;
  return CUDA_SUCCESS;
}

void drop_physical(uint64_t handle) {
  State &g = state();
  auto found = g.physical.find(handle);
  if (found == g.physical.end() || --found->second.references > 0) return;
  if (!found->second.imported) found->second.device->used_bytes -= found->second.bytes;
  close(found->second.descriptor);
  g.physical.erase(found);
}

/* Takes the memory back; the addresses stay out of reach. */
void release(const Allocation &allocation) {
  State &g = state();
  switch (allocation.kind) {
    case Kind::device:
      close_addresses(allocation.mapped, allocation.mapped_bytes);
      fallocate(g.arena_descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(allocation.mapped - g.arena), static_cast<off_t>(allocation.mapped_bytes));
      allocation.device->used_bytes -= allocation.bytes;
      break;
    case Kind::vmm:
      close_addresses(allocation.mapped, allocation.mapped_bytes);
      drop_physical(allocation.physical);
      break;
    case Kind::imported:
      close_addresses(allocation.mapped, allocation.mapped_bytes);
      break;
    case Kind::host:
      munmap(at(allocation.mapped), allocation.mapped_bytes);
      break;
    case Kind::registered:
      break;
  }
}

bool is_host(Kind kind) { return kind == Kind::host || kind == Kind::registered; }

bool margin_is_whole(const Allocation &a) {
  const unsigned char *p = static_cast<const unsigned char *>(at(a.base + a.bytes));
  size_t count = up(a.bytes, ALIGNMENT) - a.bytes;
  return std::all_of(p, p + count, [](unsigned char byte) { return byte == MARGIN; });
}

}  // namespace

const Allocation *find_allocation(uint64_t address) {
  State &g = state();
  auto after = g.allocations.upper_bound(address);
  if (after == g.allocations.begin()) return nullptr;
  const Allocation &found = std::prev(after)->second;
  return address < found.base + found.bytes ? &found : nullptr;
}

bool range_is_valid(uint64_t address, size_t bytes) {
  for (uint64_t next = address; next < address + bytes || bytes == 0;) {
    const Allocation *allocation = find_allocation(next);
    if (allocation == nullptr) return false;
    if (bytes == 0) return true;
    next = allocation->base + allocation->bytes;
  }
  return address + bytes >= address;
}

bool range_allows(uint64_t address, size_t bytes, int access) {
  for (uint64_t next = address; next < address + bytes;) {
    const Allocation *allocation = find_allocation(next);
    if (allocation == nullptr || (allocation->access & access) != access) return false;
    next = allocation->base + allocation->bytes;
  }
  return true;
}

bool is_device_address(uint64_t address) {
  const State &g = state();
  return g.arena != 0 && address >= g.arena && address < g.arena + g.arena_bytes;
}

bool is_pinned(const void *address, size_t bytes) {
  uint64_t begin = reinterpret_cast<uint64_t>(address);
  const Allocation *allocation = find_allocation(begin);
  return allocation != nullptr && is_host(allocation->kind) && begin + bytes <= allocation->base + allocation->bytes;
}

bool margins_are_whole(const Device &device, std::string *what) {
  for (auto &[base, allocation] : state().allocations) {
    if (allocation.kind != Kind::device || allocation.device != &device || margin_is_whole(allocation)) continue;
    *what = "a write behind the end of an allocation of " + std::to_string(allocation.bytes) + " bytes";
    /* Said once. */
    memset(at(base + allocation.bytes), MARGIN, up(allocation.bytes, ALIGNMENT) - allocation.bytes);
    return false;
  }
  return true;
}

void release_context_memory(CUcontext context) {
  State &g = state();
  for (auto i = g.allocations.begin(); i != g.allocations.end();) {
    /* Mapped ranges belong to no context, and live until they are unmapped. */
    if (i->second.context != context || i->second.kind == Kind::vmm) {
      ++i;
      continue;
    }
    release(i->second);
    i = g.allocations.erase(i);
  }
}

void reset_memory() {
  State &g = state();
  for (auto &[base, allocation] : g.allocations) release(allocation);
  g.allocations.clear();
  for (auto &[handle, physical] : g.physical) close(physical.descriptor);
  g.physical.clear();
  g.reservations.clear();
}

bool flip_bit(long long which, uint64_t offset, int bit, std::string *why) {
  State &g = state();
  std::vector<const Allocation *> live;
  for (auto &[base, allocation] : g.allocations)
    if (!is_host(allocation.kind)) live.push_back(&allocation);
  std::sort(live.begin(), live.end(), [](auto a, auto b) { return a->id < b->id; });
  long long index = which < 0 ? static_cast<long long>(live.size()) + which : which;
  if (index < 0 || index >= static_cast<long long>(live.size())) {
    *why = "there are " + std::to_string(live.size()) + " device allocations";
    return false;
  }
  const Allocation &target = *live[static_cast<size_t>(index)];
  if (offset >= target.bytes || bit < 0 || bit > 7) {
    *why = "the allocation has " + std::to_string(target.bytes) + " bytes of 8 bits";
    return false;
  }
  /* Through a mapping of its own where the process may only read the memory. */
  bool closed = target.access != CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  if (closed) mprotect(at(target.mapped), target.mapped_bytes, PROT_READ | PROT_WRITE);
  static_cast<unsigned char *>(at(target.base))[offset] ^= static_cast<unsigned char>(1u << bit);
  if (closed)
    mprotect(at(target.mapped), target.mapped_bytes, (target.access & CU_MEM_ACCESS_FLAGS_PROT_READ) != 0 ? PROT_READ : PROT_NONE);
  return true;
}

}  // namespace fake

VRX_API cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes) {
  BEGIN("cuMemGetInfo_v2");
  NEED_CONTEXT(context);
  if (free_bytes == nullptr || total_bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const Device &device = *context->device;
  uint64_t total = visible_memory(device), used = device.used_bytes + device.foreign_bytes;
  *total_bytes = total;
  *free_bytes = used > total ? 0 : total - used;
  return CUDA_SUCCESS;
}

VRX_API cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  BEGIN("cuMemAlloc_v2");
  NEED_CONTEXT(context);
  return allocate(context, address, bytes);
}

static CUresult free_device(Lock &lock, CUdeviceptr address) {
  State &g = state();
  auto found = g.allocations.find(address);
  if (found == g.allocations.end() || found->second.kind != Kind::device) return CUDA_ERROR_INVALID_VALUE;
  CUcontext context = found->second.context;
  /* As the driver does: not before the work that may use it has ended. */
  CUresult result = wait_for_context(lock, context);
  found = g.allocations.find(address);
  if (found == g.allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  if (!margin_is_whole(found->second) && result == CUDA_SUCCESS) result = context->sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
  release(found->second);
  g.allocations.erase(found);
  return result;
}

VRX_API cuMemFree_v2(CUdeviceptr address) {
  BEGIN("cuMemFree_v2");
  auto &stack = context_stack();
  if (stack.empty() || !is_context(stack.back())) return CUDA_ERROR_INVALID_CONTEXT;
  if (address == 0) return CUDA_SUCCESS;
  return free_device(lock, address);
}

VRX_API cuMemAllocAsync(CUdeviceptr *address, size_t bytes, CUstream stream) {
  BEGIN("cuMemAllocAsync");
  NEED_CONTEXT(context);
  if (resolve(context, stream) == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  return allocate(context, address, bytes);
}

VRX_API cuMemFreeAsync(CUdeviceptr address, CUstream handle) {
  BEGIN("cuMemFreeAsync");
  NEED_CONTEXT(context);
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  auto found = g.allocations.find(address);
  if (found == g.allocations.end() || found->second.kind != Kind::device) return CUDA_ERROR_INVALID_VALUE;
  Allocation allocation = found->second;
  /* Not usable from here on, and gone when the stream gets there. */
  g.allocations.erase(found);
  enqueue(stream, [allocation] {
    Lock inner(state().mutex);
    release(allocation);
    return CUDA_SUCCESS;
  });
  return CUDA_SUCCESS;
}

VRX_API cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *bytes, CUdeviceptr address) {
  BEGIN("cuMemGetAddressRange_v2");
  const Allocation *allocation = find_allocation(address);
  if (allocation == nullptr) return CUDA_ERROR_NOT_FOUND;
  if (base != nullptr) *base = allocation->base;
  if (bytes != nullptr) *bytes = allocation->bytes;
  return CUDA_SUCCESS;
}

/* ---- Host memory ---- */

static CUresult allocate_host(CUcontext context, void **address, size_t bytes) {
  State &g = state();
  if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  Allocation allocation;
  allocation.mapped_bytes = up(bytes, PAGE);
  void *made = mmap(nullptr, allocation.mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  allocation.base = allocation.mapped = reinterpret_cast<uint64_t>(made);
  allocation.bytes = bytes;
  allocation.kind = Kind::host;
  allocation.device = context->device;
  allocation.context = context;
  allocation.id = g.next_id++;
  g.allocations[allocation.base] = allocation;
  *address = made;
  return CUDA_SUCCESS;
}

VRX_API cuMemAllocHost_v2(void **address, size_t bytes) {
  BEGIN("cuMemAllocHost_v2");
  NEED_CONTEXT(context);
  return allocate_host(context, address, bytes);
}

VRX_API cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
  BEGIN("cuMemHostAlloc");
  NEED_CONTEXT(context);
  if ((flags & ~7u) != 0) return CUDA_ERROR_INVALID_VALUE;
  return allocate_host(context, address, bytes);
}

VRX_API cuMemFreeHost(void *address) {
  BEGIN("cuMemFreeHost");
  auto found = g.allocations.find(reinterpret_cast<uint64_t>(address));
  if (found == g.allocations.end() || found->second.kind != Kind::host) return CUDA_ERROR_INVALID_VALUE;
  CUcontext context = found->second.context;
  wait_for_context(lock, context);
  found = g.allocations.find(reinterpret_cast<uint64_t>(address));
  if (found == g.allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  release(found->second);
  g.allocations.erase(found);
  return CUDA_SUCCESS;
}

VRX_API cuMemHostRegister_v2(void *address, size_t bytes, unsigned) {
  BEGIN("cuMemHostRegister_v2");
  NEED_CONTEXT(context);
  if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (find_allocation(reinterpret_cast<uint64_t>(address)) != nullptr) return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  Allocation allocation;
  allocation.base = allocation.mapped = reinterpret_cast<uint64_t>(address);
  allocation.bytes = allocation.mapped_bytes = bytes;
  allocation.kind = Kind::registered;
  allocation.device = context->device;
  allocation.context = context;
  allocation.id = g.next_id++;
  g.allocations[allocation.base] = allocation;
  return CUDA_SUCCESS;
}

VRX_API cuMemHostUnregister(void *address) {
  BEGIN("cuMemHostUnregister");
  auto found = g.allocations.find(reinterpret_cast<uint64_t>(address));
  if (found == g.allocations.end() || found->second.kind != Kind::registered) return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  g.allocations.erase(found);
  return CUDA_SUCCESS;
}

VRX_API cuMemHostGetDevicePointer_v2(CUdeviceptr *device, void *address, unsigned) {
  BEGIN("cuMemHostGetDevicePointer_v2");
  if (device == nullptr || !is_pinned(address, 1)) return CUDA_ERROR_INVALID_VALUE;
  *device = reinterpret_cast<uint64_t>(address);
  return CUDA_SUCCESS;
}

VRX_API cuMemHostGetFlags(unsigned *flags, void *address) {
  BEGIN("cuMemHostGetFlags");
  if (flags == nullptr || !is_pinned(address, 1)) return CUDA_ERROR_INVALID_VALUE;
  *flags = CU_MEMHOSTALLOC_DEVICEMAP;
  return CUDA_SUCCESS;
}

/* ---- Copies and fills ---- */

namespace {

/* One side of a copy: where, and on which side of the bus; unified addresses say that themselves. */
enum class Side { host, device, either };

bool side_is_valid(Side side, uint64_t address, size_t bytes) {
  if (address == 0) return false;
  if (side == Side::device) return range_is_valid(address, bytes);
  if (find_allocation(address) != nullptr) return range_is_valid(address, bytes);
  /* Plain host memory; an address of the device's range that is no allocation is neither. */
  return !is_device_address(address);
}

bool is_pageable(uint64_t address, size_t bytes) {
  return !is_device_address(address) && !is_pinned(at(address), bytes);
}

CUresult copy(Lock &lock, CUcontext context, CUstream handle, Side to_side, uint64_t to, Side from_side, uint64_t from,
              size_t bytes, bool asynchronous) {
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (bytes == 0) return CUDA_SUCCESS;
  if (!side_is_valid(to_side, to, bytes) || !side_is_valid(from_side, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  bool capturing = stream->capture != nullptr;
  if (capturing && !asynchronous) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  bool allowed = (!is_device_address(to) || range_allows(to, bytes, CU_MEM_ACCESS_FLAGS_PROT_READWRITE)) &&
                 (!is_device_address(from) || range_allows(from, bytes, CU_MEM_ACCESS_FLAGS_PROT_READ));
  auto run = [=] {
    if (!allowed) return CUDA_ERROR_ILLEGAL_ADDRESS;
    memmove(at(to), at(from), bytes);
    return CUDA_SUCCESS;
  };
  CUresult submitted = submit(stream, CU_GRAPH_NODE_TYPE_MEMCPY, run, bytes);
  if (submitted != CUDA_SUCCESS || capturing) return submitted;
  /* Pageable memory goes through the driver's own staging, so the call returns only when it has been read or written. */
  bool device_only = is_device_address(to) && is_device_address(from);
  if (device_only || (asynchronous && !is_pageable(to, bytes) && !is_pageable(from, bytes))) return CUDA_SUCCESS;
  return wait_for(lock, context, stream->queue.empty() ? nullptr : stream->queue.back().completion);
}

CUresult fill(CUcontext context, CUstream handle, uint64_t to, unsigned value, size_t size, size_t count) {
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (count == 0) return CUDA_SUCCESS;
  if (to % size != 0 || !range_is_valid(to, size * count)) return CUDA_ERROR_INVALID_VALUE;
  bool allowed = range_allows(to, size * count, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  return submit(
      stream, CU_GRAPH_NODE_TYPE_MEMSET,
      [=] {
        if (!allowed) return CUDA_ERROR_ILLEGAL_ADDRESS;
        if (size == 1) {
          memset(at(to), static_cast<int>(value), count);
        } else {
          for (size_t i = 0; i < count; i++) memcpy(at(to + i * size), &value, size);
        }
        return CUDA_SUCCESS;
      },
      size * count);
}

uint64_t number(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

}  // namespace

#define COPY(name, parameters, to_side, to, from_side, from, stream, asynchronous)                       \
  VRX_API name parameters {                                                                              \
    BEGIN(#name);                                                                                        \
    NEED_CONTEXT(context);                                                                               \
    return copy(lock, context, stream, to_side, to, from_side, from, bytes, asynchronous);               \
  }
COPY(cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes), Side::device, to, Side::host, number(from), nullptr, false)
COPY(cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes), Side::host, number(to), Side::device, from, nullptr, false)
COPY(cuMemcpyDtoD_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes), Side::device, to, Side::device, from, nullptr, false)
COPY(cuMemcpy, (CUdeviceptr to, CUdeviceptr from, size_t bytes), Side::either, to, Side::either, from, nullptr, false)
COPY(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream), Side::device, to, Side::host, number(from), stream, true)
COPY(cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream), Side::host, number(to), Side::device, from, stream, true)
COPY(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream), Side::device, to, Side::device, from, stream, true)
COPY(cuMemcpyAsync, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream), Side::either, to, Side::either, from, stream, true)
COPY(cuMemcpyPeer, (CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t bytes), Side::device, to, Side::device, from, nullptr, false)
COPY(cuMemcpyPeerAsync, (CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, size_t bytes, CUstream stream), Side::device, to, Side::device, from, stream, true)
#undef COPY

#define FILL(name, type, extra, stream)                                                                   \
  VRX_API name(CUdeviceptr to, type value, size_t count extra) {                                          \
    BEGIN(#name);                                                                                         \
    NEED_CONTEXT(context);                                                                                \
    return fill(context, stream, to, value, sizeof(type), count);                                         \
  }
#define WITH_STREAM , CUstream stream
#define NOTHING
FILL(cuMemsetD8_v2, unsigned char, NOTHING, nullptr)
FILL(cuMemsetD16_v2, unsigned short, NOTHING, nullptr)
FILL(cuMemsetD32_v2, unsigned, NOTHING, nullptr)
FILL(cuMemsetD8Async, unsigned char, WITH_STREAM, stream)
FILL(cuMemsetD16Async, unsigned short, WITH_STREAM, stream)
FILL(cuMemsetD32Async, unsigned, WITH_STREAM, stream)
#undef FILL

/* ---- What an address is ---- */

static CUresult pointer_attribute(void *data, int attribute, CUdeviceptr address) {
  State &g = state();
  const Allocation *a = find_allocation(address);
  if (a == nullptr) return CUDA_ERROR_INVALID_VALUE;
  long long value = 0;
  size_t bytes = 4;
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
      value = static_cast<long long>(number(a->context));
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
      value = is_host(a->kind) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
      break;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      value = static_cast<long long>(address);
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER: {
      auto overridden = a->device->pointer_attributes.find(attribute);
      bool seen = overridden != a->device->pointer_attributes.end() && overridden->second != 0;
      if (!is_host(a->kind) && !seen) return CUDA_ERROR_INVALID_VALUE;
      value = static_cast<long long>(address);
      memcpy(data, &value, 8);
      return CUDA_SUCCESS;
    }
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
      break;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      value = static_cast<long long>(a->id);
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: {
      auto at_device = std::find(g.visible.begin(), g.visible.end(), a->device);
      value = at_device - g.visible.begin();
      break;
    }
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
      value = a->kind == Kind::device;
      break;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      value = static_cast<long long>(a->base);
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      value = static_cast<long long>(a->bytes);
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_MAPPED:
      value = 1;
      break;
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      value = a->handle_types;
      bytes = 8;
      break;
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
      /* 1: read only, 3: read and write. */
      value = a->access;
      break;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
  auto overridden = a->device->pointer_attributes.find(attribute);
  if (overridden != a->device->pointer_attributes.end()) value = overridden->second;
  memcpy(data, &value, bytes);
  return CUDA_SUCCESS;
}

VRX_API cuPointerGetAttribute(void *data, int attribute, CUdeviceptr address) {
  BEGIN("cuPointerGetAttribute");
  if (data == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return pointer_attribute(data, attribute, address);
}

/* Gives zero for what an address does not have, and for an address that is nobody's, as the driver does. */
VRX_API cuPointerGetAttributes(unsigned count, int *attributes, void **data, CUdeviceptr address) {
  BEGIN("cuPointerGetAttributes");
  if (attributes == nullptr || data == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < count; i++) {
    if (pointer_attribute(data[i], attributes[i], address) == CUDA_SUCCESS) continue;
    static constexpr int wide[] = {1, 3, 4, 7, 11, 12, 14};
    bool is_wide = std::find(std::begin(wide), std::end(wide), attributes[i]) != std::end(wide);
    memset(data[i], 0, is_wide ? 8 : 4);
    if (attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) *static_cast<int *>(data[i]) = -2;
  }
  return CUDA_SUCCESS;
}

VRX_API cuPointerSetAttribute(const void *, int attribute, CUdeviceptr address) {
  BEGIN("cuPointerSetAttribute");
  return attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS && find_allocation(address) != nullptr ? CUDA_SUCCESS
                                                                                              : CUDA_ERROR_INVALID_VALUE;
}

/* ---- Sharing between processes, the old way ---- */

namespace {
constexpr uint64_t IPC_MAGIC = 0x7672782d66616b65;
struct IpcHandle {
  uint64_t magic;
  int process, descriptor;
  uint64_t offset, mapped_bytes, bytes, skipped;
};
static_assert(sizeof(IpcHandle) <= sizeof(CUipcMemHandle));
}  // namespace

VRX_API cuIpcGetMemHandle(CUipcMemHandle *handle, CUdeviceptr address) {
  BEGIN("cuIpcGetMemHandle");
  NEED_CONTEXT(context);
  (void)context;
  const Allocation *a = find_allocation(address);
  if (handle == nullptr || a == nullptr || a->kind != Kind::device) return CUDA_ERROR_INVALID_VALUE;
  IpcHandle made = {IPC_MAGIC, getpid(), g.arena_descriptor, a->mapped - g.arena, a->mapped_bytes, a->bytes, a->base - a->mapped};
  memset(handle, 0, sizeof *handle);
  memcpy(handle, &made, sizeof made);
  return CUDA_SUCCESS;
}

VRX_API cuIpcOpenMemHandle_v2(CUdeviceptr *address, CUipcMemHandle handle, unsigned flags) {
  BEGIN("cuIpcOpenMemHandle_v2");
  NEED_CONTEXT(context);
  if (address == nullptr || flags != 1) return CUDA_ERROR_INVALID_VALUE;
  IpcHandle given;
  memcpy(&given, &handle, sizeof given);
  if (given.magic != IPC_MAGIC) return CUDA_ERROR_INVALID_VALUE;
  if (given.process == getpid()) return CUDA_ERROR_INVALID_CONTEXT;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", given.process, given.descriptor);
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return CUDA_ERROR_INVALID_VALUE;
  uint64_t begin = take_addresses(given.mapped_bytes, PAGE);
  void *made = begin == 0 ? MAP_FAILED
                          : mmap(at(begin), given.mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor,
                                 static_cast<off_t>(given.offset));
  close(descriptor);
  if (made == MAP_FAILED) return CUDA_ERROR_MAP_FAILED;
  Allocation a;
  a.base = begin + given.skipped;
  a.bytes = given.bytes;
  a.mapped = begin;
  a.mapped_bytes = given.mapped_bytes;
  a.kind = Kind::imported;
  a.device = context->device;
  a.context = context;
  a.id = g.next_id++;
  g.allocations[a.base] = a;
  *address = a.base;
  return CUDA_SUCCESS;
}

VRX_API cuIpcCloseMemHandle(CUdeviceptr address) {
  BEGIN("cuIpcCloseMemHandle");
  auto found = g.allocations.find(address);
  if (found == g.allocations.end() || found->second.kind != Kind::imported) return CUDA_ERROR_INVALID_VALUE;
  wait_for_context(lock, found->second.context);
  found = g.allocations.find(address);
  if (found == g.allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  release(found->second);
  g.allocations.erase(found);
  return CUDA_SUCCESS;
}

/* ---- Virtual memory management ---- */

VRX_API cuMemGetAllocationGranularity(size_t *granularity, const CUmemAllocationProp *properties, int) {
  BEGIN("cuMemGetAllocationGranularity");
  if (granularity == nullptr || properties == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *granularity = GRANULARITY;
  return CUDA_SUCCESS;
}

VRX_API cuMemAddressReserve(CUdeviceptr *address, size_t bytes, size_t alignment, CUdeviceptr, unsigned long long flags) {
  BEGIN("cuMemAddressReserve");
  if (address == nullptr || bytes == 0 || bytes % GRANULARITY != 0 || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if ((alignment & (alignment - 1)) != 0) return CUDA_ERROR_INVALID_VALUE;
  uint64_t begin = take_addresses(bytes, std::max(alignment, GRANULARITY));
  if (begin == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  g.reservations[begin] = bytes;
  *address = begin;
  return CUDA_SUCCESS;
}

VRX_API cuMemAddressFree(CUdeviceptr address, size_t bytes) {
  BEGIN("cuMemAddressFree");
  auto found = g.reservations.find(address);
  if (found == g.reservations.end() || found->second != bytes) return CUDA_ERROR_INVALID_VALUE;
  auto mapped = g.allocations.lower_bound(address);
  if (mapped != g.allocations.end() && mapped->first < address + bytes) return CUDA_ERROR_INVALID_VALUE;
  g.reservations.erase(found);
  return CUDA_SUCCESS;
}

VRX_API cuMemCreate(CUmemGenericAllocationHandle *handle, size_t bytes, const CUmemAllocationProp *properties,
                    unsigned long long flags) {
  BEGIN("cuMemCreate");
  if (handle == nullptr || properties == nullptr || flags != 0 || bytes == 0 || bytes % GRANULARITY != 0 ||
      properties->type != CU_MEM_ALLOCATION_TYPE_PINNED || properties->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
    return CUDA_ERROR_INVALID_VALUE;
  if ((properties->requestedHandleTypes & ~CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) != 0) return CUDA_ERROR_NOT_SUPPORTED;
  Device *device = device_of_ordinal(properties->location.id);
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (device->lost != 0) return static_cast<CUresult>(device->lost);
  if (device->attribute(CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) == 0) return CUDA_ERROR_NOT_SUPPORTED;
  if (properties->requestedHandleTypes != 0 &&
      device->attribute(CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED) == 0)
    return CUDA_ERROR_NOT_SUPPORTED;
  uint64_t total = visible_memory(*device);
  if (bytes > total || device->used_bytes + device->foreign_bytes + bytes > total) return CUDA_ERROR_OUT_OF_MEMORY;
  int descriptor = memfd_create("vrx-fake-device-memory", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) {
    if (descriptor >= 0) close(descriptor);
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  device->used_bytes += bytes;
  *handle = g.next_handle++;
  g.physical[*handle] = {descriptor, bytes, device, properties->requestedHandleTypes, 1, false, false};
  return CUDA_SUCCESS;
}

VRX_API cuMemRelease(CUmemGenericAllocationHandle handle) {
  BEGIN("cuMemRelease");
  auto found = g.physical.find(handle);
  if (found == g.physical.end() || found->second.released) return CUDA_ERROR_INVALID_VALUE;
  found->second.released = true;
  drop_physical(handle);
  return CUDA_SUCCESS;
}

VRX_API cuMemMap(CUdeviceptr address, size_t bytes, size_t offset, CUmemGenericAllocationHandle handle,
                 unsigned long long flags) {
  BEGIN("cuMemMap");
  auto found = g.physical.find(handle);
  if (found == g.physical.end() || found->second.released || flags != 0 || offset != 0 || bytes != found->second.bytes ||
      address % GRANULARITY != 0)
    return CUDA_ERROR_INVALID_VALUE;
  auto after = g.reservations.upper_bound(address);
  if (after == g.reservations.begin()) return CUDA_ERROR_INVALID_VALUE;
  auto [begin, reserved] = *std::prev(after);
  if (address + bytes > begin + reserved) return CUDA_ERROR_INVALID_VALUE;
  auto taken = g.allocations.lower_bound(address);
  if ((taken != g.allocations.end() && taken->first < address + bytes) || find_allocation(address) != nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  void *made = mmap(at(address), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, found->second.descriptor, 0);
  if (made == MAP_FAILED) return CUDA_ERROR_MAP_FAILED;
  auto &stack = context_stack();
  Allocation a;
  a.base = a.mapped = address;
  a.bytes = a.mapped_bytes = bytes;
  a.kind = Kind::vmm;
  a.device = found->second.device;
  a.context = stack.empty() ? nullptr : stack.back();
  a.id = g.next_id++;
  a.access = 0;
  a.physical = handle;
  a.handle_types = found->second.handle_types;
  found->second.references++;
  g.allocations[address] = a;
  return CUDA_SUCCESS;
}

VRX_API cuMemUnmap(CUdeviceptr address, size_t bytes) {
  BEGIN("cuMemUnmap");
  auto found = g.allocations.find(address);
  if (found == g.allocations.end() || found->second.kind != Kind::vmm || found->second.bytes != bytes)
    return CUDA_ERROR_INVALID_VALUE;
  for (auto &device : g.devices)
    for (CUcontext context : std::vector<CUcontext>(device->contexts.begin(), device->contexts.end()))
      if (is_context(context)) wait_for_context(lock, context);
  found = g.allocations.find(address);
  if (found == g.allocations.end()) return CUDA_ERROR_INVALID_VALUE;
  release(found->second);
  g.allocations.erase(found);
  return CUDA_SUCCESS;
}

VRX_API cuMemSetAccess(CUdeviceptr address, size_t bytes, const CUmemAccessDesc *access, size_t count) {
  BEGIN("cuMemSetAccess");
  if (access == nullptr || count == 0 || !range_is_valid(address, bytes)) return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; i < count; i++) {
    Device *device = device_of_ordinal(access[i].location.id);
    int flags = access[i].flags;
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    if (flags != 0 && flags != CU_MEM_ACCESS_FLAGS_PROT_READ && flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
      return CUDA_ERROR_INVALID_VALUE;
    if (flags == CU_MEM_ACCESS_FLAGS_PROT_READ && !device->read_only_maps) return CUDA_ERROR_NOT_SUPPORTED;
    for (auto found = g.allocations.lower_bound(address); found != g.allocations.end() && found->first < address + bytes;
         ++found) {
      if (found->second.kind != Kind::vmm) return CUDA_ERROR_INVALID_VALUE;
      found->second.access = flags;
      int protection = flags == 0 ? PROT_NONE : flags == CU_MEM_ACCESS_FLAGS_PROT_READ ? PROT_READ : PROT_READ | PROT_WRITE;
      if (mprotect(at(found->second.mapped), found->second.mapped_bytes, protection) != 0) return CUDA_ERROR_INVALID_VALUE;
    }
  }
  return CUDA_SUCCESS;
}

VRX_API cuMemGetAccess(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr address) {
  BEGIN("cuMemGetAccess");
  const Allocation *a = find_allocation(address);
  if (flags == nullptr || location == nullptr || a == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = static_cast<unsigned long long>(a->access);
  return CUDA_SUCCESS;
}

VRX_API cuMemExportToShareableHandle(void *shareable, CUmemGenericAllocationHandle handle, int type, unsigned long long) {
  BEGIN("cuMemExportToShareableHandle");
  auto found = g.physical.find(handle);
  if (shareable == nullptr || found == g.physical.end() || found->second.released ||
      type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR || (found->second.handle_types & type) == 0)
    return CUDA_ERROR_INVALID_VALUE;
  int descriptor = fcntl(found->second.descriptor, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) return CUDA_ERROR_OPERATING_SYSTEM;
  *static_cast<int *>(shareable) = descriptor;
  return CUDA_SUCCESS;
}

VRX_API cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *handle, void *shareable, int type) {
  BEGIN("cuMemImportFromShareableHandle");
  NEED_CONTEXT(context);
  if (handle == nullptr || type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) return CUDA_ERROR_INVALID_VALUE;
  int descriptor = fcntl(static_cast<int>(reinterpret_cast<intptr_t>(shareable)), F_DUPFD_CLOEXEC, 0);
  struct stat file;
  if (descriptor < 0 || fstat(descriptor, &file) != 0 || file.st_size <= 0 ||
      static_cast<size_t>(file.st_size) % GRANULARITY != 0) {
    if (descriptor >= 0) close(descriptor);
    return CUDA_ERROR_INVALID_VALUE;
  }
  *handle = g.next_handle++;
  g.physical[*handle] = {descriptor, static_cast<size_t>(file.st_size), context->device, type, 1, true, false};
  return CUDA_SUCCESS;
}

VRX_API cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *handle, void *address) {
  BEGIN("cuMemRetainAllocationHandle");
  const Allocation *a = find_allocation(number(address));
  if (handle == nullptr || a == nullptr || a->kind != Kind::vmm) return CUDA_ERROR_INVALID_VALUE;
  g.physical[a->physical].references++;
  g.physical[a->physical].released = false;
  *handle = a->physical;
  return CUDA_SUCCESS;
}
