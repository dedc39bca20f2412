#include "thread_team.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ __volatile__("yield")
#else
#define RELAX() ((void)0)
#endif

/*
 * How long a member polls before it sleeps. Longer than it takes to wake a sleeper by a wide margin: otherwise, once
 * one member was held up, the others sleep while it catches up, it sleeps while they wake, and so on for good.
 */
enum { POLL_NANOSECONDS = 1000000, POLLS_PER_LOOK = 64 };

/* The ticket of a run: its number, and how many members it has. One word, so that both are read together. */
enum { ACTIVE_BITS = 16, ACTIVE_MASK = (1 << ACTIVE_BITS) - 1 };

struct vrx_team {
  _Alignas(64) atomic_uint_fast64_t arrivals;
  _Alignas(64) atomic_uint_fast64_t ticket;
  uint64_t arrivals_before; /* those of earlier runs; read by members before they first arrive */
  int64_t started_ns;
  atomic_int_fast64_t waited_ns;
  atomic_int sleepers;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  vrx_team_work work;
  vrx_team_done done;
  void *context;
  pthread_t *threads;
  int count, started;
  bool crowded; /* more members than cores: polling gives way to others */
  bool busy;
  atomic_bool stopping;
};

typedef struct {
  vrx_team *team;
  int id;
} seat;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Returns once *counter >= target; adds to *waited_ns how long that took, if it took longer than a look at the clock. */
static void await_counter(vrx_team *team, atomic_uint_fast64_t *counter, uint64_t target, int64_t *waited_ns) {
  int64_t begin = 0;
  for (;;) {
    for (int i = 0; i < POLLS_PER_LOOK; i++) {
      if (atomic_load_explicit(counter, memory_order_acquire) >= target) {
        if (begin != 0) *waited_ns += now() - begin;
        return;
      }
      if (team->crowded)
        sched_yield();
      else
        RELAX();
    }
    if (begin == 0)
      begin = now();
    else if (now() > begin + POLL_NANOSECONDS)
      break;
  }
  /* Sequentially consistent, so that a sleeper and a waker cannot miss each other. */
  pthread_mutex_lock(&team->lock);
  atomic_fetch_add(&team->sleepers, 1);
  while (atomic_load(counter) < target) pthread_cond_wait(&team->changed, &team->lock);
  atomic_fetch_sub(&team->sleepers, 1);
  pthread_mutex_unlock(&team->lock);
  *waited_ns += now() - begin;
}

static void wake_sleepers(vrx_team *team) {
  if (atomic_load(&team->sleepers) == 0) return;
  pthread_mutex_lock(&team->lock);
  pthread_cond_broadcast(&team->changed);
  pthread_mutex_unlock(&team->lock);
}

void vrx_team_arrive(vrx_member *member) {
  member->meetings++;
  if (member->count == 1) return;
  atomic_fetch_add(&member->team->arrivals, 1);
  wake_sleepers(member->team);
}

void vrx_team_await(vrx_member *member) {
  vrx_team *team = member->team;
  if (member->count == 1) return;
  await_counter(team, &team->arrivals, member->arrivals_before + member->meetings * (uint64_t)member->count,
                &member->waited_ns);
}

/* One member's part of a run; member 0 reports it. */
static void take_part(vrx_team *team, int id, int count) {
  vrx_member member = {.team = team, .id = id, .count = count, .arrivals_before = team->arrivals_before};
  team->work(team->context, &member);
  vrx_team_meet(&member);
  /* The last wait is counted too: all members add theirs, and member 0 looks when all have. */
  atomic_fetch_add(&team->waited_ns, member.waited_ns);
  vrx_team_meet(&member);
  if (id != 0) return;
  double elapsed_ns = (double)(now() - team->started_ns);
  vrx_team_run run = {elapsed_ns / 1e9, (double)atomic_load(&team->waited_ns) / (elapsed_ns * count + 1)};
  pthread_mutex_lock(&team->lock);
  team->busy = false;
  pthread_cond_broadcast(&team->changed);
  pthread_mutex_unlock(&team->lock);
  team->done(team->context, run);
}

static void *serve(void *argument) {
  seat own = *(seat *)argument;
  vrx_team *team = own.team;
  uint64_t ticket = 0;
  int64_t idle_ns = 0;
  free(argument);
  for (;;) {
    /* A member that earlier runs did without may find itself several runs behind: it goes on with the last. */
    await_counter(team, &team->ticket, ((ticket >> ACTIVE_BITS) + 1) << ACTIVE_BITS, &idle_ns);
    ticket = atomic_load(&team->ticket);
    if (team->stopping) return NULL;
    int active = (int)(ticket & ACTIVE_MASK);
    if (own.id < active) take_part(team, own.id, active);
  }
}

static void issue_ticket(vrx_team *team, int active) {
  uint64_t run = (atomic_load(&team->ticket) >> ACTIVE_BITS) + 1;
  atomic_store(&team->ticket, run << ACTIVE_BITS | (uint64_t)active);
  wake_sleepers(team);
}

void vrx_team_start(vrx_team *team, int active) {
  pthread_mutex_lock(&team->lock);
  team->busy = true;
  pthread_mutex_unlock(&team->lock);
  team->started_ns = now();
  team->arrivals_before = atomic_load(&team->arrivals);
  atomic_store(&team->waited_ns, 0);
  issue_ticket(team, active);
}

static void wait_idle(vrx_team *team) {
  pthread_mutex_lock(&team->lock);
  while (team->busy) pthread_cond_wait(&team->changed, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

void vrx_team_destroy(vrx_team *team) {
  if (team == NULL) return;
  wait_idle(team);
  team->stopping = true;
  issue_ticket(team, 0);
  for (int i = 0; i < team->started; i++) pthread_join(team->threads[i], NULL);
  pthread_cond_destroy(&team->changed);
  pthread_mutex_destroy(&team->lock);
  free(team->threads);
  free(team);
}

vrx_team *vrx_team_create(int count, vrx_team_work work, vrx_team_done done, void *context) {
  void *block = NULL;
  vrx_team *team;
  if (posix_memalign(&block, _Alignof(vrx_team), sizeof(vrx_team)) != 0) return NULL;
  team = block;
  *team = (vrx_team){.work = work, .done = done, .context = context, .count = count};
  team->crowded = sysconf(_SC_NPROCESSORS_ONLN) < count;
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->changed, NULL);
  team->threads = calloc((size_t)count, sizeof *team->threads);
  while (team->threads != NULL && team->started < count) {
    seat *own = malloc(sizeof *own);
    if (own == NULL) break;
    *own = (seat){team, team->started};
    if (pthread_create(&team->threads[team->started], NULL, serve, own) != 0) {
      free(own);
      break;
    }
    team->started++;
  }
  if (team->threads == NULL || team->started < count) {
    vrx_team_destroy(team);
    return NULL;
  }
  return team;
}
