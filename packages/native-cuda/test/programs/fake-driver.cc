/*
 * Uses the fake driver as a program linked to CUDA would, and checks what it does: usage: fake-driver LIBRARY IMAGE. Prints
 * what is wrong, and at the end how many checks there were.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "cuda_types.h"

static void *library;
static int checks, failures;

static void *symbol(const char *name) {
  void *found = dlsym(library, name);
  if (found == nullptr) {
    printf("there is no %s\n", name);
    exit(1);
  }
  return found;
}
/* Calls a function by its name, with the types of the arguments given. */
template <class... A>
static int call(const char *name, A... arguments) {
  return reinterpret_cast<int (*)(A...)>(symbol(name))(arguments...);
}

#define CHECK(condition)                                           \
  do {                                                             \
    checks++;                                                      \
    if (!(condition)) {                                            \
      failures++;                                                  \
      printf("%d: %s, fault: %s\n", __LINE__, #condition, last_fault().c_str()); \
    }                                                              \
  } while (0)

static std::string control(const char *request) {
  static char reply[16384];
  long length = reinterpret_cast<long (*)(const char *, char *, size_t)>(symbol("vrxFakeDriver"))(request, reply, sizeof reply);
  return length < 0 ? std::string("error: ") + reply : reply;
}
static std::string last_fault() {
  std::string all = control("statistics");
  size_t at = all.find("\"last_fault\":");
  return all.substr(at + 13, all.find(",\"calls\"") - at - 13);
}
static bool has(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

static std::vector<char> image;
static CUcontext context;
static CUmodule module;

static CUfunction function(const char *name) {
  CUfunction found = nullptr;
  CHECK(call("cuModuleGetFunction", &found, module, name) == 0);
  return found;
}
/* A context from nothing, as after `request`. */
static void begin(const char *request = "") {
  control("reset");
  CHECK(!has(control(request), "error"));
  CHECK(call("cuInit", 0u) == 0);
  CHECK(call("cuDevicePrimaryCtxRetain", &context, 0) == 0);
  CHECK(call("cuCtxSetCurrent", context) == 0);
  CHECK(call("cuModuleLoadData", &module, static_cast<const void *>(image.data())) == 0);
}
static CUdeviceptr allocate(size_t bytes) {
  CUdeviceptr address = 0;
  CHECK(call("cuMemAlloc_v2", &address, bytes) == 0);
  return address;
}
template <class T>
static CUdeviceptr upload(const std::vector<T> &values) {
  CUdeviceptr address = allocate(values.size() * sizeof(T));
  CHECK(call("cuMemcpyHtoD_v2", address, static_cast<const void *>(values.data()), values.size() * sizeof(T)) == 0);
  return address;
}
template <class T>
static std::vector<T> download(CUdeviceptr address, size_t count) {
  std::vector<T> values(count);
  CHECK(call("cuMemcpyDtoH_v2", static_cast<void *>(values.data()), address, count * sizeof(T)) == 0);
  return values;
}
template <class... P>
static int launch_in(CUstream stream, const char *name, unsigned grid, unsigned block, unsigned shared, P... parameters) {
  void *pointers[] = {&parameters..., nullptr};
  return call("cuLaunchKernel", function(name), grid, 1u, 1u, block, 1u, 1u, shared, stream, pointers, static_cast<void **>(nullptr));
}
template <class... P>
static int launch(const char *name, unsigned grid, unsigned block, unsigned shared, P... parameters) {
  return launch_in(static_cast<CUstream>(nullptr), name, grid, block, shared, parameters...);
}
static int synchronize() { return call("cuCtxSynchronize"); }

static void computes(const char *schedule) {
  begin(schedule);
  std::vector<float> x(1000, 2), y(1000, 1);
  CUdeviceptr dx = upload(x), dy = upload(y);
  CHECK(launch("saxpy", 4, 256, 0, dy, dx, 3.0f, 1000u) == 0);
  y = download<float>(dy, 1000);
  CHECK(y[0] == 7 && y[999] == 7);

  CUdeviceptr spots = allocate(24 * 30 * 4);
  void *parameters[] = {&spots};
  CHECK(call("cuLaunchKernel", function("places"), 2u, 3u, 4u, 5u, 3u, 2u, 0u, static_cast<CUstream>(nullptr), parameters, static_cast<void **>(nullptr)) == 0);
  auto found = download<uint32_t>(spots, 24 * 30);
  bool all = true;
  for (uint32_t i = 0; i < found.size(); i++) all = all && found[i] == ((i / 30) << 16 | i % 30);
  CHECK(all);

  for (const char *kernel : {"reverse_static", "reverse_dynamic"}) {
    std::vector<uint32_t> data(512);
    for (uint32_t i = 0; i < 512; i++) data[i] = i;
    CUdeviceptr d = upload(data);
    CHECK(launch(kernel, 4, 128, kernel[8] == 'd' ? 512 : 0, d, 1u) == 0);
    data = download<uint32_t>(d, 512);
    CHECK(data[0] == 127 && data[127] == 0 && data[511] == 384);
    /* Without its barrier the kernel reads what nobody has written yet, under every order. */
    CHECK(launch(kernel, 4, 128, kernel[8] == 'd' ? 512 : 0, d, 0u) == 0);
    bool wrong = false;
    for (uint32_t value : download<uint32_t>(d, 512)) wrong = wrong || value == 0xffffffffu;
    CHECK(wrong);
  }

  CUdeviceptr w = allocate(64 * 16 * 4);
  CHECK(launch("warps", 1, 64, 0, w) == 0);
  auto r = download<uint32_t>(w, 64 * 16);
  const uint32_t *t = r.data() + 40 * 16; /* lane 8 of the second warp */
  CHECK(t[0] == 15 && t[1] == 6 && t[2] == 11 && t[3] == 1 && t[4] == 11);
  CHECK(t[5] == 0x49249249u && t[6] == 2 && t[7] == 496 && t[8] == 0x11111111u);
  CHECK(t[9] == 7 && r[(32 + 17) * 16 + 9] == 20 && t[10] == 11);
  CHECK(t[11] == 13 && t[12] == 2);
  CHECK(t[13] == 0xef012345u && t[14] == 0x77553311u && t[15] == 1u + 28 + 4 + 0x80000000u);
  CHECK(r[1] == 0 && r[16 + 1] == 1 && r[31 * 16 + 2] == 31);

  std::vector<uint32_t> numbers(1000), bins(17);
  for (uint32_t i = 0; i < 1000; i++) numbers[i] = i;
  CUdeviceptr dn = upload(numbers), db = upload(bins), ds = upload(std::vector<float>{1});
  CHECK(launch("count", 8, 128, 0, dn, 1000u, db, ds) == 0);
  bins = download<uint32_t>(db, 17);
  CHECK(bins[0] == 63 && bins[15] == 62 && bins[16] == 999 && download<float>(ds, 1)[0] == 501);

  CUdeviceptr partial = allocate(16 * 4), sums = allocate(16 * 4);
  void *grid_parameters[] = {&dn, &partial, &sums};
  CHECK(call("cuLaunchCooperativeKernel", function("grid_sum"), 10u, 1u, 1u, 100u, 1u, 1u, 0u, static_cast<CUstream>(nullptr), grid_parameters) == 0);
  auto totals = download<uint32_t>(sums, 10);
  CHECK(totals[0] == 499500 + 4950 && totals[9] == 499500 + 94950);

  CUdeviceptr flag = upload(std::vector<uint32_t>{0, 0});
  CHECK(launch("handshake", 6, 1, 0, flag, flag + 4) == 0);
  CHECK(download<uint32_t>(flag, 2)[1] == 42);

  CUdeviceptr number = allocate(4), global = 0;
  size_t bytes = 0;
  CHECK(launch("next", 1, 1, 0, number) == 0 && launch("next", 1, 1, 0, number) == 0);
  CHECK(download<uint32_t>(number, 1)[0] == 6);
  CHECK(call("cuModuleGetGlobal_v2", &global, &bytes, module, "counter") == 0 && bytes == 4);
  /* Another module of the same image has its own. */
  CUmodule first = module;
  CHECK(call("cuModuleLoadData", &module, static_cast<const void *>(image.data())) == 0);
  CHECK(launch("next", 1, 1, 0, number) == 0 && download<uint32_t>(number, 1)[0] == 5);
  CHECK(call("cuModuleUnload", first) == 0 && call("cuModuleUnload", first) == 400);
}

static void rounds_halves() {
  begin();
  std::vector<float> in = {0.0f, -0.0f, 1.0f, 65504.0f, 65519.9f, 65520.0f, 1e-8f, 5.9604645e-8f, 6.1035156e-5f, 6.09756e-5f,
                           1.0009766f, 1.0004883f, 1.0014648f, INFINITY, -INFINITY, NAN, 3.1415927f, 2.98e-8f};
  uint32_t n = static_cast<uint32_t>(in.size());
  CUdeviceptr di = upload(in), out = allocate(n * 16);
  CHECK(launch("halves", 1, 32, 0, di, out, n) == 0);
  auto r = download<uint32_t>(out, n * 4);
  const uint32_t half[] = {0, 0x8000, 0x3c00, 0x7bff, 0x7bff, 0x7c00, 0, 1, 0x0400, 0x03ff, 0x3c01, 0x3c00, 0x3c02, 0x7c00, 0xfc00, 0x7fff, 0x4248, 0};
  for (uint32_t i = 0; i < n; i++) CHECK(r[4 * i] == half[i]);
  CHECK(r[4 * 2 + 2] == 0x3f80 && r[4 * 16 + 2] == 0x4049 && r[4 * 10 + 2] == 0x3f80 && r[4 * 15 + 2] == 0x7fff);
  for (uint32_t i = 0; i < n; i++) {
    float back;
    memcpy(&back, &r[4 * i + 1], 4);
    if (i != 15 && fabsf(in[i]) < 65505 && fabsf(in[i]) > 6e-5f) CHECK(fabsf(back - in[i]) <= fabsf(in[i]) / 2048);
  }
}

/* Each of these leaves the context with an error that every call meets, until it is made anew. */
static void catches_wrong_kernels() {
  struct {
    const char *what;
    int code;
    const char *says;
    int (*run)();
  } cases[] = {
      {"far away", 700, "an access to", [] { return launch("write_at", 1, 1, 0, allocate(1000), uint64_t{1} << 20); }},
      {"just behind", 700, "behind the end of an allocation of 1000 bytes", [] { return launch("write_at", 1, 1, 0, allocate(1000), uint64_t{1000}); }},
      {"freed", 700, "an access to", [] {
         CUdeviceptr gone = allocate(64);
         CHECK(call("cuMemFree_v2", gone) == 0);
         return launch("write_at", 1, 1, 0, gone, uint64_t{0});
       }},
      {"null", 700, "an access to", [] { return launch("write_at", 1, 1, 0, CUdeviceptr{0}, uint64_t{8}); }},
      {"barrier", 719, "wait at a barrier", [] { return launch("half_a_barrier", 1, 64, 0); }},
      {"assert", 710, "x == 1", [] { return launch("fail_assert", 2, 2, 0, 7u); }},
      {"division", 715, "division by zero in thread (0,0,0) of block (0,0,0)", [] { return launch("divide", 1, 1, 0, allocate(4), 0u); }},
      {"grid barrier", 715, "not cooperative", [] { return launch("meet_without_leave", 2, 2, 0); }},
#if !defined(__SANITIZE_ADDRESS__)
      /* Under the sanitizer a frame is too large for the guard page to be hit first. */
      {"stack", 700, "an access to", [] { return launch("recurse", 1, 1, 0, 100u, allocate(4)); }},
#endif
  };
  for (auto &each : cases) {
    begin();
    CHECK(each.run() == 0);
    int code = synchronize();
    if (code != each.code || !has(last_fault(), each.says)) printf("%s: %d %s\n", each.what, code, last_fault().c_str());
    CHECK(code == each.code && has(last_fault(), each.says));
    CUdeviceptr none;
    CHECK(call("cuMemAlloc_v2", &none, size_t{16}) == each.code);
    CHECK(call("cuDevicePrimaryCtxReset_v2", 0) == 0);
    CHECK(has(control("statistics"), "\"device_allocations\":0"));
    CHECK(call("cuDevicePrimaryCtxRetain", &context, 0) == 0 && call("cuCtxSetCurrent", context) == 0 && synchronize() == 0);
  }
}

static void refuses_what_is_wrong() {
  begin();
  CUdeviceptr d = allocate(1000), none;
  char host[2000] = {0};
  CHECK(call("cuMemcpyHtoD_v2", d, static_cast<const void *>(host), size_t{1001}) == 1);
  CHECK(call("cuMemcpyDtoH_v2", static_cast<void *>(host), d + 500, size_t{501}) == 1);
  CHECK(call("cuMemcpyHtoD_v2", d + 1200, static_cast<const void *>(host), size_t{1}) == 1);
  CHECK(call("cuMemcpyHtoD_v2", d, static_cast<const void *>(nullptr), size_t{1}) == 1);
  CHECK(call("cuMemAlloc_v2", &none, size_t{0}) == 1);
  CHECK(call("cuMemAlloc_v2", &none, size_t{1} << 40) == 2);
  CHECK(call("cuMemFree_v2", d + 8) == 1 && call("cuMemFree_v2", d) == 0 && call("cuMemFree_v2", d) == 1);
  CHECK(launch("saxpy", 1, 1025, 0, d, d, 1.0f, 0u) == 1);
  CHECK(launch("saxpy", 0, 32, 0, d, d, 1.0f, 0u) == 1);
  CHECK(launch("saxpy", 1, 32, 49 * 1024, d, d, 1.0f, 0u) == 1);
  CHECK(call("cuFuncSetAttribute", function("saxpy"), 8, 100 * 1024) == 0);
  CHECK(launch("saxpy", 1, 32, 99 * 1024, d, d, 1.0f, 0u) == 0);
  CHECK(call("cuFuncSetAttribute", function("saxpy"), 8, 300 * 1024) == 1);
  void *parameters[] = {&d, &d, &d};
  CHECK(call("cuLaunchCooperativeKernel", function("grid_sum"), 1000u, 1u, 1u, 1024u, 1u, 1u, 0u, static_cast<CUstream>(nullptr), parameters) == 720);
  CUfunction missing;
  CHECK(call("cuModuleGetFunction", &missing, module, "nothing") == 500);
  CUmodule bad;
  CHECK(call("cuModuleLoadData", &bad, static_cast<const void *>(".version 8.0\n.target sm_75\n")) == 209);
  char cubin[64] = "\177ELF\2\1\1";
  cubin[18] = static_cast<char>(190); /* EM_CUDA */
  CHECK(call("cuModuleLoadData", &bad, static_cast<const void *>(cubin)) == 209);
  CHECK(call("cuStreamSynchronize", reinterpret_cast<CUstream>(host)) == 400);
  size_t offset, bytes;
  CHECK(call("cuFuncGetParamInfo", function("saxpy"), size_t{2}, &offset, &bytes) == 0 && offset == 16 && bytes == 4);
  CHECK(call("cuFuncGetParamInfo", function("saxpy"), size_t{4}, &offset, &bytes) == 1);
  int device;
  CHECK(call("cuDeviceGet", &device, 1) == 101);
  CUcontext other = nullptr;
  int from_thread = 0;
  std::thread([&] { from_thread = call("cuMemAlloc_v2", &none, size_t{8}); }).join();
  CHECK(from_thread == 201);
  CHECK(call("cuCtxCreate_v2", &other, 0u, 0) == 0);
  CHECK(call("cuLaunchKernel", function("next"), 1u, 1u, 1u, 1u, 1u, 1u, 0u, static_cast<CUstream>(nullptr), parameters, static_cast<void **>(nullptr)) == 201);
  CHECK(call("cuCtxDestroy_v2", other) == 0 && call("cuCtxSetCurrent", other) == 201);
  CHECK(call("cuCtxSetCurrent", context) == 0);
}

static void keeps_order() {
  begin("delay_us 2000");
  CUstream a, b;
  CUevent event;
  CHECK(call("cuStreamCreate", &a, 1u) == 0 && call("cuStreamCreate", &b, 1u) == 0 && call("cuEventCreate", &event, 0u) == 0);
  std::vector<uint32_t> data(64);
  CUdeviceptr d = upload(data);
  void *pinned = nullptr;
  CHECK(call("cuMemHostAlloc", &pinned, size_t{256}, 0u) == 0);
  memset(pinned, 0x11, 256);
  control("held 1");
  CHECK(call("cuMemcpyHtoDAsync_v2", d, static_cast<const void *>(pinned), size_t{256}, a) == 0);
  /* It has not happened yet: who does not wait reads what was there before. */
  CHECK(call("cuStreamQuery", a) == 600);
  CHECK(call("cuEventRecord", event, a) == 0 && call("cuEventQuery", event) == 600);
  CHECK(call("cuStreamWaitEvent", b, event, 0u) == 0);
  CHECK(launch_in(b, "reverse_static", 1, 64, 0, d, 1u) == 0);
  CHECK(call("cuStreamQuery", b) == 600);
  control("held 0");
  CHECK(call("cuStreamSynchronize", b) == 0);
  CHECK(download<uint32_t>(d, 64)[0] == 0x11111111u);
  CUevent end;
  float ms = -1;
  control("held 1");
  CHECK(call("cuEventCreate", &end, 0u) == 0 && call("cuEventRecord", end, b) == 0);
  CHECK(call("cuEventElapsedTime", &ms, event, end) == 600);
  control("held 0");
  CHECK(call("cuEventSynchronize", end) == 0 && call("cuEventElapsedTime", &ms, event, end) == 0 && ms >= 2 && ms < 10000);

  /* A graph from a captured stream, run twice. */
  CUgraph graph;
  CUgraphExec executable;
  size_t nodes = 0;
  CUdeviceptr n = upload(std::vector<uint32_t>{0});
  CHECK(call("cuStreamBeginCapture_v2", a, 2) == 0);
  CHECK(launch_in(a, "next", 1, 1, 0, n) == 0);
  CHECK(call("cuMemsetD32Async", d, 9u, size_t{64}, a) == 0);
  CHECK(call("cuMemcpyDtoDAsync_v2", d, n, size_t{4}, a) == 0);
  CHECK(call("cuStreamSynchronize", a) == 900);
  CHECK(call("cuStreamEndCapture", a, &graph) == 901);
  CHECK(call("cuStreamBeginCapture_v2", a, 2) == 0 && launch_in(a, "next", 1, 1, 0, n) == 0);
  CHECK(call("cuMemsetD32Async", d, 9u, size_t{64}, a) == 0 && call("cuMemcpyDtoDAsync_v2", d, n, size_t{4}, a) == 0);
  CHECK(call("cuStreamEndCapture", a, &graph) == 0);
  CHECK(call("cuGraphGetNodes", graph, static_cast<CUgraphNode *>(nullptr), &nodes) == 0 && nodes == 3);
  CHECK(call("cuGraphInstantiateWithFlags", &executable, graph, 0ull) == 0 && call("cuGraphDestroy", graph) == 0);
  CHECK(call("cuGraphLaunch", executable, a) == 0 && call("cuGraphLaunch", executable, a) == 0);
  CHECK(call("cuStreamSynchronize", a) == 0);
  auto after = download<uint32_t>(d, 64);
  CHECK(after[0] == 6 && after[1] == 9);
  CHECK(call("cuGraphExecDestroy", executable) == 0 && call("cuMemFreeHost", pinned) == 0);
}

static void shares_memory() {
  begin();
  size_t granularity = 0;
  CUmemAllocationProp properties = {};
  properties.type = 1;
  properties.requestedHandleTypes = 1;
  properties.location = {1, 0};
  CHECK(call("cuMemGetAllocationGranularity", &granularity, const_cast<const CUmemAllocationProp *>(&properties), 0) == 0);
  CUmemGenericAllocationHandle handle, imported;
  CUdeviceptr address, second;
  int descriptor = -1;
  CHECK(call("cuMemCreate", &handle, granularity, const_cast<const CUmemAllocationProp *>(&properties), 0ull) == 0);
  CHECK(call("cuMemAddressReserve", &address, granularity, size_t{0}, CUdeviceptr{0}, 0ull) == 0);
  CHECK(call("cuMemMap", address, granularity, size_t{0}, handle, 0ull) == 0);
  CUmemAccessDesc access = {{1, 0}, 3};
  CHECK(call("cuMemSetAccess", address, granularity, const_cast<const CUmemAccessDesc *>(&access), size_t{1}) == 0);
  CHECK(call("cuMemsetD8_v2", address, static_cast<unsigned char>(7), granularity) == 0);
  CHECK(call("cuMemExportToShareableHandle", static_cast<void *>(&descriptor), handle, 1, 0ull) == 0);
  CHECK(call("cuMemImportFromShareableHandle", &imported, reinterpret_cast<void *>(static_cast<intptr_t>(descriptor)), 1) == 0);
  CHECK(call("cuMemAddressReserve", &second, granularity, size_t{0}, CUdeviceptr{0}, 0ull) == 0);
  CHECK(call("cuMemMap", second, granularity, size_t{0}, imported, 0ull) == 0);
  access.flags = 1;
  CHECK(call("cuMemSetAccess", second, granularity, const_cast<const CUmemAccessDesc *>(&access), size_t{1}) == 0);
  CHECK(download<uint8_t>(second, 16)[15] == 7);
  int flags = 0;
  CHECK(call("cuPointerGetAttribute", static_cast<void *>(&flags), 16, second) == 0 && flags == 1);
  CHECK(call("cuMemUnmap", address, granularity) == 0 && call("cuMemRelease", handle) == 0);
  CHECK(call("cuMemRelease", handle) == 1);
  CHECK(call("cuMemAddressFree", address, granularity) == 0);
  /* A kernel that writes through the read-only mapping is stopped. */
  CHECK(launch("write_at", 1, 1, 0, second, uint64_t{0}) == 0 && synchronize() == 700);
  close(descriptor);

  begin();
  CUdeviceptr d = upload(std::vector<uint32_t>(100, 5));
  CUipcMemHandle ipc;
  CHECK(call("cuIpcGetMemHandle", &ipc, d) == 0);
  int pipes[2];
  if (pipe(pipes) != 0) return;
  pid_t child = fork();
  if (child == 0) {
    /* Only the one thread of the parent is here, so the driver is loaded anew. */
    char self[64], *arguments[6] = {self, getenv("VRX_TEST_LIBRARY"), getenv("VRX_TEST_IMAGE"), nullptr};
    snprintf(self, sizeof self, "/proc/self/exe");
    std::string text;
    for (unsigned char byte : ipc.reserved) {
      char two[3];
      snprintf(two, sizeof two, "%02x", byte);
      text += two;
    }
    arguments[3] = text.data();
    arguments[4] = nullptr;
    execv(self, arguments);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(download<uint32_t>(d, 100)[99] == 6);
}

/* The other process of shares_memory: changes what was shared. */
static int open_shared(const char *text) {
  begin();
  CUipcMemHandle ipc;
  for (size_t i = 0; i < sizeof ipc.reserved; i++) ipc.reserved[i] = static_cast<char>(std::stoi(std::string(text + 2 * i, 2), nullptr, 16));
  CUdeviceptr d;
  CHECK(call("cuIpcOpenMemHandle_v2", &d, ipc, 1u) == 0);
  CHECK(download<uint32_t>(d, 100)[99] == 5);
  CHECK(call("cuMemsetD32_v2", d + 396, 6u, size_t{1}) == 0 && synchronize() == 0);
  CHECK(call("cuIpcCloseMemHandle", d) == 0);
  return failures == 0 ? 0 : 1;
}

static void injects_faults() {
  begin("fail cuMemAlloc 2 2 1");
  CUdeviceptr d = allocate(16);
  CUdeviceptr none;
  CHECK(call("cuMemAlloc_v2", &none, size_t{16}) == 2 && call("cuMemAlloc_v2", &none, size_t{16}) == 0);
  CHECK(call("cuMemsetD8_v2", d, static_cast<unsigned char>(0), size_t{16}) == 0);
  CHECK(synchronize() == 0 && control("flip 0 3 6") == "");
  CHECK(download<uint8_t>(d, 16)[3] == 64);
  CHECK(has(control("flip 5 0 0"), "there are 2 device allocations"));
  CHECK(control("device 0 sticky 214") == "" && synchronize() == 214 && call("cuMemAlloc_v2", &none, size_t{16}) == 214);
  begin();
  CHECK(control("device 0 lost 999") == "" && synchronize() == 999);
  CHECK(has(control("nonsense"), "error: nonsense"));
  control("reset\ndriver stub 1");
  CHECK(call("cuInit", 0u) == 34);
  control("reset\ndevices 0");
  CHECK(call("cuInit", 0u) == 100);
  control("reset\ndevices 3\ndevice 1 hidden 1");
  int count = 0;
  CHECK(call("cuInit", 0u) == 0 && call("cuDeviceGetCount", &count) == 0 && count == 2);
  CHECK(call("nvmlInit_v2") == 0 && call("nvmlDeviceGetCount_v2", reinterpret_cast<unsigned *>(&count)) == 0 && count == 3);
  /* Two devices, with copies between them. */
  CUcontext other;
  CHECK(call("cuDevicePrimaryCtxRetain", &context, 0) == 0 && call("cuDevicePrimaryCtxRetain", &other, 1) == 0);
  CHECK(call("cuCtxSetCurrent", context) == 0);
  CUdeviceptr a = upload(std::vector<uint32_t>(8, 3));
  CHECK(call("cuCtxSetCurrent", other) == 0);
  CUdeviceptr b = allocate(32);
  CHECK(call("cuMemcpyPeer", b, other, a, context, size_t{32}) == 0 && download<uint32_t>(b, 8)[7] == 3);
}

int main(int count, char **arguments) {
  if (count < 3 || (library = dlopen(arguments[1], RTLD_NOW)) == nullptr) {
    printf("%s\n", count < 3 ? "usage: fake-driver LIBRARY IMAGE" : dlerror());
    return 2;
  }
  setenv("VRX_TEST_LIBRARY", arguments[1], 1);
  setenv("VRX_TEST_IMAGE", arguments[2], 1);
  FILE *file = fopen(arguments[2], "rb");
  if (file == nullptr) return 2;
  for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) image.push_back(static_cast<char>(byte));
  fclose(file);
  if (count > 3) return open_shared(arguments[3]);
  for (const char *schedule : {"schedule ascending", "schedule descending", "schedule shuffled 1", "schedule shuffled 77"}) computes(schedule);
  rounds_halves();
  catches_wrong_kernels();
  refuses_what_is_wrong();
  keeps_order();
  shares_memory();
  injects_faults();
  control("reset");
  printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
