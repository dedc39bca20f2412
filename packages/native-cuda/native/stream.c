/* Streams, events and graphs: work that runs in order, marks in it, and work that is started again as one. */
#include "functions.h"

bool vrx_stream_of(napi_env env, napi_value value, const vrx_context *context, CUstream *stream) {
  vrx_stream *self;
  *stream = NULL;
  if (vrx_is_null(env, value)) return true;
  if ((self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return false;
  if (self->context->context != context->context) {
    vrx_refuse(env, "invalid_argument", "stream: expected one of the same device");
    return false;
  }
  *stream = self->stream;
  return true;
}

static bool release_stream(vrx_object *object, vrx_failure *failure) {
  vrx_stream *self = (vrx_stream *)object;
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  bool gone = VRX_CALL(failure, self->context->driver, cuStreamDestroy_v2, self->stream);
  vrx_leave(self->context);
  return gone || vrx_context_is_lost(failure->result);
}

/* createStream(context, independent, priority). */
napi_value vrx_create_stream(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_context *context;
  vrx_failure failure = {0};
  bool independent;
  int priority;
  if (!vrx_arguments(env, info, 3, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_bool(env, values[1], "independent", &independent) || !vrx_int(env, values[2], "priority", &priority))
    return NULL;
  vrx_stream *self = vrx_make(env, VRX_STREAM, sizeof *self, &context->object, release_stream);
  if (self == NULL) return NULL;
  self->context = context;
  unsigned flags = independent ? CU_STREAM_NON_BLOCKING : CU_STREAM_DEFAULT;
  if (vrx_enter(context, &failure)) {
    VRX_CALL(&failure, context->driver, cuStreamCreateWithPriority, &self->stream, flags, priority);
    vrx_leave(context);
  }
  if (failure.call == NULL) return vrx_hand_out(env, self);
  vrx_forget(self);
  return vrx_throw(env, &failure);
}

static void synchronize_stream(vrx_stream *self, vrx_failure *failure) {
  if (!vrx_enter(self->context, failure)) return;
  VRX_CALL(failure, self->context->driver, cuStreamSynchronize, self->stream);
  vrx_leave(self->context);
}

static void run_stream_wait(vrx_job *job) { synchronize_stream(job->uses[0], &job->failure); }

napi_value vrx_stream_wait(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *self;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  return vrx_start_wait(env, self, run_stream_wait);
}

napi_value vrx_stream_synchronize(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *self;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  synchronize_stream(self, &failure);
  return vrx_done(env, &failure);
}

/* True for success, false for NOT_READY; anything else is thrown. */
static napi_value is_ready(napi_env env, const vrx_failure *failure) {
  napi_value result;
  if (failure->call != NULL && failure->result != CUDA_ERROR_NOT_READY) return vrx_throw(env, failure);
  TRY(napi_get_boolean(env, failure->call == NULL, &result));
  return result;
}

napi_value vrx_stream_is_idle(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *self;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuStreamQuery, self->stream);
  vrx_leave(self->context);
  return is_ready(env, &failure);
}

/* streamWaitEvent(stream, event): the event may be of another device. */
napi_value vrx_stream_wait_event(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_stream *self;
  vrx_event *event;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 2, values) || (self = vrx_object_of(env, values[0], VRX_STREAM)) == NULL ||
      (event = vrx_object_of(env, values[1], VRX_EVENT)) == NULL)
    return NULL;
  if (event->context->driver->library != self->context->driver->library)
    return vrx_refuse(env, "invalid_argument", "event: expected one of the same driver");
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuStreamWaitEvent, self->stream, event->event, 0);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

static bool release_event(vrx_object *object, vrx_failure *failure) {
  vrx_event *self = (vrx_event *)object;
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  bool gone = VRX_CALL(failure, self->context->driver, cuEventDestroy_v2, self->event);
  vrx_leave(self->context);
  return gone || vrx_context_is_lost(failure->result);
}

/* createEvent(context, timing). */
napi_value vrx_create_event(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_context *context;
  vrx_failure failure = {0};
  bool timing;
  if (!vrx_arguments(env, info, 2, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_bool(env, values[1], "timing", &timing))
    return NULL;
  vrx_event *self = vrx_make(env, VRX_EVENT, sizeof *self, &context->object, release_event);
  if (self == NULL) return NULL;
  self->context = context;
  /* Whoever waits for it sleeps instead of spinning on a core. */
  unsigned flags = CU_EVENT_BLOCKING_SYNC | (timing ? 0u : CU_EVENT_DISABLE_TIMING);
  if (vrx_enter(context, &failure)) {
    VRX_CALL(&failure, context->driver, cuEventCreate, &self->event, flags);
    vrx_leave(context);
  }
  if (failure.call == NULL) return vrx_hand_out(env, self);
  vrx_forget(self);
  return vrx_throw(env, &failure);
}

/* recordEvent(event, stream | null). */
napi_value vrx_record_event(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_event *self;
  vrx_failure failure = {0};
  CUstream stream;
  if (!vrx_arguments(env, info, 2, values) || (self = vrx_object_of(env, values[0], VRX_EVENT)) == NULL ||
      !vrx_stream_of(env, values[1], self->context, &stream))
    return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuEventRecord, self->event, stream);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

napi_value vrx_event_is_done(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_event *self;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_EVENT)) == NULL) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuEventQuery, self->event);
  vrx_leave(self->context);
  return is_ready(env, &failure);
}

