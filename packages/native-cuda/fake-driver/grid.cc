#include "grid.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "fibre.h"

namespace fake {
namespace {

/* Local variables of a kernel live here; a GPU gives a thread far less by default. */
constexpr size_t STACK_BYTES = 128 << 10;
/* What shared memory holds at a block's start: read as a float it is NaN, as an index it is out of range. */
constexpr int GARBAGE = 0xff;
constexpr auto PATIENCE = std::chrono::seconds(60);

enum class Wait { ready, block, warp, grid, relax, done };

/* Lanes that meet under one mask. Values are kept for two meetings, since a lane may read late. */
struct Meeting {
  uint32_t mask = 0, arrived = 0;
  unsigned number = 0;
  uint32_t present[2] = {0, 0};
  uint64_t values[2][32];
};

struct Block;
struct Warp {
  uint32_t live = 0;
  std::vector<std::unique_ptr<Meeting>> meetings;
};

struct Thread : vrx_host_thread {
  Fibre *fibre = nullptr;
  Wait wait = Wait::ready;
  Block *block = nullptr;
  Warp *warp = nullptr;
  Meeting *meeting = nullptr;
};

struct Block {
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  size_t live = 0, arrived = 0;
  unsigned number = 0; /* of the barrier */
  int all[2] = {1, 1}, any[2] = {0, 0}, count[2] = {0, 0};
  size_t shared = 0; /* which piece of dynamic shared memory is the block's */
  std::vector<char> saved;
};

/* Pieces of dynamic shared memory, each before a page that nobody may touch. */
class DynamicShared {
 public:
  ~DynamicShared() { release(); }
  void *take(size_t bytes, size_t *piece) {
    if (bytes > capacity_ || base_.empty()) {
      release();
      capacity_ = std::max<size_t>(bytes, 4096);
      capacity_ = (capacity_ + page() - 1) / page() * page();
    }
    if (free_.empty()) {
      void *at = mmap(nullptr, capacity_ + page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (at == MAP_FAILED) return nullptr;
      mprotect(static_cast<char *>(at) + capacity_, page(), PROT_NONE);
      free_.push_back(base_.size());
      base_.push_back(static_cast<char *>(at));
    }
    *piece = free_.back();
    free_.pop_back();
    size_t used = (bytes + 15) / 16 * 16;
    char *begin = base_[*piece] + capacity_ - used;
    memset(begin, GARBAGE, used);
    return begin;
  }
  void give_back(size_t piece) { free_.push_back(piece); }

 private:
  static size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  void release() {
    for (char *at : base_) munmap(at, capacity_ + page());
    base_.clear();
    free_.clear();
  }
  size_t capacity_ = 0;
  std::vector<char *> base_;
  std::vector<size_t> free_;
};

/* The calling thread's part of an image's shared memory. */
struct SharedPlace {
  char *begin = nullptr;
  size_t bytes = 0;
};

class Grid {
 public:
  GridResult run(const GridRequest &request);

  /* Called by running threads. */
  int block_barrier(vrx_host_barrier kind, int predicate);
  void grid_barrier();
  const uint64_t *warp_exchange(uint32_t mask, uint64_t value, uint32_t *present);
  uint32_t active_lanes() const { return current_->warp->live; }
  void relax() { yield(Wait::relax); }
  void stop(Outcome outcome, const char *what);
  [[noreturn]] void thread_main();
  bool fault(int signal, const siginfo_t *info, void *context);
  [[noreturn]] void thread_faulted();

 private:
  void begin_block(size_t index);
  void end_block(Block &block);
  void run_block(Block &block);
  void enter(Block &block);
  void leave(Block &block);
  void resume(Thread &thread);
  void yield(Wait wait);
  void thread_ended(Thread &thread);
  void release_block_barrier(Block &block);
  void release_meeting(Warp &warp, Meeting &meeting, Block &block);
  void release_grid();
  Fibre *take_fibre();
  SharedPlace place_of(const vrx_host_image *image);
  size_t turn(size_t i, size_t count);

