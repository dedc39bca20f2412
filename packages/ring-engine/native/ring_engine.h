/*
 * The CPU engine of the ring model: its configuration, its memory, and what callers may do with it.
 *
 * Sizes count elements unless a name says bytes. Rows are time-major: row n = t * batch + b. Row lengths are padded
 * to whole 64-byte lanes and the padding stays zero, so loops need no tail. All memory is one block, taken when the
 * engine is made; nothing is allocated by a step.
 */
#ifndef VRX_RING_ENGINE_H
#define VRX_RING_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pace.h"
#include "thread_team.h"

typedef struct {
  int64_t ring_len, slot_dim, synth_len, batch_size, expert_heads, num_classes, ptr_update_every;
  int64_t state_loop_samples, state_loop_dim, sensory_len, sensory_dim, window_radius, threads;
  bool sensory_ring, double_precision, double_pointer;
  double window_tau, deadzone_tau, update_scale, learning_rate, adam_beta1, adam_beta2, adam_epsilon;
} vrx_ring_config;

/* Where a parameter lies: `external` in the flat vector callers see, `internal` in the engine's padded one. */
typedef struct {
  size_t external, internal, length;
  int32_t updates;
  bool present;
} vrx_ring_slot;

/* The parameters in the order of the flat vector; the heads follow, two slots each. */
enum {
  SLOT_THETA_PTR,
  SLOT_THETA_GATE,
  SLOT_CONTEXT,
  SLOT_SENSORY_PROJ_W,
  SLOT_SENSORY_PROJ_B,
  SLOT_SENSORY_W_IH,
  SLOT_SENSORY_W_HH,
  SLOT_SENSORY_B_IH,
  SLOT_SENSORY_B_HH,
  SLOT_BRIDGE_W,
  SLOT_BRIDGE_B,
  SLOT_INPUT_W,
  SLOT_INPUT_B,
  SLOT_GRU_W_IH,
  SLOT_GRU_W_HH,
  SLOT_GRU_B_IH,
  SLOT_GRU_B_HH,
  SLOT_JUMP_W,
  SLOT_JUMP_B,
  SLOT_INERTIA_W,
  SLOT_INERTIA_B,
  SLOT_DEADZONE_W,
  SLOT_DEADZONE_B,
  SLOT_WALK_W,
  SLOT_WALK_B,
  SLOT_HEADS
};

enum { POINTER_HEADS = 4 };

typedef enum { VRX_TRAIN, VRX_GRADIENTS, VRX_FORWARD } vrx_ring_mode;

typedef struct vrx_ring vrx_ring;
/* Called on one of the engine's threads when a step is done; it may lead to the next step. */
typedef void (*vrx_ring_done)(void *context);

/* One compilation of the engine: for an instruction set, a precision and a pointer precision. */
typedef struct {
  const char *isa;
  void (*run)(vrx_ring *ring, vrx_member *member);
  void (*read_vector)(const vrx_ring *ring, const void *from, double *to);
  void (*write_vector)(const vrx_ring *ring, const double *from, void *to);
} vrx_ring_ops;

/* How the inputs of one step come to the engine; pointers stay valid until the step is done. */
typedef struct {
  vrx_ring_mode mode;
  bool trace;
  bool forced;
} vrx_ring_request;

/*
 * How members share a step. Together, they take columns of the products through time and meet at every time step;
 * apart, each takes some samples all by itself and they meet only between the stages of a step.
 */
typedef struct {
  int members;
  bool apart;
} vrx_ring_plan;

enum { VRX_MAX_PLANS = 16 };

typedef enum { VRX_RING_OK, VRX_RING_OUT_OF_MEMORY, VRX_RING_TOO_LARGE, VRX_RING_NO_THREADS } vrx_ring_status;

/*
 * Buffers are of the engine's precision unless said otherwise; "pointer" means the pointer precision.
 * N = synth_len * batch rows, D and S padded dimensions, W window width.
 */
struct vrx_ring {
  vrx_ring_config config;
  const vrx_ring_ops *ops;
  vrx_team *team;
  vrx_ring_done on_done;
  void *done_context;
  void *block;
  size_t block_bytes;

  int64_t rows, dim, sdim, width, row_capacity, gates_stride, sensory_gates_stride, scratch_elements;
  int64_t slot_count;
  size_t parameter_count, internal_count;
  vrx_ring_slot *slots;
  bool packed;
  vrx_ring_plan plans[VRX_MAX_PLANS];
  int plan_count, plan; /* `plan`: of the current or last step */
  vrx_pace paces[3];    /* one per mode: their steps take different times */

  void *parameters, *gradients, *first_moment, *second_moment; /* internal_count */

  /* Weights in the order in which kernels read them. Forward panels hold the three gates of a vector of units. */
  void *gru_ih_forward, *gru_hh_forward, *gru_ih_backward, *gru_hh_backward; /* 3 D^2 each */
  void *gru_ih_bias, *gru_hh_bias;                                           /* 3 D */
  void *sensory_ih_forward, *sensory_hh_forward, *sensory_ih_backward, *sensory_hh_backward;
  void *sensory_ih_bias, *sensory_hh_bias;
  void *bridge_forward, *bridge_backward; /* D * S */

