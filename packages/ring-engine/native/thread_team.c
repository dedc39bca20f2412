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

struct vrx_team {
  _Alignas(64) atomic_uint_fast64_t arrivals;
  _Alignas(64) atomic_uint_fast64_t runs;
  atomic_int sleepers;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  vrx_team_work work;
  vrx_team_done done;
  void *context;
  pthread_t *threads;
  int count, started;
  bool crowded; /* more members than cores: polling gives way to others */
  bool busy, stopping;
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

/* True as soon as *counter >= target, false when polling took too long. */
static bool poll_counter(const vrx_team *team, atomic_uint_fast64_t *counter, uint64_t target) {
  int64_t deadline = 0;
  for (;;) {
    for (int i = 0; i < POLLS_PER_LOOK; i++) {
      if (atomic_load_explicit(counter, memory_order_acquire) >= target) return true;
      if (team->crowded)
        sched_yield();
      else
        RELAX();
    }
    if (deadline == 0)
      deadline = now() + POLL_NANOSECONDS;
    else if (now() > deadline)
      return false;
  }
}

/* Returns once *counter >= target. Sequentially consistent, so that a sleeper and a waker cannot miss each other. */
static void await_counter(vrx_team *team, atomic_uint_fast64_t *counter, uint64_t target) {
  if (poll_counter(team, counter, target)) return;
  pthread_mutex_lock(&team->lock);
  atomic_fetch_add(&team->sleepers, 1);
  while (atomic_load(counter) < target) pthread_cond_wait(&team->changed, &team->lock);
  atomic_fetch_sub(&team->sleepers, 1);
  pthread_mutex_unlock(&team->lock);
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
  if (member->count == 1) return;
  await_counter(member->team, &member->team->arrivals, member->meetings * (uint64_t)member->count);
}

static void *serve(void *argument) {
  seat own = *(seat *)argument;
  vrx_team *team = own.team;
  vrx_member member = {team, own.id, team->count, 0};
  free(argument);
  for (uint64_t run = 1;; run++) {
    await_counter(team, &team->runs, run);
    if (team->stopping) return NULL;
    team->work(team->context, &member);
    vrx_team_meet(&member);
    if (member.id == 0) {
      pthread_mutex_lock(&team->lock);
      team->busy = false;
      pthread_cond_broadcast(&team->changed);
      pthread_mutex_unlock(&team->lock);
      team->done(team->context);
    }
  }
}

void vrx_team_start(vrx_team *team) {
  pthread_mutex_lock(&team->lock);
  team->busy = true;
  pthread_mutex_unlock(&team->lock);
  atomic_fetch_add(&team->runs, 1);
  wake_sleepers(team);
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
  atomic_fetch_add(&team->runs, 1);
  wake_sleepers(team);
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
