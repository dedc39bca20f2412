/* Modules, kernels and launches. A module's image is a shared object for this machine: see include/vrx_host_image.h. */
#include <dlfcn.h>
#include <elf.h>
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

#if defined(__x86_64__)
constexpr int MACHINE = EM_X86_64;
#elif defined(__aarch64__)
constexpr int MACHINE = EM_AARCH64;
#else
constexpr int MACHINE = EM_NONE;
#endif

/* The bytes of a shared object for this machine; 0 when the image is something else, such as a cubin or PTX. */
size_t size_of_image(const void *image) {
  Elf64_Ehdr header;
  memcpy(&header, image, SELFMAG);
  if (memcmp(&header, ELFMAG, SELFMAG) != 0) return 0;
  memcpy(&header, image, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN || header.e_machine != MACHINE) return 0;
  size_t end = header.e_shoff + static_cast<size_t>(header.e_shnum) * header.e_shentsize;
  for (int i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr part;
    memcpy(&part, static_cast<const char *>(image) + header.e_phoff + static_cast<size_t>(i) * header.e_phentsize, sizeof part);
    end = std::max<size_t>(end, part.p_offset + part.p_filesz);
  }
  return end;
}

bool write_all(int descriptor, const void *bytes, size_t count) {
  const char *next = static_cast<const char *>(bytes);
  while (count > 0) {
    ssize_t written = write(descriptor, next, count);
    if (written <= 0) return false;
    next += written;
    count -= static_cast<size_t>(written);
  }
  return true;
}

/* Every module has a copy of the image, and with it variables and shared memory of its own. */
CUresult load(CUcontext context, CUmodule *result, const void *image) {
  if (result == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  size_t bytes = size_of_image(image);
  if (bytes == 0) return CUDA_ERROR_NO_BINARY_FOR_GPU;
  auto module = std::make_unique<CUmod_st>();
  module->descriptor = memfd_create("vrx-fake-module", MFD_CLOEXEC);
  if (module->descriptor < 0 || !write_all(module->descriptor, image, bytes)) {
    if (module->descriptor >= 0) close(module->descriptor);
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", module->descriptor);
  module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  using Entry = const vrx_host_image *();
  Entry *entry = module->library == nullptr ? nullptr : reinterpret_cast<Entry *>(dlsym(module->library, "vrx_host_image_entry"));
  module->image = entry == nullptr ? nullptr : entry();
  if (module->image == nullptr || module->image->version != VRX_HOST_IMAGE_VERSION) {
    if (module->library == nullptr) {
      const char *why = dlerror();
      state().last_fault = why == nullptr ? "the image cannot be loaded" : why;
    }
    if (module->library != nullptr) dlclose(module->library);
    close(module->descriptor);
    return CUDA_ERROR_INVALID_IMAGE;
  }
  module->context = context;
  module->id = state().next_id++;
  *result = module.get();
  context->modules.insert(module.release());
  return CUDA_SUCCESS;
}

bool is_module(CUmodule module) {
  for (auto &device : state().devices)
    for (CUcontext context : device->contexts)
      if (context->modules.count(module) != 0) return true;
  return false;
}

bool is_function(CUfunction function) {
  for (auto &device : state().devices)
    for (CUcontext context : device->contexts)
      for (CUmodule module : context->modules)
        for (auto &[name, known] : module->functions)
          if (known.get() == function) return true;
  return false;
}

struct Launch {
  unsigned grid[3], block[3], shared;
  bool cooperative;
};

int occupancy(const Device &device, CUfunction function, size_t threads, size_t dynamic_shared) {
  (void)function;
  size_t shared = dynamic_shared + static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK));
  size_t warps = (threads + 31) / 32 * 32;
  size_t by_threads = static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR)) / warps;
  size_t by_shared = shared == 0 ? by_threads : static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR)) / shared;
  size_t by_blocks = static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR));
  return static_cast<int>(std::min({by_threads, by_shared, by_blocks}));
}

