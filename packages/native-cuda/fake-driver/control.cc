/*
 * How a test tells the fake driver what to be: one exported function, whose presence also says that this is not a real
 * driver. Requests are lines of words; @vrx/native-cuda/testing writes them.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "driver.h"

namespace fake {
namespace {

/* An H100 as far as the numbers go, with less memory. */
const std::map<int, int> ATTRIBUTES = {
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10},
    {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 64 << 10},
    {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1980000},
    {CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
    {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 4},
    {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
    {CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 1},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 2619000},
    {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 5120},
    {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 50 << 20},
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
    {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 3},
    {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 228 << 10},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
    {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 227 << 10},
    {CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
    {CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024},
    {CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, 1},
};

const std::map<std::string, double> FIGURES = {
    {"clock_sm_mhz", 1980},       {"clock_graphics_mhz", 1980}, {"clock_memory_mhz", 2619},  {"clock_video_mhz", 1545},
    {"max_clock_sm_mhz", 1980},   {"max_clock_graphics_mhz", 1980}, {"max_clock_memory_mhz", 2619}, {"temperature_c", 41},
    {"power_mw", 112000},         {"power_limit_mw", 700000},   {"energy_mj", 123456789},    {"throttle_reasons", 0},
    {"ecc_mode", 1},              {"ecc_corrected", 0},         {"ecc_uncorrected", 0},      {"remapped_corrected", 0},
    {"remapped_uncorrected", 0},  {"remapped_pending", 0},      {"remapped_failed", 0},      {"utilization_gpu", 0},
    {"utilization_memory", 0},    {"pcie_width", 16},           {"pcie_generation", 5},      {"max_pcie_width", 16},
    {"max_pcie_generation", 5},   {"performance_state", 0},     {"compute_mode", 0},         {"persistence_mode", 1},
    {"memory_info", 1},           {"processes", 1},             {"mig_mode", 0},             {"minor_number", 0},
};

std::unique_ptr<Device> make_device(int index) {
  auto device = std::make_unique<Device>();
  char text[64];
  device->index = index;
  device->name = "vrx simulated GPU";
  snprintf(text, sizeof text, "GPU-5eed0000-0000-4000-8000-%012x", index);
  device->uuid = text;
  snprintf(text, sizeof text, "0000:%02X:00.0", index + 1);
  device->pci = text;
  device->memory_bytes = uint64_t{2} << 30;
  device->attributes = ATTRIBUTES;
  device->attributes[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID] = index + 1;
  for (auto &[name, value] : FIGURES) device->figures[name].value = value;
  device->figures["minor_number"].value = index;
  return device;
}

std::vector<std::string> split(const std::string &text, char by) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

bool starts_with(const std::string &text, const std::string &begin) { return text.compare(0, begin.size(), begin) == 0; }

Figure read_figure(std::istringstream &words) {
  Figure figure;
  std::string word;
  words >> word;
  if (word == "error")
    words >> figure.error;
  else if (word != "none")
    figure.value = std::stod(word);
  return figure;
}

std::string rest_of(std::istringstream &words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

void change_device(State &g, std::istringstream &words) {
  size_t index = 0;
  std::string key;
  if (!(words >> index >> key) || index >= g.devices.size()) throw std::runtime_error("there is no such device");
  Device &device = *g.devices[index];
  if (key == "name") {
    device.name = rest_of(words);
  } else if (key == "uuid") {
    words >> device.uuid;
  } else if (key == "pci") {
    words >> device.pci;
    unsigned domain = 0, bus = 0, slot = 0;
    if (sscanf(device.pci.c_str(), "%x:%x:%x", &domain, &bus, &slot) == 3) {
      device.attributes[CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID] = static_cast<int>(domain);
      device.attributes[CU_DEVICE_ATTRIBUTE_PCI_BUS_ID] = static_cast<int>(bus);
      device.attributes[CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID] = static_cast<int>(slot);
    }
  } else if (key == "memory_bytes") {
    words >> device.memory_bytes;
  } else if (key == "foreign_bytes") {
    words >> device.foreign_bytes;
  } else if (key == "capability") {
    words >> device.attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR] >>
        device.attributes[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR];
  } else if (key == "attribute") {
    int which = 0, value = 0;
    words >> which >> value;
    device.attributes[which] = value;
  } else if (key == "pointer") {
    int which = 0;
    long long value = 0;
    words >> which >> value;
    device.pointer_attributes[which] = value;
  } else if (key == "figure") {
    std::string name;
    words >> name;
    if (device.figures.count(name) == 0) throw std::runtime_error("there is no figure " + name);
    device.figures[name] = read_figure(words);
  } else if (key == "mig") {
    MigInstance instance{};
    words >> instance.uuid >> instance.memory_bytes;
    device.mig.push_back(instance);
    device.figures["mig_mode"].value = 1;
  } else if (key == "process") {
    ForeignProcess process{};
    words >> process.pid >> process.used_bytes;
    device.processes.push_back(process);
  } else if (key == "own_process_seen") {
    words >> device.own_process_seen;
  } else if (key == "hidden") {
    words >> device.hidden;
  } else if (key == "lost") {
    words >> device.lost;
  } else if (key == "read_only_maps") {
    words >> device.read_only_maps;
  } else if (key == "sticky") {
    int code = 0;
    words >> code;
    device.sticky = static_cast<CUresult>(code);
  } else if (key == "copy_bytes_per_s") {
    words >> device.copy_bytes_per_s;
  } else {
    throw std::runtime_error("a device has no " + key);
  }
  if (words.fail()) throw std::runtime_error("device " + key + ": a value is missing or no number");
}

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

std::string statistics(const State &g) {
  uint64_t device_count = 0, device_bytes = 0, host_count = 0, mapped = 0, imported = 0;
  for (auto &[base, allocation] : g.allocations) {
    if (allocation.kind == Kind::device) {
      device_count++;
      device_bytes += allocation.bytes;
    } else if (allocation.kind == Kind::host || allocation.kind == Kind::registered) {
      host_count++;
    } else if (allocation.kind == Kind::vmm) {
      mapped++;
    } else {
      imported++;
    }
  }
  size_t contexts = 0, streams = 0, events = 0, modules = 0, graphs = 0;
  for (auto &device : g.devices)
    for (CUcontext context : device->contexts) {
      contexts++;
      streams += context->streams.size();
      events += context->events.size();
      modules += context->modules.size();
      graphs += context->graphs.size() + context->executables.size();
    }
  std::ostringstream out;
  out << "{\"device_allocations\":" << device_count << ",\"device_bytes\":" << device_bytes
      << ",\"host_allocations\":" << host_count << ",\"mapped_ranges\":" << mapped << ",\"imported\":" << imported
      << ",\"reservations\":" << g.reservations.size() << ",\"handles\":" << g.physical.size() << ",\"contexts\":" << contexts
      << ",\"streams\":" << streams << ",\"events\":" << events << ",\"modules\":" << modules << ",\"graphs\":" << graphs
      << ",\"launches\":" << g.launches << ",\"last_fault\":" << (g.last_fault.empty() ? "null" : quoted(g.last_fault))
      << ",\"calls\":{";
  const char *separator = "";
  for (auto &[name, count] : g.calls) {
    out << separator << quoted(name) << ":" << count;
    separator = ",";
  }
  out << "}}";
  return out.str();
}

/* One line of a request; what it answers, which is usually nothing. */
std::string obey(State &g, Lock &lock, const std::string &line) {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  if (verb == "reset") {
    reset(lock);
  } else if (verb == "devices") {
    size_t count = 0;
    words >> count;
    if (g.initialised) reset(lock);
    set_devices(g, count);
  } else if (verb == "device") {
    change_device(g, words);
  } else if (verb == "driver") {
    std::string key;
    words >> key;
    if (key == "version")
      words >> g.driver_version;
    else if (key == "version_text")
      words >> g.driver_version_text;
    else if (key == "init_error")
      words >> g.init_error;
    else if (key == "nvml_init_error")
      words >> g.nvml_init_error;
    else if (key == "stub")
      words >> g.stub;
    else
      throw std::runtime_error("a driver has no " + key);
  } else if (verb == "system") {
    std::string name;
    words >> name;
    g.system_figures[name] = read_figure(words);
  } else if (verb == "fail") {
    Failure failure{};
    if (!(words >> failure.call >> failure.at >> failure.code >> failure.times)) throw std::runtime_error("fail CALL AT CODE TIMES");
    g.failures.push_back(failure);
  } else if (verb == "flip") {
    long long which = 0;
    uint64_t offset = 0;
    int bit = 0;
    std::string why;
    if (!(words >> which >> offset >> bit)) throw std::runtime_error("flip ALLOCATION OFFSET BIT");
    if (!flip_bit(which, offset, bit, &why)) throw std::runtime_error(why);
  } else if (verb == "schedule") {
    std::string order;
    words >> order;
    if (order == "ascending")
      g.schedule.order = Schedule::ascending;
    else if (order == "descending")
      g.schedule.order = Schedule::descending;
    else if (order == "shuffled" && words >> g.schedule.seed)
      g.schedule.order = Schedule::shuffled;
    else
      throw std::runtime_error("schedule ascending | descending | shuffled SEED");
  } else if (verb == "delay_us") {
    words >> g.delay_us;
  } else if (verb == "held") {
    words >> g.held;
    for (auto &device : g.devices) device->work.notify_all();
  } else if (verb == "statistics") {
    return statistics(g);
  } else if (!verb.empty()) {
    throw std::runtime_error("there is no request " + verb);
  }
  return "";
}

std::string setup_file() {
  Dl_info info;
  return dladdr(reinterpret_cast<void *>(&split), &info) == 0 ? "" : std::string(info.dli_fname) + ".setup";
}

}  // namespace

