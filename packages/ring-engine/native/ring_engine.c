/*
 * Making and ending engines: the layout of parameters and of the one block of memory that everything lies in.
 */
#include "ring_engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* Hands out the block piece by piece; with no block it only counts. */
typedef struct {
  char *block;
  size_t used;
  bool overflow;
} allotment;

static void *take(allotment *from, size_t element, int64_t a, int64_t b, int64_t c) {
  size_t bytes;
  void *piece = from->block == NULL ? NULL : from->block + from->used;
  if (__builtin_mul_overflow((size_t)a, (size_t)b, &bytes) || __builtin_mul_overflow(bytes, (size_t)c, &bytes) ||
      __builtin_mul_overflow(bytes, element, &bytes) || bytes > SIZE_MAX / 4 || from->used > SIZE_MAX / 4) {
    from->overflow = true;
    return NULL;
  }
  from->used += (bytes + VRX_LANE_BYTES - 1) / VRX_LANE_BYTES * VRX_LANE_BYTES;
  return piece;
}

static int64_t padded(int64_t count, int64_t lane) { return (count + lane - 1) / lane * lane; }

/* Lengths of all parameters in their order; false when they cannot be counted. */
static bool lay_out_parameters(vrx_ring *ring, int64_t lane) {
  const vrx_ring_config *c = &ring->config;
  size_t R = (size_t)c->ring_len, D = (size_t)c->slot_dim, S = (size_t)c->sensory_dim, C = (size_t)c->num_classes;
  size_t on = c->sensory_ring ? 1 : 0;
  size_t fixed[SLOT_HEADS] = {
      [SLOT_THETA_PTR] = R,           [SLOT_THETA_GATE] = R,          [SLOT_CONTEXT] = 1,
      [SLOT_SENSORY_PROJ_W] = on * S, [SLOT_SENSORY_PROJ_B] = on * S, [SLOT_SENSORY_W_IH] = on * 3 * S * S,
      [SLOT_SENSORY_W_HH] = on * 3 * S * S, [SLOT_SENSORY_B_IH] = on * 3 * S, [SLOT_SENSORY_B_HH] = on * 3 * S,
      [SLOT_BRIDGE_W] = on * D * S,   [SLOT_BRIDGE_B] = on * D,       [SLOT_INPUT_W] = D,
      [SLOT_INPUT_B] = D,             [SLOT_GRU_W_IH] = 3 * D * D,    [SLOT_GRU_W_HH] = 3 * D * D,
      [SLOT_GRU_B_IH] = 3 * D,        [SLOT_GRU_B_HH] = 3 * D,        [SLOT_JUMP_W] = D,
      [SLOT_JUMP_B] = 1,              [SLOT_INERTIA_W] = D,           [SLOT_INERTIA_B] = 1,
      [SLOT_DEADZONE_W] = D,          [SLOT_DEADZONE_B] = 1,          [SLOT_WALK_W] = D,
      [SLOT_WALK_B] = 1,
  };
  size_t external = 0, internal = 0;
  for (int64_t s = 0; s < ring->slot_count; s++) {
    size_t length = s < SLOT_HEADS ? fixed[s] : (s - SLOT_HEADS) % 2 == 0 ? C * D : C;
    ring->slots[s] = (vrx_ring_slot){.external = external, .internal = internal, .length = length};
    if (__builtin_add_overflow(external, length, &external)) return false;
    if (__builtin_add_overflow(internal, (size_t)padded((int64_t)length, lane), &internal)) return false;
  }
  ring->parameter_count = external;
  ring->internal_count = internal;
  return true;
}