  void *x;          /* N: inputs */
  void *input;      /* N x D: i_t; its gradient before tanh after the backward pass */
  void *mixed;      /* N x D: i_t + sigmoid(context) * cur */
  void *gates;      /* N x (4 D + lane): n, r, z, W_hn h + b_hn; their gradients after the backward pass */
  void *hidden;     /* (batch + N) x D: zero rows, then h_t */
  void *gathered;   /* N x W x D: the slots read, before the write */
  void *dinput;     /* batch x D */
  void *dhidden;    /* batch x D */
  void *head_grads; /* N x 4: of the pointer heads' outputs */
  void *target_grads; /* N x 4: of theta_ptr at j0, j1 and theta_gate at j0, j1 */
  void *logits;       /* batch x classes; their gradients after the backward pass */
  void *logits_copy;  /* batch x classes */
  void *readout;      /* batch x D: what the heads read; its gradient after the backward pass */

  void *sensory_input; /* N x S: u_t */
  void *sensory_mixed; /* N x S: u_t + delayed state; the same block as sensory_input where nothing is delayed */
  void *sensory_gates_in; /* N x 3 S, forward panels */
  void *sensory_gates;    /* N x (4 S + lane) */
  void *sensory_hidden;   /* (batch + N) x S */
  void *sensory_dhidden;  /* N x S */
  void *sensory_carry;    /* batch x S */

  /* Only slots that are touched have rows: at most W per time step. slot_row maps ring positions to rows, or -1. */
  void *ring_rows, *ring_grads; /* batch x row_capacity x D */
  int32_t *slot_row;            /* batch x ring_len */
  int32_t *touched;             /* batch x row_capacity */
  int32_t *touched_count;       /* batch */

  void *pointers;        /* (T + 1) x batch, pointer precision: at the start of each step, forced or not */
  void *next_pointers;   /* N, pointer precision: where each step moved them */
  void *weights;         /* N x W, pointer precision */
  void *offsets;         /* N x W, pointer precision */
  void *pointer_inputs;  /* N x 6, pointer precision: heads, target, gate */
  void *pointer_chain;   /* batch, pointer precision */
  void *pointer_dweights; /* batch x W, pointer precision */
  int32_t *centers;      /* N x W */
  int32_t *window_rows;  /* N x W: rows of the window's slots */
  int32_t *target_slots; /* N: j0 */
  void *target_parts;    /* N x 3: fraction, sigmoid(theta_ptr) at j0 and j1 */
  double *moved;         /* batch: sum over time of |wrap(p, p_new)| */
  double *raw_moved;     /* batch: the same before inertia and dead zone */
  double *context_grads; /* batch */
  double *losses;        /* batch */
  int32_t *targets;      /* batch: y */
  int32_t *pointer_slots; /* N: slot of the pointer after each time step */
  int32_t *modes;        /* N: state-loop mode of h_t; only the first state_loop_samples of a batch are set */
  double *forced_pointers; /* N */
  double *pointer_unit;    /* batch */
  void *projection;        /* D x state_loop_dim */

  void *packed_gates;    /* a block of rows x (4 D + tiles' padding): gate gradients in tiles */
  void *packed_columns;  /* threads x a block of rows x one panel */
  void *scratch;         /* threads x scratch_elements */

  vrx_ring_request request;
  double loss;
};

/* Rows of the weight gradients' sums that are packed at a time, and bounds of every variant's register tile. */
enum { VRX_ROW_BLOCK = 512, VRX_MAX_TILE_ROWS = 6, VRX_MAX_TILE_BYTES = 6 * 4 * 64, VRX_LANE_BYTES = 64 };

/* The compiled variant to use; `level` is 0 generic, 1 AVX2 with FMA, 2 AVX-512. NULL when the CPU lacks that level. */
const vrx_ring_ops *vrx_ring_variant(int level, bool double_precision, bool double_pointer);
/* The highest level this CPU can run. */
int vrx_ring_best_level(void);
const char *vrx_ring_level_name(int level);

/* Makes an engine or says why not; nothing is left behind on failure. `bytes` gets the size asked for. */
vrx_ring_status vrx_ring_create(const vrx_ring_config *config, const vrx_ring_ops *ops, vrx_ring_done on_done,
                                void *done_context, vrx_ring **out, size_t *bytes);
void vrx_ring_destroy(vrx_ring *ring);
/* Starts a step with the inputs already copied into x, targets, pointer_unit, forced_pointers and projection. */
void vrx_ring_start(vrx_ring *ring, vrx_ring_request request);
/* Copies x [B, T] row-major into the engine. */
void vrx_ring_set_inputs(vrx_ring *ring, const double *x);
void vrx_ring_set_projection(vrx_ring *ring, const double *projection);

#endif