CUresult check(const Device &device, CUfunction function, const Launch &launch) {
  size_t threads = static_cast<size_t>(launch.block[0]) * launch.block[1] * launch.block[2];
  size_t blocks = static_cast<size_t>(launch.grid[0]) * launch.grid[1] * launch.grid[2];
  if (threads == 0 || blocks == 0) return CUDA_ERROR_INVALID_VALUE;
  for (int i = 0; i < 3; i++) {
    if (launch.block[i] > static_cast<unsigned>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + i))) return CUDA_ERROR_INVALID_VALUE;
    if (launch.grid[i] > static_cast<unsigned>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + i))) return CUDA_ERROR_INVALID_VALUE;
  }
  if (threads > static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK))) return CUDA_ERROR_INVALID_VALUE;
  if (launch.shared > static_cast<unsigned>(function->dynamic_shared_limit)) return CUDA_ERROR_INVALID_VALUE;
  if (launch.cooperative) {
    if (device.attribute(CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH) == 0) return CUDA_ERROR_NOT_SUPPORTED;
    size_t most = static_cast<size_t>(occupancy(device, function, threads, launch.shared)) *
                  static_cast<size_t>(device.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
    if (blocks > most) return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
  }
  return CUDA_SUCCESS;
}

CUresult code_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return CUDA_SUCCESS;
    case Outcome::illegal_address: return CUDA_ERROR_ILLEGAL_ADDRESS;
    case Outcome::misaligned: return CUDA_ERROR_MISALIGNED_ADDRESS;
    case Outcome::trap: return CUDA_ERROR_ILLEGAL_INSTRUCTION;
    case Outcome::assertion: return CUDA_ERROR_ASSERT;
    case Outcome::deadlock: return CUDA_ERROR_LAUNCH_FAILED;
    case Outcome::timeout: return CUDA_ERROR_LAUNCH_TIMEOUT;
    case Outcome::no_memory: return CUDA_ERROR_OUT_OF_MEMORY;
  }
  return CUDA_ERROR_UNKNOWN;
}

/* The launch as work for a stream or a graph, with a copy of the parameters as they are now. */
CUresult prepare_launch(CUfunction function, const Launch &launch, void **parameters, void **extra,
                        std::function<CUresult()> *work) {
  CUmodule module = function->module;
  Device *device = module->context->device;
  if (CUresult wrong = check(*device, function, launch); wrong != CUDA_SUCCESS) return wrong;
  const vrx_host_kernel *kernel = function->kernel;
  if (extra != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
  if (kernel->parameter_count > 0 && parameters == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::vector<std::vector<char>> values;
  for (size_t i = 0; i < kernel->parameter_count; i++) {
    const char *from = static_cast<const char *>(parameters[i]);
    if (from == nullptr) return CUDA_ERROR_INVALID_VALUE;
    values.emplace_back(from, from + kernel->parameter_sizes[i]);
  }
  size_t threads = static_cast<size_t>(launch.block[0]) * launch.block[1] * launch.block[2];
  size_t resident = static_cast<size_t>(std::max(1, occupancy(*device, function, threads, launch.shared))) *
                    static_cast<size_t>(device->attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
  *work = [=]() mutable {
    std::vector<void *> pointers;
    for (auto &value : values) pointers.push_back(value.data());
    GridRequest request = {};
    request.image = module->image;
    request.module = module->id;
    request.kernel = kernel;
    request.parameters = pointers.data();
    request.shape = {{launch.grid[0], launch.grid[1], launch.grid[2]}, {launch.block[0], launch.block[1], launch.block[2]}};
    request.dynamic_shared = launch.shared;
    request.cooperative = launch.cooperative;
    request.resident_blocks = resident;
    State &g = state();
    {
      Lock lock(g.mutex);
      request.schedule = g.schedule;
    }
    GridResult result = run_grid(request);
    Lock lock(g.mutex);
    g.launches++;
    std::string what;
    if (result.outcome == Outcome::ok && !margins_are_whole(*device, &what)) result = {Outcome::illegal_address, what};
    if (result.outcome != Outcome::ok) g.last_fault = std::string(kernel->name) + ": " + result.what;
    return code_of(result.outcome);
  };
  return CUDA_SUCCESS;
}

CUresult launch_now(CUcontext context, CUfunction function, const Launch &launch, CUstream handle, void **parameters,
                    void **extra) {
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  if (function->module->context != context) return CUDA_ERROR_INVALID_CONTEXT;
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::function<CUresult()> work;
  CUresult prepared = prepare_launch(function, launch, parameters, extra, &work);
  return prepared == CUDA_SUCCESS ? submit(stream, CU_GRAPH_NODE_TYPE_KERNEL, std::move(work)) : prepared;
}

}  // namespace

void unload(CUmodule module) {
  dlclose(module->library);
  close(module->descriptor);
  delete module;
}

}  // namespace fake

VRX_API cuModuleLoadData(CUmodule *module, const void *image) {
  BEGIN("cuModuleLoadData");
  NEED_CONTEXT(context);
  return load(context, module, image);
}

VRX_API cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, int *, void **) {
  BEGIN("cuModuleLoadDataEx");
  NEED_CONTEXT(context);
  return load(context, module, image);
}