static void place(vrx_ring *ring, allotment *from) {
  const vrx_ring_config *c = &ring->config;
  size_t real = c->double_precision ? sizeof(double) : sizeof(float);
  size_t ptr = c->double_pointer ? sizeof(double) : sizeof(float);
  int64_t B = c->batch_size, N = ring->rows, D = ring->dim, S = c->sensory_ring ? ring->sdim : 0, W = ring->width;
  int64_t internal = (int64_t)ring->internal_count, sensory = c->sensory_ring ? 1 : 0, C = c->num_classes;

  ring->parameters = take(from, real, internal, 1, 1);
  ring->gradients = take(from, real, internal, 1, 1);
  ring->first_moment = take(from, real, internal, 1, 1);
  ring->second_moment = take(from, real, internal, 1, 1);

  ring->gru_ih_forward = take(from, real, 3, D, D);
  ring->gru_hh_forward = take(from, real, 3, D, D);
  ring->gru_ih_backward = take(from, real, 3, D, D);
  ring->gru_hh_backward = take(from, real, 3, D, D);
  ring->gru_ih_bias = take(from, real, 3, D, 1);
  ring->gru_hh_bias = take(from, real, 3, D, 1);
  ring->sensory_ih_forward = take(from, real, 3, S, S);
  ring->sensory_hh_forward = take(from, real, 3, S, S);
  ring->sensory_ih_backward = take(from, real, 3, S, S);
  ring->sensory_hh_backward = take(from, real, 3, S, S);
  ring->sensory_ih_bias = take(from, real, 3, S, 1);
  ring->sensory_hh_bias = take(from, real, 3, S, 1);
  ring->bridge_forward = take(from, real, D, S, 1);
  ring->bridge_backward = take(from, real, D, S, 1);

  ring->x = take(from, real, N, 1, 1);
  ring->input = take(from, real, N, D, 1);
  ring->mixed = take(from, real, N, D, 1);
  ring->gates = take(from, real, N, ring->gates_stride, 1);
  ring->hidden = take(from, real, N + B, D, 1);
  ring->gathered = take(from, real, N, W, D);
  ring->dinput = take(from, real, B, D, 1);
  ring->dhidden = take(from, real, B, D, 1);
  ring->head_grads = take(from, real, N, POINTER_HEADS, 1);
  ring->target_grads = take(from, real, N, 4, 1);
  ring->target_parts = take(from, real, N, 3, 1);
  ring->logits = take(from, real, B, C, 1);
  ring->logits_copy = take(from, real, B, C, 1);
  ring->readout = take(from, real, B, D, 1);

  ring->sensory_input = take(from, real, N, S, 1);
  ring->sensory_mixed = c->synth_len > c->sensory_len ? take(from, real, N, S, 1) : ring->sensory_input;
  ring->sensory_gates_in = take(from, real, 3, N, S);
  ring->sensory_gates = take(from, real, N, ring->sensory_gates_stride, sensory);
  ring->sensory_hidden = take(from, real, N + B, S, 1);
  ring->sensory_dhidden = take(from, real, N, S, 1);
  ring->sensory_carry = take(from, real, B, S, 1);

  ring->ring_rows = take(from, real, B, ring->row_capacity, D);
  ring->ring_grads = take(from, real, B, ring->row_capacity, D);
  ring->slot_row = take(from, sizeof(int32_t), B, c->ring_len, 1);
  ring->touched = take(from, sizeof(int32_t), B, ring->row_capacity, 1);
  ring->touched_count = take(from, sizeof(int32_t), B, 1, 1);

  ring->pointers = take(from, ptr, N + B, 1, 1);
  ring->next_pointers = take(from, ptr, N, 1, 1);
  ring->weights = take(from, ptr, N, W, 1);
  ring->offsets = take(from, ptr, N, W, 1);
  ring->pointer_inputs = take(from, ptr, N, 6, 1);
  ring->pointer_chain = take(from, ptr, B, 1, 1);
  ring->pointer_dweights = take(from, ptr, B, W, 1);
  ring->centers = take(from, sizeof(int32_t), N, W, 1);
  ring->window_rows = take(from, sizeof(int32_t), N, W, 1);
  ring->target_slots = take(from, sizeof(int32_t), N, 1, 1);
  ring->pointer_slots = take(from, sizeof(int32_t), N, 1, 1);
  ring->modes = take(from, sizeof(int32_t), c->state_loop_samples > 0 ? N : 0, 1, 1);
  ring->targets = take(from, sizeof(int32_t), B, 1, 1);
  ring->moved = take(from, sizeof(double), B, 1, 1);
  ring->raw_moved = take(from, sizeof(double), B, 1, 1);
  ring->context_grads = take(from, sizeof(double), B, 1, 1);
  ring->losses = take(from, sizeof(double), B, 1, 1);
  ring->pointer_unit = take(from, sizeof(double), B, 1, 1);
  ring->forced_pointers = take(from, sizeof(double), N, 1, 1);
  ring->projection = take(from, real, c->state_loop_samples > 0 ? c->slot_dim : 0, c->state_loop_dim, 1);

  int64_t block = N < VRX_ROW_BLOCK ? N : VRX_ROW_BLOCK;
  ring->packed_gates = take(from, real, block, 4 * ((D > S ? D : S) + VRX_MAX_TILE_ROWS), 1);
  ring->packed_columns = take(from, 1, c->threads, VRX_ROW_BLOCK, VRX_MAX_TILE_BYTES / VRX_MAX_TILE_ROWS);
  ring->scratch = take(from, real, c->threads, ring->scratch_elements, 1);
}

/* A large block of zeros that costs no memory until it is written to. */
static void *reserve(size_t bytes) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  void *block;
  /* Systems that overcommit would hand out anything and end the process later. */
  if (pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages) return NULL;
#if defined(__linux__)
  block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? NULL : block;
#else
  if (posix_memalign(&block, VRX_LANE_BYTES, bytes) != 0) return NULL;
  return memset(block, 0, bytes);
#endif
}

static void release(void *block, size_t bytes) {
  if (block == NULL) return;
#if defined(__linux__)
  munmap(block, bytes);
#else
  (void)bytes;
  free(block);
#endif
}

/* All members together, all of them apart, then ever fewer: apart as long as there is a sample for each. */
static void make_plans(vrx_ring *ring) {
  int members = (int)ring->config.threads;
  ring->plans[ring->plan_count++] = (vrx_ring_plan){members, false};
  if (members > 1 && ring->config.batch_size >= members) ring->plans[ring->plan_count++] = (vrx_ring_plan){members, true};
  while (members > 1) {
    members /= 2;
    ring->plans[ring->plan_count++] = (vrx_ring_plan){members, members > 1 && ring->config.batch_size >= members};
  }
  for (int mode = 0; mode < 3; mode++) ring->paces[mode] = vrx_pace_of(ring->plan_count);
}