  const GridRequest *request_ = nullptr;
  Fibre scheduler_;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre *> idle_;
  std::vector<std::unique_ptr<Block>> spare_;
  std::vector<std::unique_ptr<Block>> active_;
  DynamicShared dynamic_;
  SharedPlace shared_;
  uint64_t placed_ = 0;
  Thread *current_ = nullptr;
  size_t live_ = 0, at_grid_ = 0;
  uint64_t progress_ = 0, random_ = 0;
  GridResult result_{Outcome::ok, ""};
};

/* Of this thread of the system; set while a kernel's code runs. */
thread_local Grid *running = nullptr;

const vrx_host_runtime runtime = {
    [](vrx_host_barrier kind, int predicate) { return running->block_barrier(kind, predicate); },
    [] { running->grid_barrier(); },
    [](uint32_t mask, uint64_t value, uint32_t *present) { return running->warp_exchange(mask, value, present); },
    [] { return running->active_lanes(); },
    [] { running->relax(); },
    [](vrx_host_trap kind, const char *what) {
      running->stop(kind == VRX_TRAP_ASSERT ? Outcome::assertion : Outcome::trap, what);
    },
};

void fibre_main() { running->thread_main(); }
void fibre_faulted() { running->thread_faulted(); }

std::string at_thread(const Thread &t) {
  auto text = [](const uint3 &v) {
    return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
  };
  return " in thread " + text(t.thread_idx) + " of block " + text(t.block_idx);
}

int Grid::block_barrier(vrx_host_barrier kind, int predicate) {
  Block &block = *current_->block;
  unsigned which = block.number & 1;
  if (block.arrived == 0) {
    block.all[which] = 1;
    block.any[which] = block.count[which] = 0;
  }
  block.all[which] &= predicate != 0;
  block.any[which] |= predicate != 0;
  block.count[which] += predicate != 0;
  block.arrived++;
  progress_++;
  current_->wait = Wait::block;
  if (block.arrived == block.live) release_block_barrier(block);
  if (current_->wait != Wait::ready) yield(Wait::block);
  return kind == VRX_BARRIER_AND ? block.all[which] : kind == VRX_BARRIER_OR ? block.any[which] : block.count[which];
}

void Grid::release_block_barrier(Block &block) {
  for (Thread &thread : block.threads)
    if (thread.wait == Wait::block) thread.wait = Wait::ready;
  block.arrived = 0;
  block.number++;
}

void Grid::grid_barrier() {
  if (!request_->cooperative) {
    stop(Outcome::trap, "a grid barrier in a launch that is not cooperative");
    return;
  }
  at_grid_++;
  progress_++;
  current_->wait = Wait::grid;
  if (at_grid_ == live_) release_grid();
  if (current_->wait != Wait::ready) yield(Wait::grid);
}

void Grid::release_grid() {
  for (auto &block : active_)
    for (Thread &thread : block->threads)
      if (thread.wait == Wait::grid) thread.wait = Wait::ready;
  at_grid_ = 0;
}

const uint64_t *Grid::warp_exchange(uint32_t mask, uint64_t value, uint32_t *present) {
  Thread &self = *current_;
  if ((mask >> self.lane & 1) == 0) stop(Outcome::trap, "a warp-wide operation whose mask lacks the calling lane");
  auto &meetings = self.warp->meetings;
  auto found = std::find_if(meetings.begin(), meetings.end(), [mask](auto &m) { return m->mask == mask; });
  if (found == meetings.end()) {
    meetings.push_back(std::make_unique<Meeting>());
    meetings.back()->mask = mask;
    found = meetings.end() - 1;
  }
  Meeting &meeting = **found;
  unsigned which = meeting.number & 1;
  if (meeting.arrived == 0) memset(meeting.values[which], 0xff, sizeof meeting.values[which]);
  meeting.values[which][self.lane] = value;
  meeting.arrived |= 1u << self.lane;
  progress_++;
  self.wait = Wait::warp;
  self.meeting = &meeting;
  if ((mask & self.warp->live & ~meeting.arrived) == 0) release_meeting(*self.warp, meeting, *self.block);
  if (self.wait != Wait::ready) yield(Wait::warp);
  *present = meeting.present[which];
  return meeting.values[which];
}

void Grid::release_meeting(Warp &warp, Meeting &meeting, Block &block) {
  size_t first = static_cast<size_t>(&warp - block.warps.data()) * 32;
  for (size_t i = first; i < std::min(first + 32, block.threads.size()); i++) {
    Thread &thread = block.threads[i];
    if (thread.wait == Wait::warp && thread.meeting == &meeting) thread.wait = Wait::ready;
  }
  meeting.present[meeting.number & 1] = meeting.arrived;
  meeting.arrived = 0;
  meeting.number++;
}

void Grid::thread_ended(Thread &thread) {
  Block &block = *thread.block;
  thread.wait = Wait::done;
  progress_++;
  live_--;
  block.live--;
  thread.warp->live &= ~(1u << thread.lane);
  /* Who waited only for this thread goes on: a GPU does not wait for threads that have ended either. */
  if (block.live > 0 && block.arrived == block.live) release_block_barrier(block);
  for (auto &meeting : thread.warp->meetings)
    if (meeting->arrived != 0 && (meeting->mask & thread.warp->live & ~meeting->arrived) == 0)
      release_meeting(*thread.warp, *meeting, block);
  if (live_ > 0 && at_grid_ == live_) release_grid();
}

/* Back to the scheduler until the thread is ready again. */
void Grid::yield(Wait wait) {
  Thread &self = *current_;
  self.wait = wait;
  switch_fibre(*self.fibre, scheduler_);
}

void Grid::stop(Outcome outcome, const char *what) {
  if (result_.outcome == Outcome::ok) result_ = {outcome, what + at_thread(*current_)};
  switch_fibre(*current_->fibre, scheduler_, true);
}

void Grid::thread_main() {
  for (;;) {
    Fibre &fibre = *current_->fibre;
    fibre_entered(fibre);
    request_->kernel->run(request_->parameters);
    thread_ended(*current_);
    switch_fibre(fibre, scheduler_, true);
  }
}

void Grid::thread_faulted() { /* On the emptied stack of the thread that faulted; where it was is recorded already. */
  for (;;) switch_fibre(*current_->fibre, scheduler_, true);
}

bool Grid::fault(int signal, const siginfo_t *info, void *context) {
  if (current_ == nullptr) return false;
  char address[64];
  snprintf(address, sizeof address, "an access to %p", info->si_addr);
  if (signal == SIGFPE)
    result_ = {Outcome::trap, "a division by zero" + at_thread(*current_)};
  else
    result_ = {Outcome::illegal_address, address + at_thread(*current_)};
  return redirect(context, *current_->fibre, fibre_faulted);
}

Fibre *Grid::take_fibre() {
  if (idle_.empty()) {
    auto fibre = std::make_unique<Fibre>();
    if (!allocate_stack(*fibre, STACK_BYTES)) return nullptr;
    idle_.push_back(fibre.get());
    fibres_.push_back(std::move(fibre));
  }
  Fibre *fibre = idle_.back();
  idle_.pop_back();
  return fibre;
}

void Grid::resume(Thread &thread) {
  if (thread.fibre == nullptr) {
    thread.fibre = take_fibre();
    if (thread.fibre == nullptr) {
      result_ = {Outcome::no_memory, "no memory for another thread's stack"};
      return;
    }
    prepare(*thread.fibre, fibre_main);
  }
  current_ = &thread;
  *request_->image->thread = &thread;
  switch_fibre(scheduler_, *thread.fibre);
  current_ = nullptr;
  if (thread.wait == Wait::done) {
    idle_.push_back(thread.fibre);
    thread.fibre = nullptr;
  }
}

SharedPlace Grid::place_of(const vrx_host_image *image) {
  struct Search {
    const vrx_host_image *image;
    char *touched;
    SharedPlace place;
  } search{image, image->touch_shared(), {}};
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *data) {
        auto *s = static_cast<Search *>(data);
        uintptr_t wanted = reinterpret_cast<uintptr_t>(s->image);
        const ElfW(Phdr) *tls = nullptr;
        bool ours = false;
        for (int i = 0; i < info->dlpi_phnum; i++) {
          const ElfW(Phdr) &h = info->dlpi_phdr[i];
          uintptr_t begin = info->dlpi_addr + h.p_vaddr;
          if (h.p_type == PT_LOAD && wanted >= begin && wanted < begin + h.p_memsz) ours = true;
          if (h.p_type == PT_TLS) tls = &h;
        }
        if (!ours || tls == nullptr || info->dlpi_tls_data == nullptr) return 0;
        s->place = {static_cast<char *>(info->dlpi_tls_data), tls->p_memsz};
        return 1;
      },
      &search);
  return search.place;
}

void Grid::enter(Block &block) {
  if (!block.saved.empty() && shared_.bytes > 0) memcpy(shared_.begin, block.saved.data(), shared_.bytes);
}

void Grid::leave(Block &block) {
  if (block.live == 0 || shared_.bytes == 0) return;
  block.saved.assign(shared_.begin, shared_.begin + shared_.bytes);
}

void Grid::begin_block(size_t index) {
  std::unique_ptr<Block> block;
  if (spare_.empty()) {
    block = std::make_unique<Block>();
  } else {
    block = std::move(spare_.back());
    spare_.pop_back();
  }
  const uint3 &grid = request_->shape.grid_dim, &shape = request_->shape.block_dim;
  size_t count = static_cast<size_t>(shape.x) * shape.y * shape.z;
  block->threads.assign(count, Thread{});
  block->warps.resize((count + 31) / 32);
  block->live = count;
  block->arrived = 0;
  block->number = 0;
  live_ += count;
  void *dynamic = dynamic_.take(request_->dynamic_shared, &block->shared);
  if (dynamic == nullptr) result_ = {Outcome::no_memory, "no memory for a block's shared memory"};
  for (Warp &warp : block->warps) {
    warp.live = 0;
    warp.meetings.clear();
  }
  uint3 at = {static_cast<unsigned>(index % grid.x), static_cast<unsigned>(index / grid.x % grid.y),
              static_cast<unsigned>(index / grid.x / grid.y)};
  for (size_t i = 0; i < count; i++) {
    Thread &t = block->threads[i];
    t.thread_idx = {static_cast<unsigned>(i % shape.x), static_cast<unsigned>(i / shape.x % shape.y),
                    static_cast<unsigned>(i / shape.x / shape.y)};
    t.block_idx = at;
    t.lane = static_cast<unsigned>(i % 32);
    t.launch = &request_->shape;
    t.dynamic_shared = dynamic;
    t.block = block.get();
    t.warp = &block->warps[i / 32];
    t.warp->live |= 1u << t.lane;
  }
  block->saved.assign(shared_.bytes, static_cast<char>(GARBAGE));
  active_.push_back(std::move(block));
}

void Grid::end_block(Block &block) {
  for (Thread &thread : block.threads) {
    if (thread.fibre != nullptr) idle_.push_back(thread.fibre);
    thread.fibre = nullptr;
  }
  dynamic_.give_back(block.shared);
}

/* A permutation of the turns under the schedule. */
size_t Grid::turn(size_t i, size_t count) {
  if (request_->schedule.order == Schedule::descending) return count - 1 - i;
  if (request_->schedule.order == Schedule::ascending) return i;
  /* An odd step goes through all of a power of two; the caller passes over what is beyond `count`. */
  size_t size = 1;
  while (size < count) size *= 2;
  size_t step = (random_ | 1) & (size - 1), start = random_ >> 32 & (size - 1);
  return (start + i * std::max<size_t>(step, 1)) & (size - 1);
}

/* Lets the block's threads take turns until none of them can go on by itself. */
void Grid::run_block(Block &block) {
  enter(block);
  size_t count = block.threads.size(), turns = count;
  if (request_->schedule.order == Schedule::shuffled)
    for (turns = 1; turns < count;) turns *= 2;
  bool ran = true;
  while (ran && block.live > 0 && result_.outcome == Outcome::ok) {
    ran = false;
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    for (size_t i = 0; i < turns && result_.outcome == Outcome::ok; i++) {
      size_t which = turn(i, count);
      if (which >= count) continue;
      Thread &thread = block.threads[which];
      if (thread.wait != Wait::ready) continue;
      ran = true;
      resume(thread);
    }
  }
  leave(block);
}

GridResult Grid::run(const GridRequest &request) {
  request_ = &request;
  result_ = {Outcome::ok, ""};
  live_ = at_grid_ = 0;
  random_ = request.schedule.seed * 2862933555777941757u + 3037000493u;
  *request.image->runtime = &runtime;
  if (placed_ != request.module) shared_ = place_of(request.image);
  placed_ = request.module;
#if defined(__SANITIZE_ADDRESS__)
  /* The scheduler runs on the stack of the thread itself. */
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &scheduler_.stack, &scheduler_.bytes);
  pthread_attr_destroy(&attributes);
#endif

