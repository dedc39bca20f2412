/*
 * The state behind the fake driver's interface: devices, contexts, memory, streams, and the faults that were asked for.
 * One lock guards all of it. Every device has one thread that runs what its streams hold, one operation at a time; which
 * ready stream goes next is drawn, so that what only worked by the order of submission is found.
 */
#ifndef VRX_FAKE_DRIVER_H
#define VRX_FAKE_DRIVER_H

#include <stdint.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cuda_types.h"
#include "grid.h"

namespace fake {

struct Context;
struct Device;

/* What became of an operation; shared by all that wait for it. */
struct Completion {
  bool done = false;
  double at_ms = 0;
};

struct Operation {
  uint64_t sequence = 0;
  std::function<CUresult()> run;
  uint64_t copied_bytes = 0;
  std::shared_ptr<Completion> completion;
  std::shared_ptr<Completion> after; /* another stream's work that comes first */
};

}  // namespace fake

/* Handles of the interface point at these. */
struct CUgraphNode_st {
  int type = 0;
  std::function<CUresult()> run;
  std::vector<CUgraphNode> dependencies;
  CUgraph graph = nullptr;
};
struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes; /* in an order in which they may run */
  CUcontext context = nullptr;
};
struct CUgraphExec_st {
  std::vector<std::function<CUresult()>> steps;
  std::vector<CUgraphNode> origins;
  CUcontext context = nullptr;
};
struct CUstream_st {
  CUcontext context = nullptr;
  unsigned flags = 0;
  int priority = 0;
  bool destroyed = false, running = false;
  std::deque<fake::Operation> queue;
  CUgraph capture = nullptr;
  bool capture_origin = false, capture_invalid = false;
};
struct CUevent_st {
  CUcontext context = nullptr;
  unsigned flags = 0;
  std::shared_ptr<fake::Completion> last;
  CUgraph captured_in = nullptr;
};
struct CUmod_st {
  CUcontext context = nullptr;
  uint64_t id = 0;
  void *library = nullptr;
  int descriptor = -1;
  const vrx_host_image *image = nullptr;
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};
struct CUfunc_st {
  CUmodule module = nullptr;
  const vrx_host_kernel *kernel = nullptr;
  int dynamic_shared_limit = 48 << 10;
};
struct CUctx_st {
  fake::Device *device = nullptr;
  unsigned flags = 0;
  unsigned version = 0;
  bool primary = false;
  CUresult sticky = CUDA_SUCCESS;
  std::set<CUcontext> peers;
  std::unique_ptr<CUstream_st> null_stream;
  std::set<CUstream> streams;
  std::set<CUevent> events;
  std::set<CUmodule> modules;
  std::set<CUgraph> graphs;
  std::set<CUgraphExec> executables;
};

namespace fake {

enum class Kind { device, vmm, imported, host, registered };

struct Allocation {
  uint64_t base = 0;
  size_t bytes = 0; /* as asked for */
  uint64_t mapped = 0;
  size_t mapped_bytes = 0;
  Kind kind = Kind::device;
  Device *device = nullptr;
  CUcontext context = nullptr;
  uint64_t id = 0;
  int access = 3; /* as CU_MEM_ACCESS_FLAGS_PROT_* */
  uint64_t physical = 0; /* handle of mapped memory */
  int handle_types = 0;
};

/* Memory made by cuMemCreate or imported: a file of its own, which other processes can map. */
struct Physical {
  int descriptor = -1;
  size_t bytes = 0;
  Device *device = nullptr;
  int handle_types = 0;
  unsigned references = 1; /* handles and mappings */
  bool imported = false, released = false;
};

/* A figure of NVML: there, not supported (none), or an error of its own. */
struct Figure {
  std::optional<double> value;
  int error = 3;
};

struct MigInstance {
  std::string uuid;
  uint64_t memory_bytes;
};

struct ForeignProcess {
  unsigned pid;
  uint64_t used_bytes;
};

struct Device {
  int index = 0; /* as NVML counts */
  std::string name, uuid, pci;
  uint64_t memory_bytes = 0, used_bytes = 0, foreign_bytes = 0;
  std::map<int, int> attributes;
  std::map<int, long long> pointer_attributes; /* overridden */
  std::map<std::string, Figure> figures;
  std::vector<MigInstance> mig;
  std::vector<ForeignProcess> processes;
  bool hidden = false, read_only_maps = true, own_process_seen = true;
  int lost = 0; /* what every call says once the device has fallen off the bus */
  CUresult sticky = CUDA_SUCCESS; /* to be met by the next call that works on the device */
  uint64_t copy_bytes_per_s = 0;

