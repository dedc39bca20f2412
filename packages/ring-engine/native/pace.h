/*
 * How many members of a team a run uses. Where other programs hold the cores, members mostly wait for one that is not
 * running, and fewer are faster; the same holds for models too small to share. Since results do not depend on the number
 * of members, it may change from run to run: it is halved when members mostly waited and that helps, and doubled again
 * from time to time when that helps.
 */
#ifndef VRX_PACE_H
#define VRX_PACE_H

enum { VRX_PACE_SHORTEST_REST = 8, VRX_PACE_LONGEST_REST = 64 };

typedef struct {
  int largest, active;
  double usual_s;  /* what runs with `active` members took lately */
  int before;      /* while another number is tried: the one before; else 0 */
  double before_s;
  int rest, patience; /* runs until the next try, and after a try that did not help */
} vrx_pace;

static inline vrx_pace vrx_pace_of(int members) {
  return (vrx_pace){.largest = members, .active = members, .rest = 2, .patience = VRX_PACE_SHORTEST_REST};
}

static inline void vrx_pace_try(vrx_pace *pace, int members) {
  pace->before = pace->active;
  pace->before_s = pace->usual_s;
  pace->active = members;
}

/* Takes in what a run took, and the share of its members' time in which they waited for each other. */
static inline void vrx_pace_learn(vrx_pace *pace, double elapsed_s, double waiting_share) {
  if (pace->before != 0) {
    int more = pace->active > pace->before;
    if (elapsed_s < pace->before_s) {
      pace->usual_s = elapsed_s;
      pace->patience = VRX_PACE_SHORTEST_REST;
    } else {
      pace->active = pace->before;
      pace->usual_s = pace->before_s;
      if (more && pace->patience < VRX_PACE_LONGEST_REST) pace->patience *= 2;
    }
    pace->before = 0;
    pace->rest = pace->patience;
    return;
  }
  pace->usual_s = pace->usual_s == 0 ? elapsed_s : 0.75 * pace->usual_s + 0.25 * elapsed_s;
  if (pace->rest > 0) {
    pace->rest--;
  } else if (pace->active > 1 && waiting_share > 0.5) {
    vrx_pace_try(pace, pace->active / 2);
  } else if (pace->active < pace->largest) {
    vrx_pace_try(pace, 2 * pace->active < pace->largest ? 2 * pace->active : pace->largest);
  }
}

#endif