  const uint3 &grid = request.shape.grid_dim;
  size_t blocks = static_cast<size_t>(grid.x) * grid.y * grid.z, next = 0;
  size_t resident = request.cooperative ? blocks : std::max<size_t>(request.resident_blocks, 1);
  if (request.cooperative)
    while (next < blocks) begin_block(next++);
  uint64_t seen = 0;
  auto since = std::chrono::steady_clock::now();
  bool first = true;
  unsigned idle_rounds = 0;

  while (result_.outcome == Outcome::ok && (!active_.empty() || next < blocks)) {
    /* Another block begins only when none can end without it. */
    if (next < blocks && (active_.empty() || (active_.size() < resident && seen == progress_))) begin_block(next++);
    seen = progress_;
    bool relaxing = false;
    for (size_t i = 0; i < active_.size() && result_.outcome == Outcome::ok; i++) {
      Block &block = *active_[i];
      for (Thread &thread : block.threads)
        if (thread.wait == Wait::relax) {
          thread.wait = Wait::ready;
          relaxing = true;
        }
      run_block(block);
    }
    if (result_.outcome != Outcome::ok) break;
    for (size_t i = active_.size(); i-- > 0;) {
      if (active_[i]->live > 0) continue;
      end_block(*active_[i]);
      spare_.push_back(std::move(active_[i]));
      active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (seen != progress_ || first) {
      since = std::chrono::steady_clock::now();
      first = false;
      idle_rounds = 0;
      continue;
    }
    if (active_.empty() || (next < blocks && active_.size() < resident)) continue;
    for (auto &block : active_)
      for (Thread &thread : block->threads)
        if (thread.wait == Wait::relax || thread.wait == Wait::ready) relaxing = true;
    if (!relaxing) {
      const auto stuck = std::find_if(active_[0]->threads.begin(), active_[0]->threads.end(),
                                      [](const Thread &t) { return t.wait != Wait::done; });
      result_ = {Outcome::deadlock, "threads wait at a barrier that others never reach" + at_thread(*stuck)};
    } else if (std::chrono::steady_clock::now() - since > PATIENCE) {
      result_ = {Outcome::timeout, "threads wait for a write that never comes"};
    } else if (++idle_rounds > 200) {
      /* Perhaps it is the host that they wait for. */
      usleep(20);
    }
  }
  for (auto &block : active_) {
    end_block(*block);
    spare_.push_back(std::move(block));
  }
  active_.clear();
  return result_;
}

Grid &grid_of_this_thread() {
  thread_local std::unique_ptr<Grid> grid;
  if (grid == nullptr) grid = std::make_unique<Grid>();
  return *grid;
}

struct sigaction before[3];
constexpr int SIGNALS[3] = {SIGSEGV, SIGBUS, SIGFPE};

void handle(int signal, siginfo_t *info, void *context) {
  if (running != nullptr && running->fault(signal, info, context)) return;
  for (int i = 0; i < 3; i++) {
    if (SIGNALS[i] != signal) continue;
    const struct sigaction &old = before[i];
    if ((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction != nullptr) return old.sa_sigaction(signal, info, context);
    if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
    /* The access is tried again after this, and ends the process as it would have without us. */
    sigaction(signal, &old, nullptr);
  }
}

}  // namespace

void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 3; i++) sigaction(SIGNALS[i], &action, &before[i]);
  });
}

GridResult run_grid(const GridRequest &request) {
  /* A fault for want of stack is handled on a stack of its own. */
  thread_local std::vector<char> alternate;
  if (alternate.empty()) {
    alternate.resize(64 << 10);
    stack_t stack = {};
    stack.ss_sp = alternate.data();
    stack.ss_size = alternate.size();
    sigaltstack(&stack, nullptr);
  }
  Grid &grid = grid_of_this_thread();
  running = &grid;
  GridResult result = grid.run(request);
  running = nullptr;
  return result;
}

}  // namespace fake