static void work(void *context, vrx_member *member) {
  vrx_ring *ring = context;
  ring->ops->run(ring, member);
}

static void done(void *context, vrx_team_run run) {
  vrx_ring *ring = context;
  vrx_pace_learn(&ring->paces[ring->request.mode], run.elapsed_s, run.waiting_share);
  ring->on_done(ring->done_context);
}

void vrx_ring_destroy(vrx_ring *ring) {
  if (ring == NULL) return;
  vrx_team_destroy(ring->team);
  release(ring->block, ring->block_bytes);
  free(ring->slots);
  free(ring);
}

vrx_ring_status vrx_ring_create(const vrx_ring_config *config, const vrx_ring_ops *ops, vrx_ring_done on_done,
                                void *done_context, vrx_ring **out, size_t *bytes) {
  int64_t lane = VRX_LANE_BYTES / (config->double_precision ? (int64_t)sizeof(double) : (int64_t)sizeof(float));
  int64_t widest;
  allotment count = {0};
  vrx_ring *ring = calloc(1, sizeof *ring);
  *bytes = SIZE_MAX;
  if (ring == NULL) return VRX_RING_OUT_OF_MEMORY;
  ring->config = *config;
  ring->ops = ops;
  ring->on_done = on_done;
  ring->done_context = done_context;
  ring->slot_count = SLOT_HEADS + 2 * config->expert_heads;
  ring->width = 2 * config->window_radius + 1;
  ring->dim = padded(config->slot_dim, lane);
  ring->sdim = config->sensory_ring ? padded(config->sensory_dim, lane) : 0;
  /* A stride that is no large power of two keeps columns from falling into the same cache lines. */
  ring->gates_stride = 4 * ring->dim + lane;
  ring->sensory_gates_stride = 4 * ring->sdim + lane;
  widest = ring->dim > ring->sdim ? ring->dim : ring->sdim;
  if (__builtin_mul_overflow(config->synth_len, config->batch_size, &ring->rows) || ring->rows > INT32_MAX ||
      __builtin_mul_overflow(3 * widest, config->batch_size, &ring->scratch_elements)) {
    vrx_ring_destroy(ring);
    return VRX_RING_TOO_LARGE;
  }
  ring->row_capacity = config->synth_len * ring->width;
  if (ring->row_capacity > config->ring_len) ring->row_capacity = config->ring_len;
  ring->scratch_elements += 3 * lane * config->batch_size + VRX_MAX_TILE_BYTES;

  ring->slots = calloc((size_t)ring->slot_count, sizeof *ring->slots);
  if (ring->slots == NULL) {
    vrx_ring_destroy(ring);
    return VRX_RING_OUT_OF_MEMORY;
  }
  if (!lay_out_parameters(ring, lane)) {
    vrx_ring_destroy(ring);
    return VRX_RING_TOO_LARGE;
  }
  place(ring, &count);
  if (count.overflow) {
    vrx_ring_destroy(ring);
    return VRX_RING_TOO_LARGE;
  }
  *bytes = ring->block_bytes = count.used;
  ring->block = reserve(count.used);
  if (ring->block == NULL) {
    vrx_ring_destroy(ring);
    return VRX_RING_OUT_OF_MEMORY;
  }
  place(ring, &(allotment){.block = ring->block});
  make_plans(ring);
  memset(ring->slot_row, 0xff, (size_t)(config->batch_size * config->ring_len) * sizeof(int32_t));
  ring->team = vrx_team_create((int)config->threads, work, done, ring);
  if (ring->team == NULL) {
    vrx_ring_destroy(ring);
    return VRX_RING_NO_THREADS;
  }
  *out = ring;
  return VRX_RING_OK;
}

void vrx_ring_start(vrx_ring *ring, vrx_ring_request request) {
  int plan = ring->paces[request.mode].plan;
  ring->request = request;
  /* Panels follow the columns that each member multiplies by. */
  if (plan != ring->plan) ring->packed = false;
  ring->plan = plan;
  vrx_team_start(ring->team, ring->plans[plan].members);
}

void vrx_ring_set_inputs(vrx_ring *ring, const double *x) {
  int64_t B = ring->config.batch_size, T = ring->config.synth_len;
  for (int64_t b = 0; b < B; b++) {
    for (int64_t t = 0; t < T; t++) {
      if (ring->config.double_precision)
        ((double *)ring->x)[t * B + b] = x[b * T + t];
      else
        ((float *)ring->x)[t * B + b] = (float)x[b * T + t];
    }
  }
}

void vrx_ring_set_projection(vrx_ring *ring, const double *projection) {
  int64_t count = ring->config.slot_dim * ring->config.state_loop_dim;
  for (int64_t i = 0; i < count; i++) {
    if (ring->config.double_precision)
      ((double *)ring->projection)[i] = projection[i];
    else
      ((float *)ring->projection)[i] = (float)projection[i];
  }
}