  std::unique_ptr<CUctx_st> primary;
  unsigned primary_references = 0, primary_flags = 0;
  std::set<CUcontext> contexts;
  bool engine_started = false;
  std::condition_variable work;

  int attribute(int which) const {
    auto found = attributes.find(which);
    return found == attributes.end() ? 0 : found->second;
  }
};

/* "The at-th call from now of `call`, and the `times` - 1 after it, return `code`." */
struct Failure {
  std::string call;
  uint64_t at, times;
  int code;
};

struct State {
  std::mutex mutex;
  std::condition_variable changed;

  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Device *> visible;
  std::vector<std::unique_ptr<Device>> retired; /* their threads may still look at them */
  bool initialised = false, stub = false;
  int driver_version = 13000, init_error = 0, nvml_init_error = 0;
  std::string driver_version_text = "580.65.06";
  std::map<std::string, Figure> system_figures;

  std::map<uint64_t, Allocation> allocations; /* by base */
  std::map<uint64_t, size_t> reservations;
  std::map<uint64_t, Physical> physical;
  uint64_t next_id = 1, next_handle = 1, sequence = 0, random = 1;
  std::map<std::string, uint64_t> calls;
  std::vector<Failure> failures;
  uint64_t launches = 0;
  unsigned delay_us = 0;
  bool held = false; /* no operation begins */
  Schedule schedule;
  std::string last_fault;

  uint64_t arena = 0, arena_bytes = 0, arena_next = 0;
  int arena_descriptor = -1;
};

State &state();

using Lock = std::unique_lock<std::mutex>;

/* Counts the call, and says whether it may go on: faults that were asked for, and whether cuInit came first. */
CUresult enter(const char *call, bool needs_init = true);
/* The calling thread's context, when it can be worked with. */
CUresult current(CUcontext *context);
std::vector<CUcontext> &context_stack();
bool is_context(CUcontext context);
Device *device_of_ordinal(int ordinal);
/* As CUDA shows the device: a MIG instance where there is one. */
std::string visible_uuid(const Device &device);
uint64_t visible_memory(const Device &device);

/* memory.cc */
const Allocation *find_allocation(uint64_t address);
/* Whether all of the range is device-accessible memory with this access; only then may an operation touch it. */
bool range_is_valid(uint64_t address, size_t bytes);
bool range_allows(uint64_t address, size_t bytes, int access);
bool is_device_address(uint64_t address);
bool is_pinned(const void *address, size_t bytes);
/* Looks at the bytes behind every allocation; false when a kernel wrote there. */
bool margins_are_whole(const Device &device, std::string *what);
void release_context_memory(CUcontext context);
void reset_memory();
bool flip_bit(long long which, uint64_t offset, int bit, std::string *why);

/* stream.cc */
bool is_stream(CUcontext context, CUstream stream);
CUstream resolve(CUcontext context, CUstream stream);
/* Puts work on the stream, or into the graph that is being captured from it. */
CUresult submit(CUstream stream, int node_type, std::function<CUresult()> run, uint64_t copied_bytes = 0);
std::shared_ptr<Completion> enqueue(CUstream stream, std::function<CUresult()> run, uint64_t copied_bytes = 0,
                                    std::shared_ptr<Completion> after = nullptr);
CUresult wait_for_stream(Lock &lock, CUstream stream);
CUresult wait_for_context(Lock &lock, CUcontext context);
CUresult wait_for(Lock &lock, CUcontext context, const std::shared_ptr<Completion> &completion);
void destroy_context(Lock &lock, CUcontext context);
CUcontext new_context(Device &device, unsigned flags);

/* module.cc */
void unload(CUmodule module);

/* control.cc */
void set_devices(State &state, size_t count);
void read_setup(State &state);
void choose_visible();
/* Ends everything and goes back to how the library was loaded. */
void reset(Lock &lock);
double now_ms();

}  // namespace fake

#define VRX_API extern "C" __attribute__((visibility("default"))) CUresult

/* Begins every function of the interface: takes the lock, counts, and lets asked-for faults happen. */
#define BEGIN(name)                                                        \
  fake::State &g = fake::state();                                          \
  fake::Lock lock(g.mutex);                                                \
  (void)g;                                                                 \
  if (CUresult refused = fake::enter(name); refused != CUDA_SUCCESS) return refused
#define NEED_CONTEXT(context)  \
  CUcontext context = nullptr; \
  if (CUresult refused = fake::current(&context); refused != CUDA_SUCCESS) return refused

#endif