static void run_event_wait(vrx_job *job) {
  vrx_event *self = job->uses[0];
  if (!vrx_enter(self->context, &job->failure)) return;
  VRX_CALL(&job->failure, self->context->driver, cuEventSynchronize, self->event);
  vrx_leave(self->context);
}

napi_value vrx_event_wait(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_event *self;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_EVENT)) == NULL) return NULL;
  return vrx_start_wait(env, self, run_event_wait);
}

/* eventElapsed(start, end): milliseconds. */
napi_value vrx_event_elapsed(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_event *start, *end;
  vrx_failure failure = {0};
  float milliseconds = 0;
  if (!vrx_arguments(env, info, 2, values) || (start = vrx_object_of(env, values[0], VRX_EVENT)) == NULL ||
      (end = vrx_object_of(env, values[1], VRX_EVENT)) == NULL)
    return NULL;
  if (start->context->context != end->context->context)
    return vrx_refuse(env, "invalid_argument", "expected two events of the same device");
  if (!vrx_enter(end->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, end->context->driver, cuEventElapsedTime, &milliseconds, start->event, end->event);
  vrx_leave(end->context);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  napi_value result = vrx_number(env, (double)milliseconds);
  return result != NULL ? result : vrx_unexpected(env);
}

/* beginCapture(stream): of this thread's calls alone, so that other threads may go on as they are. */
napi_value vrx_begin_capture(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *self;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuStreamBeginCapture_v2, self->stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

static bool release_graph(vrx_object *object, vrx_failure *failure) {
  vrx_graph *self = (vrx_graph *)object;
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  bool gone = VRX_CALL(failure, self->context->driver, cuGraphExecDestroy, self->executable);
  vrx_leave(self->context);
  return gone || vrx_context_is_lost(failure->result);
}

/* endCapture(stream): an executable graph of what was captured. */
napi_value vrx_end_capture(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *stream;
  vrx_failure failure = {0}, ignored = {0};
  CUgraph captured = NULL;
  if (!vrx_arguments(env, info, 1, &value) || (stream = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  vrx_context *context = stream->context;
  vrx_driver *driver = context->driver;
  vrx_graph *self = vrx_make(env, VRX_GRAPH, sizeof *self, &context->object, release_graph);
  if (self == NULL) return NULL;
  self->context = context;
  if (vrx_enter(context, &failure)) {
    if (VRX_CALL(&failure, driver, cuStreamEndCapture, stream->stream, &captured) &&
        VRX_CALL(&failure, driver, cuGraphGetNodes, captured, NULL, &self->nodes))
      VRX_CALL(&failure, driver, cuGraphInstantiateWithFlags, &self->executable, captured, 0);
    if (captured != NULL) VRX_CALL(&ignored, driver, cuGraphDestroy, captured);
    vrx_leave(context);
  }
  if (failure.call == NULL) return vrx_hand_out(env, self);
  vrx_forget(self);
  return vrx_throw(env, &failure);
}

/* abandonCapture(stream): whatever became of it. */
napi_value vrx_abandon_capture(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_stream *self;
  vrx_failure ignored = {0};
  CUgraph captured = NULL;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_STREAM)) == NULL) return NULL;
  if (!vrx_enter(self->context, &ignored)) return NULL;
  VRX_CALL(&ignored, self->context->driver, cuStreamEndCapture, self->stream, &captured);
  if (captured != NULL) VRX_CALL(&ignored, self->context->driver, cuGraphDestroy, captured);
  vrx_leave(self->context);
  return NULL;
}

napi_value vrx_graph_node_count(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_graph *self;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_GRAPH)) == NULL) return NULL;
  napi_value result = vrx_number(env, (double)self->nodes);
  return result != NULL ? result : vrx_unexpected(env);
}

/* launchGraph(graph, stream | null). */
napi_value vrx_launch_graph(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_graph *self;
  vrx_failure failure = {0};
  CUstream stream;
  if (!vrx_arguments(env, info, 2, values) || (self = vrx_object_of(env, values[0], VRX_GRAPH)) == NULL ||
      !vrx_stream_of(env, values[1], self->context, &stream))
    return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuGraphLaunch, self->executable, stream);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}