VRX_API cuModuleLoadFatBinary(CUmodule *module, const void *image) {
  BEGIN("cuModuleLoadFatBinary");
  NEED_CONTEXT(context);
  return load(context, module, image);
}

VRX_API cuModuleUnload(CUmodule module) {
  BEGIN("cuModuleUnload");
  if (!is_module(module)) return CUDA_ERROR_INVALID_HANDLE;
  CUcontext context = module->context;
  wait_for_context(lock, context);
  if (!is_module(module)) return CUDA_ERROR_INVALID_HANDLE;
  context->modules.erase(module);
  unload(module);
  return CUDA_SUCCESS;
}

VRX_API cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  BEGIN("cuModuleGetFunction");
  if (function == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_module(module)) return CUDA_ERROR_INVALID_HANDLE;
  auto &known = module->functions[name];
  for (auto kernel = module->image->kernels; known == nullptr && kernel != nullptr; kernel = kernel->next) {
    if (strcmp(kernel->name, name) != 0) continue;
    known = std::make_unique<CUfunc_st>();
    known->module = module;
    known->kernel = kernel;
  }
  if (known == nullptr) {
    module->functions.erase(name);
    return CUDA_ERROR_NOT_FOUND;
  }
  *function = known.get();
  return CUDA_SUCCESS;
}

VRX_API cuModuleGetFunctionCount(unsigned *count, CUmodule module) {
  BEGIN("cuModuleGetFunctionCount");
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_module(module)) return CUDA_ERROR_INVALID_HANDLE;
  *count = 0;
  for (auto kernel = module->image->kernels; kernel != nullptr; kernel = kernel->next) ++*count;
  return CUDA_SUCCESS;
}

VRX_API cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name) {
  BEGIN("cuModuleGetGlobal_v2");
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_module(module)) return CUDA_ERROR_INVALID_HANDLE;
  for (auto variable = module->image->variables; variable != nullptr; variable = variable->next) {
    if (strcmp(variable->name, name) != 0) continue;
    if (address != nullptr) *address = reinterpret_cast<CUdeviceptr>(variable->address);
    if (bytes != nullptr) *bytes = variable->bytes;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

VRX_API cuFuncGetAttribute(int *value, int attribute, CUfunction function) {
  BEGIN("cuFuncGetAttribute");
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  const Device &device = *function->module->context->device;
  int capability = device.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 + device.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = device.attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = 64;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = capability;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = function->dynamic_shared_limit;
      return CUDA_SUCCESS;
    default:
      *value = 0;
      return attribute >= 0 && attribute < 16 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  }
}

VRX_API cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  BEGIN("cuFuncSetAttribute");
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
    return attribute == 9 || attribute == 14 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  if (value < 0 || value > function->module->context->device->attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN))
    return CUDA_ERROR_INVALID_VALUE;
  function->dynamic_shared_limit = value;
  return CUDA_SUCCESS;
}

VRX_API cuFuncSetCacheConfig(CUfunction function, int) {
  BEGIN("cuFuncSetCacheConfig");
  return is_function(function) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

VRX_API cuFuncGetName(const char **name, CUfunction function) {
  BEGIN("cuFuncGetName");
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  *name = function->kernel->name;
  return CUDA_SUCCESS;
}

/* Parameters lie one after the other, each at a multiple of its alignment, as they do in a GPU's parameter space. */
VRX_API cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *bytes) {
  BEGIN("cuFuncGetParamInfo");
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  const vrx_host_kernel &kernel = *function->kernel;
  if (index >= kernel.parameter_count) return CUDA_ERROR_INVALID_VALUE;
  size_t end = 0, begin = 0;
  for (size_t i = 0; i <= index; i++) {
    size_t size = kernel.parameter_sizes[i], alignment = size >= 16 && size % 16 == 0 ? 16 : size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;
    begin = (end + alignment - 1) / alignment * alignment;
    end = begin + size;
  }
  if (offset != nullptr) *offset = begin;
  if (bytes != nullptr) *bytes = kernel.parameter_sizes[index];
  return CUDA_SUCCESS;
}

VRX_API cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, CUstream stream, void **parameters, void **extra) {
  BEGIN("cuLaunchKernel");
  NEED_CONTEXT(context);
  return launch_now(context, function, {{gx, gy, gz}, {bx, by, bz}, shared, false}, stream, parameters, extra);
}