/*
 * A file beside the library, of its name and `.setup`, holds requests that are done when it is loaded: what a driver is
 * like before anybody can talk to it, in every process that loads it.
 */
void read_setup(State &g) {
  std::ifstream file(setup_file());
  Lock lock(g.mutex, std::defer_lock);
  for (std::string line; std::getline(file, line);) {
    try {
      obey(g, lock, line);
    } catch (const std::exception &error) {
      g.last_fault = "setup: " + line + ": " + error.what();
      g.init_error = g.nvml_init_error = CUDA_ERROR_UNKNOWN;
    }
  }
}

void set_devices(State &g, size_t count) {
  for (auto &device : g.devices) g.retired.push_back(std::move(device));
  g.devices.clear();
  g.visible.clear();
  for (size_t i = 0; i < count; i++) g.devices.push_back(make_device(static_cast<int>(i)));
}

/* As CUDA reads CUDA_VISIBLE_DEVICES: indices or beginnings of UUIDs, up to the first that names nothing or repeats. */
void choose_visible() {
  State &g = state();
  std::vector<Device *> candidates;
  for (auto &device : g.devices)
    if (!device->hidden) candidates.push_back(device.get());
  g.visible.clear();
  const char *variable = getenv("CUDA_VISIBLE_DEVICES");
  if (variable == nullptr) {
    g.visible = candidates;
    return;
  }
  for (std::string word : split(variable, ',')) {
    word.erase(0, word.find_first_not_of(' '));
    word.erase(word.find_last_not_of(' ') + 1);
    Device *found = nullptr;
    if (!word.empty() && word.find_first_not_of("0123456789") == std::string::npos) {
      size_t index = strtoull(word.c_str(), nullptr, 10);
      if (index < candidates.size()) found = candidates[index];
    } else if (starts_with(word, "GPU-") || starts_with(word, "MIG-")) {
      for (Device *device : candidates)
        if (starts_with(visible_uuid(*device), word)) found = found == nullptr ? device : nullptr;
    }
    if (found == nullptr || std::find(g.visible.begin(), g.visible.end(), found) != g.visible.end()) break;
    g.visible.push_back(found);
  }
}

