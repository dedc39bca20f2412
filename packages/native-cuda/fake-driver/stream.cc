/* Streams, events, and the thread of each device that runs what they hold. */
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "driver.h"

using namespace fake;

namespace fake {

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

static std::vector<CUstream> streams_of(const Device &device) {
  std::vector<CUstream> all;
  for (CUcontext context : device.contexts) {
    all.push_back(context->null_stream.get());
    all.insert(all.end(), context->streams.begin(), context->streams.end());
  }
  return all;
}

/* The null stream and the blocking streams of its context wait for each other's earlier work. */
static bool is_ready(CUstream stream) {
  if (stream->running || stream->queue.empty()) return false;
  const Operation &head = stream->queue.front();
  if (head.after != nullptr && !head.after->done) return false;
  CUstream null = stream->context->null_stream.get();
  auto comes_first = [&](CUstream other) { return !other->queue.empty() && other->queue.front().sequence < head.sequence; };
  if (stream == null)
    return std::none_of(stream->context->streams.begin(), stream->context->streams.end(), [&](CUstream other) {
      return (other->flags & CU_STREAM_NON_BLOCKING) == 0 && comes_first(other);
    });
  return (stream->flags & CU_STREAM_NON_BLOCKING) != 0 || !comes_first(null);
}

static void run_device(Device *device) {
  State &g = state();
  Lock lock(g.mutex);
  for (;;) {
    std::vector<CUstream> ready;
    for (CUstream stream : streams_of(*device))
      if (is_ready(stream)) ready.push_back(stream);
    if (ready.empty() || g.held) {
      device->work.wait(lock);
      continue;
    }
    g.random = g.random * 6364136223846793005u + 1442695040888963407u;
    CUstream stream = ready[(g.random >> 33) % ready.size()];
    CUcontext context = stream->context;
    Operation &operation = stream->queue.front();
    stream->running = true;
    bool broken = context->sticky != CUDA_SUCCESS || device->lost != 0;
    uint64_t rate = device->copy_bytes_per_s;
    unsigned delay = g.delay_us;
    lock.unlock();
    if (delay > 0) usleep(delay);
    if (rate > 0 && operation.copied_bytes > 0)
      usleep(static_cast<useconds_t>(static_cast<double>(operation.copied_bytes) / static_cast<double>(rate) * 1e6));
    CUresult result = broken || !operation.run ? CUDA_SUCCESS : operation.run();
    lock.lock();
    /* What failed while it ran is met by every later call in the context. */
    if (result != CUDA_SUCCESS && context->sticky == CUDA_SUCCESS) context->sticky = result;
    operation.completion->done = true;
    operation.completion->at_ms = now_ms();
    stream->queue.pop_front();
    stream->running = false;
    if (stream->destroyed && stream->queue.empty()) {
      context->streams.erase(stream);
      delete stream;
    }
    g.changed.notify_all();
    /* Others may wait for this device's events. */
    for (auto &other : g.devices) other->work.notify_all();
  }
}

std::shared_ptr<Completion> enqueue(CUstream stream, std::function<CUresult()> run, uint64_t copied_bytes,
                                    std::shared_ptr<Completion> after) {
  State &g = state();
  Device *device = stream->context->device;
  if (!device->engine_started) {
    device->engine_started = true;
    catch_faults();
    std::thread(run_device, device).detach();
  }
  auto completion = std::make_shared<Completion>();
  stream->queue.push_back({++g.sequence, std::move(run), copied_bytes, completion, std::move(after)});
  device->work.notify_all();
  return completion;
}

CUresult submit(CUstream stream, int node_type, std::function<CUresult()> run, uint64_t copied_bytes) {
  if (stream->capture == nullptr) {
    enqueue(stream, std::move(run), copied_bytes);
    return CUDA_SUCCESS;
  }
  if (stream->capture_invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  auto node = std::make_unique<CUgraphNode_st>();
  node->type = node_type;
  node->run = std::move(run);
  node->graph = stream->capture;
  if (!stream->capture->nodes.empty()) node->dependencies.push_back(stream->capture->nodes.back().get());
  stream->capture->nodes.push_back(std::move(node));
  return CUDA_SUCCESS;
}

static CUresult health_of(CUcontext context) {
  return context->device->lost != 0 ? static_cast<CUresult>(context->device->lost) : context->sticky;
}

CUresult wait_for(Lock &lock, CUcontext context, const std::shared_ptr<Completion> &completion) {
  if (completion != nullptr) state().changed.wait(lock, [&] { return completion->done; });
  return is_context(context) ? health_of(context) : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUresult wait_for_stream(Lock &lock, CUstream stream) {
  /* The null stream is idle when the streams that it waits for are, too. */
  CUcontext context = stream->context;
  bool null = stream == context->null_stream.get();
  std::vector<std::shared_ptr<Completion>> last;
  auto add = [&](CUstream s) {
    if (!s->queue.empty()) last.push_back(s->queue.back().completion);
  };
  add(stream);
  if (null)
    for (CUstream other : context->streams)
      if ((other->flags & CU_STREAM_NON_BLOCKING) == 0) add(other);
  state().changed.wait(lock, [&] { return std::all_of(last.begin(), last.end(), [](auto &c) { return c->done; }); });
  return is_context(context) ? health_of(context) : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUresult wait_for_context(Lock &lock, CUcontext context) {
  std::vector<std::shared_ptr<Completion>> last;
  if (!context->null_stream->queue.empty()) last.push_back(context->null_stream->queue.back().completion);
  for (CUstream stream : context->streams)
    if (!stream->queue.empty()) last.push_back(stream->queue.back().completion);
  state().changed.wait(lock, [&] { return std::all_of(last.begin(), last.end(), [](auto &c) { return c->done; }); });
  return is_context(context) ? health_of(context) : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

bool is_stream(CUcontext context, CUstream stream) {
  return context->streams.count(stream) != 0 && !stream->destroyed;
}

/* 0 and 1 are the legacy stream; 2, that of each thread, is taken for it too. */
CUstream resolve(CUcontext context, CUstream stream) {
  if (reinterpret_cast<uintptr_t>(stream) <= 2) return context->null_stream.get();
  if (is_stream(context, stream)) return stream;
  return nullptr;
}

CUcontext new_context(Device &device, unsigned flags) {
  auto context = std::make_unique<CUctx_st>();
  context->device = &device;
  context->flags = flags;
  context->null_stream = std::make_unique<CUstream_st>();
  context->null_stream->context = context.get();
  device.contexts.insert(context.get());
  return context.release();
}

void destroy_context(Lock &lock, CUcontext context) {
  wait_for_context(lock, context);
  for (CUstream stream : context->streams) delete stream;
  for (CUevent event : context->events) delete event;
  for (CUgraph graph : context->graphs) delete graph;
  for (CUgraphExec executable : context->executables) delete executable;
  for (CUmodule module : context->modules) unload(module);
  release_context_memory(context);
  for (auto &device : state().devices)
    for (CUcontext other : device->contexts) other->peers.erase(context);
  context->device->contexts.erase(context);
}

}  // namespace fake

static CUresult create_stream(CUcontext context, CUstream *stream, unsigned flags, int priority) {
  if (stream == nullptr || (flags & ~1u) != 0) return CUDA_ERROR_INVALID_VALUE;
  *stream = new CUstream_st;
  (*stream)->context = context;
  (*stream)->flags = flags;
  (*stream)->priority = std::clamp(priority, -5, 0);
  context->streams.insert(*stream);
  return CUDA_SUCCESS;
}

VRX_API cuStreamCreate(CUstream *stream, unsigned flags) {
  BEGIN("cuStreamCreate");
  NEED_CONTEXT(context);
  return create_stream(context, stream, flags, 0);
}

VRX_API cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority) {
  BEGIN("cuStreamCreateWithPriority");
  NEED_CONTEXT(context);
  return create_stream(context, stream, flags, priority);
}

/* A stream may be of another context than the current one, as long as both are of living devices. */
static CUstream any_stream(CUcontext context, CUstream stream) {
  if (CUstream found = resolve(context, stream); found != nullptr) return found;
  for (auto &device : state().devices)
    for (CUcontext other : device->contexts)
      if (is_stream(other, stream)) return stream;
  return nullptr;
}

#define NEED_STREAM(name, handle)                                  \
  CUstream name = any_stream(context, handle);                     \
  if (name == nullptr) return CUDA_ERROR_INVALID_HANDLE

VRX_API cuStreamDestroy_v2(CUstream handle) {
  BEGIN("cuStreamDestroy_v2");
  auto &stack = context_stack();
  if (stack.empty() || !is_context(stack.back())) return CUDA_ERROR_INVALID_CONTEXT;
  CUcontext context = stack.back();
  if (reinterpret_cast<uintptr_t>(handle) <= 2) return CUDA_ERROR_INVALID_HANDLE;
  NEED_STREAM(stream, handle);
  if (stream->queue.empty() && !stream->running) {
    stream->context->streams.erase(stream);
    delete stream;
  } else {
    stream->destroyed = true;
  }
  return CUDA_SUCCESS;
}

VRX_API cuStreamSynchronize(CUstream handle) {
  BEGIN("cuStreamSynchronize");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (stream->capture != nullptr) {
    stream->capture_invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return wait_for_stream(lock, stream);
}

VRX_API cuStreamQuery(CUstream handle) {
  BEGIN("cuStreamQuery");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (stream->capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  return stream->queue.empty() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

VRX_API cuStreamGetFlags(CUstream handle, unsigned *flags) {
  BEGIN("cuStreamGetFlags");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = stream->flags;
  return CUDA_SUCCESS;
}

VRX_API cuStreamGetPriority(CUstream handle, int *priority) {
  BEGIN("cuStreamGetPriority");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (priority == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *priority = stream->priority;
  return CUDA_SUCCESS;
}

VRX_API cuStreamGetCtx(CUstream handle, CUcontext *owner) {
  BEGIN("cuStreamGetCtx");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (owner == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *owner = stream->context;
  return CUDA_SUCCESS;
}

VRX_API cuLaunchHostFunc(CUstream handle, void (*function)(void *), void *data) {
  BEGIN("cuLaunchHostFunc");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return submit(stream, CU_GRAPH_NODE_TYPE_HOST, [=] {
    function(data);
    return CUDA_SUCCESS;
  });
}

/* ---- Events ---- */

static bool is_event(CUevent event) {
  for (auto &device : state().devices)
    for (CUcontext context : device->contexts)
      if (context->events.count(event) != 0) return true;
  return false;
}

VRX_API cuEventCreate(CUevent *event, unsigned flags) {
  BEGIN("cuEventCreate");
  NEED_CONTEXT(context);
  if (event == nullptr || (flags & ~7u) != 0) return CUDA_ERROR_INVALID_VALUE;
  if ((flags & CU_EVENT_INTERPROCESS) != 0 && (flags & CU_EVENT_DISABLE_TIMING) == 0) return CUDA_ERROR_INVALID_VALUE;
  *event = new CUevent_st;
  (*event)->context = context;
  (*event)->flags = flags;
  context->events.insert(*event);
  return CUDA_SUCCESS;
}

VRX_API cuEventDestroy_v2(CUevent event) {
  BEGIN("cuEventDestroy_v2");
  if (!is_event(event)) return CUDA_ERROR_INVALID_HANDLE;
  event->context->events.erase(event);
  delete event;
  return CUDA_SUCCESS;
}

static CUresult record(CUcontext context, CUevent event, CUstream handle) {
  if (!is_event(event)) return CUDA_ERROR_INVALID_HANDLE;
  NEED_STREAM(stream, handle);
  if (event->context != stream->context) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capture != nullptr) {
    event->captured_in = stream->capture;
    return CUDA_SUCCESS;
  }
  event->captured_in = nullptr;
  event->last = enqueue(stream, nullptr);
  return CUDA_SUCCESS;
}

VRX_API cuEventRecord(CUevent event, CUstream stream) {
  BEGIN("cuEventRecord");
  NEED_CONTEXT(context);
  return record(context, event, stream);
}

VRX_API cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned) {
  BEGIN("cuEventRecordWithFlags");
  NEED_CONTEXT(context);
  return record(context, event, stream);
}

VRX_API cuEventQuery(CUevent event) {
  BEGIN("cuEventQuery");
  NEED_CONTEXT(context);
  (void)context;
  if (!is_event(event)) return CUDA_ERROR_INVALID_HANDLE;
  if (event->captured_in != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
  return event->last == nullptr || event->last->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

VRX_API cuEventSynchronize(CUevent event) {
  BEGIN("cuEventSynchronize");
  NEED_CONTEXT(context);
  if (!is_event(event)) return CUDA_ERROR_INVALID_HANDLE;
  if (event->captured_in != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
  return wait_for(lock, context, event->last);
}

static CUresult elapsed(float *milliseconds, CUevent begin, CUevent end) {
  if (milliseconds == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!is_event(begin) || !is_event(end) || begin->last == nullptr || end->last == nullptr)
    return CUDA_ERROR_INVALID_HANDLE;
  if (((begin->flags | end->flags) & CU_EVENT_DISABLE_TIMING) != 0) return CUDA_ERROR_INVALID_HANDLE;
  if (!begin->last->done || !end->last->done) return CUDA_ERROR_NOT_READY;
  *milliseconds = static_cast<float>(end->last->at_ms - begin->last->at_ms);
  return CUDA_SUCCESS;
}

VRX_API cuEventElapsedTime(float *milliseconds, CUevent begin, CUevent end) {
  BEGIN("cuEventElapsedTime");
  NEED_CONTEXT(context);
  (void)context;
  return elapsed(milliseconds, begin, end);
}
VRX_API cuEventElapsedTime_v2(float *milliseconds, CUevent begin, CUevent end) {
  return cuEventElapsedTime(milliseconds, begin, end);
}

VRX_API cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
  BEGIN("cuStreamWaitEvent");
  NEED_CONTEXT(context);
  NEED_STREAM(stream, handle);
  if (!is_event(event)) return CUDA_ERROR_INVALID_HANDLE;
  if (event->captured_in != nullptr) {
    /* The stream joins the capture: what is put on it becomes part of that graph. */
    stream->capture = event->captured_in;
    return CUDA_SUCCESS;
  }
  if (event->last != nullptr && !event->last->done) enqueue(stream, nullptr, 0, event->last);
  return CUDA_SUCCESS;
}