VRX_API cuLaunchCooperativeKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                  unsigned bz, unsigned shared, CUstream stream, void **parameters) {
  BEGIN("cuLaunchCooperativeKernel");
  NEED_CONTEXT(context);
  return launch_now(context, function, {{gx, gy, gz}, {bx, by, bz}, shared, true}, stream, parameters, nullptr);
}

VRX_API cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra) {
  BEGIN("cuLaunchKernelEx");
  NEED_CONTEXT(context);
  if (config == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Launch launch = {{config->gridDimX, config->gridDimY, config->gridDimZ},
                   {config->blockDimX, config->blockDimY, config->blockDimZ},
                   config->sharedMemBytes,
                   false};
  for (unsigned i = 0; i < config->numAttrs; i++)
    if (config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE && config->attrs[i].value.cooperative != 0) launch.cooperative = true;
  return launch_now(context, function, launch, config->hStream, parameters, extra);
}

VRX_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads, size_t shared) {
  BEGIN("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  if (blocks == nullptr || threads <= 0) return CUDA_ERROR_INVALID_VALUE;
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  *blocks = occupancy(*function->module->context->device, function, static_cast<size_t>(threads), shared);
  return CUDA_SUCCESS;
}

VRX_API cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function, int threads, size_t shared, unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared);
}

VRX_API cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction function, size_t (*shared_of)(int), size_t shared, int limit) {
  BEGIN("cuOccupancyMaxPotentialBlockSize");
  if (grid == nullptr || block == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_function(function)) return CUDA_ERROR_INVALID_HANDLE;
  const Device &device = *function->module->context->device;
  int most = device.attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK), best = 0;
  if (limit > 0 && limit < most) most = limit;
  *block = 32;
  for (int threads = 32; threads <= most; threads += 32) {
    size_t wanted = shared_of != nullptr ? shared_of(threads) : shared;
    int resident = occupancy(device, function, static_cast<size_t>(threads), wanted) * threads;
    if (resident < best) continue;
    best = resident;
    *block = threads;
  }
  *grid = std::max(1, best / *block) * device.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  return CUDA_SUCCESS;
}

/* ---- Graphs ---- */

