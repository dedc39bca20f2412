/*
 * Which of several plans a run follows, from the one that is fastest where every member has a core for itself to the
 * one that waits least. Where other programs hold the cores, members that meet often mostly wait for one that is not
 * running; the same holds for models too small to share. Since results do not depend on the plan, it may change from
 * run to run: to the next one when members mostly waited, back to the one before from time to time, and each time only
 * for good if the run was faster.
 */
#ifndef VRX_PACE_H
#define VRX_PACE_H

#include <stdbool.h>

enum { VRX_PACE_SHORTEST_REST = 8, VRX_PACE_LONGEST_REST = 64 };

typedef struct {
  int plans, plan;
  double usual_s; /* what runs by this plan took lately */
  bool trying;    /* `plan` is being tried; the one before and its time are kept */
  int plan_before;
  double usual_before_s;
  int rest, patience; /* runs until the next try, and after a try of an earlier plan that did not help */
} vrx_pace;

static inline vrx_pace vrx_pace_of(int plans) {
  return (vrx_pace){.plans = plans, .rest = 2, .patience = VRX_PACE_SHORTEST_REST};
}

static inline void vrx_pace_try(vrx_pace *pace, int plan) {
  pace->trying = true;
  pace->plan_before = pace->plan;
  pace->usual_before_s = pace->usual_s;
  pace->plan = plan;
}

/* Takes in what a run took, and the share of its members' time in which they waited for each other. */
static inline void vrx_pace_learn(vrx_pace *pace, double elapsed_s, double waiting_share) {
  if (pace->trying) {
    bool earlier = pace->plan < pace->plan_before;
    pace->trying = false;
    if (elapsed_s < pace->usual_before_s) {
      pace->usual_s = elapsed_s;
      pace->patience = VRX_PACE_SHORTEST_REST;
    } else {
      pace->plan = pace->plan_before;
      pace->usual_s = pace->usual_before_s;
      if (earlier && pace->patience < VRX_PACE_LONGEST_REST) pace->patience *= 2;
    }
    pace->rest = pace->patience;
    return;
  }
  pace->usual_s = pace->usual_s == 0 ? elapsed_s : 0.75 * pace->usual_s + 0.25 * elapsed_s;
  if (pace->rest > 0)
    pace->rest--;
  else if (waiting_share > 0.5 && pace->plan + 1 < pace->plans)
    vrx_pace_try(pace, pace->plan + 1);
  else if (pace->plan > 0)
    vrx_pace_try(pace, pace->plan - 1);
}

#endif
