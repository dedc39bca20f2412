/*
 * A team of threads that runs one function at a time, some or all members together, with a barrier between its phases.
 *
 * Waiting polls first, since phases are microseconds long, and sleeps after a while, so that a machine with more
 * threads than cores still gets on. A team belongs to one engine; there is no global state.
 */
#ifndef VRX_THREAD_TEAM_H
#define VRX_THREAD_TEAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct vrx_team vrx_team;

/* A member's view of a run: who it is among how many, how often they met, and how long it waited. */
typedef struct {
  vrx_team *team;
  int id;
  int count;
  uint64_t meetings, arrivals_before;
  int64_t waited_ns;
} vrx_member;

/* What a run took, and the share of its members' time in which they waited for each other. */
typedef struct {
  double elapsed_s;
  double waiting_share;
} vrx_team_run;

typedef void (*vrx_team_work)(void *context, vrx_member *member);
/* Called by one member after all of them have finished a run; it may lead to the next run. */
typedef void (*vrx_team_done)(void *context, vrx_team_run run);

/* NULL when the threads cannot be created. */
vrx_team *vrx_team_create(int count, vrx_team_work work, vrx_team_done done, void *context);
/* Starts a run of the first `active` members and returns at once; the caller sees to it that none is under way. */
void vrx_team_start(vrx_team *team, int active);
/* Waits for a run under way and its `done`, then ends the threads. */
void vrx_team_destroy(vrx_team *team);

/* All members arrive before any goes on. Between arriving and awaiting, a member may do work that needs no other. */
void vrx_team_arrive(vrx_member *member);
void vrx_team_await(vrx_member *member);
static inline void vrx_team_meet(vrx_member *member) {
  vrx_team_arrive(member);
  vrx_team_await(member);
}

#endif