void reset(Lock &lock) {
  State &g = state();
  /* Contexts end when their work has. */
  g.held = false;
  for (auto &device : g.devices) device->work.notify_all();
  for (auto &device : g.devices) {
    for (CUcontext context : std::vector<CUcontext>(device->contexts.begin(), device->contexts.end())) {
      destroy_context(lock, context);
      if (context != device->primary.get()) delete context;
    }
    device->primary.reset();
    device->primary_references = 0;
  }
  reset_memory();
  g.failures.clear();
  g.calls.clear();
  g.system_figures.clear();
  g.last_fault.clear();
  g.initialised = g.stub = false;
  g.driver_version = 13000;
  g.driver_version_text = "580.65.06";
  g.init_error = g.nvml_init_error = 0;
  g.launches = 0;
  g.delay_us = 0;
  g.schedule = {};
  set_devices(g, 1);
  read_setup(g);
}

}  // namespace fake

/*
 * Does what the lines of `request` say, in order, up to the first that cannot be done. What they answer, or why the
 * request failed, goes to `reply`. Returns the length of the whole reply, or, for a failure, -1 minus that length; a reply
 * longer than `capacity` - 1 is cut off.
 */
extern "C" __attribute__((visibility("default"))) long vrxFakeDriver(const char *request, char *reply, size_t capacity) {
  using namespace fake;
  State &g = state();
  Lock lock(g.mutex);
  std::string answer;
  bool failed = false;
  std::istringstream lines(request == nullptr ? "" : request);
  for (std::string line; !failed && std::getline(lines, line);) {
    try {
      answer += obey(g, lock, line);
    } catch (const std::exception &error) {
      answer = line + ": " + error.what();
      failed = true;
    }
  }
  if (reply != nullptr && capacity > 0) {
    size_t length = std::min(answer.size(), capacity - 1);
    memcpy(reply, answer.data(), length);
    reply[length] = 0;
  }
  long length = static_cast<long>(answer.size());
  return failed ? -1 - length : length;
}