namespace {

bool is_graph(CUgraph graph) {
  for (auto &device : state().devices)
    for (CUcontext context : device->contexts)
      if (context->graphs.count(graph) != 0) return true;
  return false;
}

bool is_executable(CUgraphExec executable) {
  for (auto &device : state().devices)
    for (CUcontext context : device->contexts)
      if (context->executables.count(executable) != 0) return true;
  return false;
}

CUresult add_node(CUgraph graph, CUgraphNode *result, const CUgraphNode *dependencies, size_t count, int type,
                  std::function<CUresult()> run) {
  if (result == nullptr || (count > 0 && dependencies == nullptr)) return CUDA_ERROR_INVALID_VALUE;
  if (!is_graph(graph)) return CUDA_ERROR_INVALID_HANDLE;
  auto node = std::make_unique<CUgraphNode_st>();
  for (size_t i = 0; i < count; i++) {
    if (dependencies[i]->graph != graph) return CUDA_ERROR_INVALID_VALUE;
    node->dependencies.push_back(dependencies[i]);
  }
  node->type = type;
  node->run = std::move(run);
  node->graph = graph;
  *result = node.get();
  graph->nodes.push_back(std::move(node));
  return CUDA_SUCCESS;
}

CUresult instantiate(CUgraphExec *result, CUgraph graph) {
  if (result == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_graph(graph)) return CUDA_ERROR_INVALID_HANDLE;
  auto executable = std::make_unique<CUgraphExec_st>();
  executable->context = graph->context;
  for (auto &node : graph->nodes) {
    executable->steps.push_back(node->run);
    executable->origins.push_back(node.get());
  }
  *result = executable.get();
  graph->context->executables.insert(executable.release());
  return CUDA_SUCCESS;
}

CUresult kernel_work(const CUDA_KERNEL_NODE_PARAMS *p, std::function<CUresult()> *work) {
  if (p == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_function(p->func)) return CUDA_ERROR_INVALID_HANDLE;
  Launch launch = {{p->gridDimX, p->gridDimY, p->gridDimZ}, {p->blockDimX, p->blockDimY, p->blockDimZ}, p->sharedMemBytes, false};
  return prepare_launch(p->func, launch, p->kernelParams, p->extra, work);
}

CUresult memset_work(const CUDA_MEMSET_NODE_PARAMS *p, std::function<CUresult()> *work) {
  if (p == nullptr || (p->elementSize != 1 && p->elementSize != 2 && p->elementSize != 4) || p->height == 0)
    return CUDA_ERROR_INVALID_VALUE;
  CUDA_MEMSET_NODE_PARAMS fill = *p;
  size_t row = fill.width * fill.elementSize, all = fill.height == 1 ? row : fill.pitch * (fill.height - 1) + row;
  if (!range_is_valid(fill.dst, all)) return CUDA_ERROR_INVALID_VALUE;
  *work = [fill] {
    for (size_t y = 0; y < fill.height; y++)
      for (size_t x = 0; x < fill.width; x++)
        memcpy(reinterpret_cast<char *>(fill.dst) + y * fill.pitch + x * fill.elementSize, &fill.value, fill.elementSize);
    return CUDA_SUCCESS;
  };
  return CUDA_SUCCESS;
}

CUresult memcpy_work(const CUDA_MEMCPY3D *p, std::function<CUresult()> *work) {
  if (p == nullptr || p->Height > 1 || p->Depth > 1 || p->srcMemoryType == 3 || p->dstMemoryType == 3)
    return CUDA_ERROR_NOT_SUPPORTED;
  uint64_t from = (p->srcMemoryType == 1 ? reinterpret_cast<uint64_t>(p->srcHost) : p->srcDevice) + p->srcXInBytes;
  uint64_t to = (p->dstMemoryType == 1 ? reinterpret_cast<uint64_t>(p->dstHost) : p->dstDevice) + p->dstXInBytes;
  size_t bytes = p->WidthInBytes;
  if ((p->srcMemoryType == 2 && !range_is_valid(from, bytes)) || (p->dstMemoryType == 2 && !range_is_valid(to, bytes)))
    return CUDA_ERROR_INVALID_VALUE;
  *work = [=] {
    memmove(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    return CUDA_SUCCESS;
  };
  return CUDA_SUCCESS;
}

}  // namespace

VRX_API cuStreamBeginCapture_v2(CUstream handle, int mode) {
  BEGIN("cuStreamBeginCapture_v2");
  NEED_CONTEXT(context);
  if (mode < 0 || mode > 2) return CUDA_ERROR_INVALID_VALUE;
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (stream == context->null_stream.get()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = new CUgraph_st;
  stream->capture->context = context;
  stream->capture_origin = true;
  stream->capture_invalid = false;
  return CUDA_SUCCESS;
}

VRX_API cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  BEGIN("cuStreamEndCapture");
  NEED_CONTEXT(context);
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (stream->capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  if (!stream->capture_origin) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  CUgraph made = stream->capture;
  bool invalid = stream->capture_invalid;
  for (CUstream other : context->streams) {
    if (other->capture != made) continue;
    invalid = invalid || other->capture_invalid;
    other->capture = nullptr;
    other->capture_origin = other->capture_invalid = false;
  }
  for (CUevent event : context->events)
    if (event->captured_in == made) event->captured_in = nullptr;
  if (invalid) {
    delete made;
    *graph = nullptr;
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  context->graphs.insert(made);
  *graph = made;
  return CUDA_SUCCESS;
}

VRX_API cuStreamIsCapturing(CUstream handle, int *status) {
  BEGIN("cuStreamIsCapturing");
  NEED_CONTEXT(context);
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  if (status == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *status = stream->capture == nullptr ? CU_STREAM_CAPTURE_STATUS_NONE
            : stream->capture_invalid  ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                       : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  return CUDA_SUCCESS;
}

VRX_API cuThreadExchangeStreamCaptureMode(int *mode) {
  BEGIN("cuThreadExchangeStreamCaptureMode");
  thread_local int current_mode = 0;
  if (mode == nullptr || *mode < 0 || *mode > 2) return CUDA_ERROR_INVALID_VALUE;
  std::swap(*mode, current_mode);
  return CUDA_SUCCESS;
}

VRX_API cuGraphCreate(CUgraph *graph, unsigned flags) {
  BEGIN("cuGraphCreate");
  NEED_CONTEXT(context);
  if (graph == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  *graph = new CUgraph_st;
  (*graph)->context = context;
  context->graphs.insert(*graph);
  return CUDA_SUCCESS;
}

VRX_API cuGraphDestroy(CUgraph graph) {
  BEGIN("cuGraphDestroy");
  if (!is_graph(graph)) return CUDA_ERROR_INVALID_VALUE;
  graph->context->graphs.erase(graph);
  delete graph;
  return CUDA_SUCCESS;
}

VRX_API cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
  BEGIN("cuGraphGetNodes");
  if (!is_graph(graph) || count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; nodes != nullptr && i < std::min(*count, graph->nodes.size()); i++) nodes[i] = graph->nodes[i].get();
  *count = nodes == nullptr ? graph->nodes.size() : std::min(*count, graph->nodes.size());
  return CUDA_SUCCESS;
}

VRX_API cuGraphNodeGetType(CUgraphNode node, int *type) {
  BEGIN("cuGraphNodeGetType");
  if (node == nullptr || type == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *type = node->type;
  return CUDA_SUCCESS;
}

VRX_API cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, const CUDA_KERNEL_NODE_PARAMS *parameters) {
  BEGIN("cuGraphAddKernelNode_v2");
  std::function<CUresult()> work;
  CUresult result = kernel_work(parameters, &work);
  return result == CUDA_SUCCESS ? add_node(graph, node, after, count, CU_GRAPH_NODE_TYPE_KERNEL, std::move(work)) : result;
}

VRX_API cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, const CUDA_MEMSET_NODE_PARAMS *parameters, CUcontext) {
  BEGIN("cuGraphAddMemsetNode");
  std::function<CUresult()> work;
  CUresult result = memset_work(parameters, &work);
  return result == CUDA_SUCCESS ? add_node(graph, node, after, count, CU_GRAPH_NODE_TYPE_MEMSET, std::move(work)) : result;
}

VRX_API cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, const CUDA_MEMCPY3D *parameters, CUcontext) {
  BEGIN("cuGraphAddMemcpyNode");
  std::function<CUresult()> work;
  CUresult result = memcpy_work(parameters, &work);
  return result == CUDA_SUCCESS ? add_node(graph, node, after, count, CU_GRAPH_NODE_TYPE_MEMCPY, std::move(work)) : result;
}

VRX_API cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count) {
  BEGIN("cuGraphAddEmptyNode");
  return add_node(graph, node, after, count, CU_GRAPH_NODE_TYPE_EMPTY, [] { return CUDA_SUCCESS; });
}

VRX_API cuGraphExecKernelNodeSetParams_v2(CUgraphExec executable, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *parameters) {
  BEGIN("cuGraphExecKernelNodeSetParams_v2");
  if (!is_executable(executable)) return CUDA_ERROR_INVALID_VALUE;
  auto found = std::find(executable->origins.begin(), executable->origins.end(), node);
  if (found == executable->origins.end() || node->type != CU_GRAPH_NODE_TYPE_KERNEL) return CUDA_ERROR_INVALID_VALUE;
  std::function<CUresult()> work;
  CUresult result = kernel_work(parameters, &work);
  if (result == CUDA_SUCCESS) executable->steps[static_cast<size_t>(found - executable->origins.begin())] = std::move(work);
  return result;
}

VRX_API cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long) {
  BEGIN("cuGraphInstantiateWithFlags");
  return instantiate(executable, graph);
}

VRX_API cuGraphInstantiate_v2(CUgraphExec *executable, CUgraph graph, CUgraphNode *, char *, size_t) {
  BEGIN("cuGraphInstantiate_v2");
  return instantiate(executable, graph);
}

VRX_API cuGraphExecDestroy(CUgraphExec executable) {
  BEGIN("cuGraphExecDestroy");
  if (!is_executable(executable)) return CUDA_ERROR_INVALID_VALUE;
  executable->context->executables.erase(executable);
  delete executable;
  return CUDA_SUCCESS;
}

VRX_API cuGraphUpload(CUgraphExec executable, CUstream) {
  BEGIN("cuGraphUpload");
  return is_executable(executable) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

VRX_API cuGraphLaunch(CUgraphExec executable, CUstream handle) {
  BEGIN("cuGraphLaunch");
  NEED_CONTEXT(context);
  if (!is_executable(executable)) return CUDA_ERROR_INVALID_VALUE;
  CUstream stream = resolve(context, handle);
  if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  /* The launch runs what the graph is now, whatever is set later. */
  auto steps = executable->steps;
  return submit(stream, CU_GRAPH_NODE_TYPE_EMPTY, [steps] {
    for (auto &step : steps)
      if (CUresult result = step(); result != CUDA_SUCCESS) return result;
    return CUDA_SUCCESS;
  });
}
