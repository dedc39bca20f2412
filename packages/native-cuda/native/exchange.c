/*
 * A descriptor and a few bytes from one process to another of the same user, by a Unix socket: what Node cannot do itself.
 * The offering side has a thread that accepts; each connection gets the message at once and is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "functions.h"

enum { MESSAGE_BYTES = 1 << 16, BACKLOG = 64, SEND_TIMEOUT_S = 5 };

typedef struct {
  vrx_object object;
  int listener, descriptor, wake[2];
  uint32_t message_bytes;
  char *message;
  pthread_t thread;
  atomic_uint taken;
  struct sockaddr_un address;
} vrx_offer;

static bool same_user(int connection) {
#ifdef __linux__
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
#else
  uid_t user;
  gid_t group;
  return getpeereid(connection, &user, &group) == 0 && user == geteuid();
#endif
}

static bool send_all(int connection, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = send(connection, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    count -= (size_t)sent;
  }
  return true;
}

/* The length comes first and carries the descriptor. */
static bool hand_over(const vrx_offer *self, int connection) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  uint32_t length = self->message_bytes;
  struct iovec part = {.iov_base = &length, .iov_len = sizeof length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (self->descriptor >= 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &self->descriptor, sizeof(int));
  }
  ssize_t sent;
  do sent = sendmsg(connection, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)sizeof length && send_all(connection, self->message, self->message_bytes);
}

static void *serve(void *argument) {
  vrx_offer *self = argument;
  struct pollfd watched[] = {{.fd = self->listener, .events = POLLIN}, {.fd = self->wake[0], .events = POLLIN}};
  struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) return NULL;
    if (watched[1].revents != 0) return NULL;
    if ((watched[0].revents & POLLIN) == 0) continue;
    int connection = accept(self->listener, NULL, NULL);
    if (connection < 0) continue;
    fcntl(connection, F_SETFD, FD_CLOEXEC);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (same_user(connection) && hand_over(self, connection)) atomic_fetch_add(&self->taken, 1);
    close(connection);
  }
}

static void close_one(int *descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

static void close_all(vrx_offer *self) {
  close_one(&self->listener);
  close_one(&self->descriptor);
  close_one(&self->wake[0]);
  close_one(&self->wake[1]);
  free(self->message);
  self->message = NULL;
}

static bool release_offer(vrx_object *object, vrx_failure *failure) {
  vrx_offer *self = (vrx_offer *)object;
  (void)failure;
  ssize_t written;
  do written = write(self->wake[1], "", 1);
  while (written < 0 && errno == EINTR);
  pthread_join(self->thread, NULL);
  unlink(self->address.sun_path);
  close_all(self);
  return true;
}

static bool start_serving(vrx_offer *self) {
  const struct sockaddr *address = (const struct sockaddr *)&self->address;
  self->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (self->listener < 0 || pipe(self->wake) != 0) return false;
  const int own[] = {self->listener, self->wake[0], self->wake[1], self->descriptor};
  for (size_t i = 0; i < 4; i++)
    if (own[i] >= 0) fcntl(own[i], F_SETFD, FD_CLOEXEC);
  fcntl(self->listener, F_SETFL, O_NONBLOCK);
  if (bind(self->listener, address, sizeof self->address) != 0) return false;
  /* Nobody can connect before listen(), so nobody gets in between. */
  bool serving = chmod(self->address.sun_path, S_IRUSR | S_IWUSR) == 0 && listen(self->listener, BACKLOG) == 0 &&
                 (errno = pthread_create(&self->thread, NULL, serve, self)) == 0;
  int why = errno;
  if (!serving) unlink(self->address.sun_path);
  errno = why;
  return serving;
}

/* offer(path, descriptor | -1, message). The descriptor is duplicated. */
napi_value vrx_make_offer(napi_env env, napi_callback_info info) {
  napi_value values[3];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int descriptor;
  void *message;
  size_t bytes;
  if (!vrx_arguments(env, info, 3, values) ||
      !vrx_text(env, values[0], "path", address.sun_path, sizeof address.sun_path) ||
      !vrx_int(env, values[1], "descriptor", &descriptor) || !vrx_bytes(env, values[2], "message", &message, &bytes))
    return NULL;
  if (address.sun_path[0] == 0) return vrx_refuse(env, "invalid_argument", "path: expected the path of a socket");
  if (bytes > MESSAGE_BYTES) return vrx_refuse(env, "invalid_argument", "message: expected at most %d bytes", MESSAGE_BYTES);
  vrx_offer *self = vrx_make(env, VRX_OFFER, sizeof *self, NULL, release_offer);
  if (self == NULL) return NULL;
  self->address = address;
  self->listener = self->wake[0] = self->wake[1] = -1;
  self->descriptor = descriptor < 0 ? -1 : dup(descriptor);
  self->message_bytes = (uint32_t)bytes;
  self->message = malloc(bytes > 0 ? bytes : 1);
  if (self->message != NULL) memcpy(self->message, message, bytes);
  if (self->message != NULL && (descriptor < 0 || self->descriptor >= 0) && start_serving(self))
    return vrx_hand_out(env, self);
  int why = errno;
  close_all(self);
  vrx_forget(self);
  return vrx_refuse(env, "exchange_failed", "nothing can be offered at %s: %s", address.sun_path, strerror(why));
}

napi_value vrx_offer_taken(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_offer *self;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_OFFER)) == NULL) return NULL;
  napi_value result = vrx_number(env, atomic_load(&self->taken));
  return result != NULL ? result : vrx_unexpected(env);
}

typedef struct {
  vrx_job job;
  struct sockaddr_un address;
  size_t timeout_ms;
  int descriptor;
  uint32_t bytes;
  char *message;
} take_job;

static void refuse_take(take_job *job, const char *code, const char *what, int why) {
  job->job.refusal = code;
  snprintf(job->job.failure.detail, sizeof job->job.failure.detail, "%s: %s", what, strerror(why));
}

static bool receive_all(int connection, char *to, size_t count) {
  while (count > 0) {
    ssize_t got = recv(connection, to, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) return false;
    to += got;
    count -= (size_t)got;
  }
  return true;
}

/* The length with the descriptor; what comes beside it is closed. */
static bool receive_head(take_job *job, int connection) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec part = {.iov_base = &job->bytes, .iov_len = sizeof job->bytes};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
#ifdef MSG_CMSG_CLOEXEC
  const int flags = MSG_CMSG_CLOEXEC | MSG_WAITALL;
#else
  const int flags = MSG_WAITALL;
#endif
  ssize_t got;
  do got = recvmsg(connection, &message, flags);
  while (got < 0 && errno == EINTR);
  if (got < 0) return false;
  for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(at) + i * sizeof(int), sizeof descriptor);
      if (job->descriptor < 0)
        job->descriptor = descriptor;
      else
        close(descriptor);
    }
  }
  if (got == (ssize_t)sizeof job->bytes && job->bytes <= MESSAGE_BYTES) return true;
  errno = EPROTO;
  return false;
}

static void run_take(vrx_job *base) {
  take_job *job = (take_job *)base;
  struct timeval patience = {.tv_sec = (time_t)(job->timeout_ms / 1000),
                             .tv_usec = (suseconds_t)(job->timeout_ms % 1000 * 1000)};
  int connection = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connection < 0) return refuse_take(job, "exchange_failed", "no socket", errno);
  fcntl(connection, F_SETFD, FD_CLOEXEC);
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(connection, (const struct sockaddr *)&job->address, sizeof job->address) != 0) {
    bool absent = errno == ENOENT || errno == ECONNREFUSED;
    refuse_take(job, absent ? "not_found" : errno == EACCES ? "permission" : "exchange_failed", job->address.sun_path, errno);
  } else if (!same_user(connection)) {
    refuse_take(job, "permission", "the offer is another user's", EPERM);
  } else if (!receive_head(job, connection)) {
    refuse_take(job, "exchange_failed", "no offer came", errno);
  } else if ((job->message = malloc(job->bytes > 0 ? job->bytes : 1)) == NULL) {
    refuse_take(job, "out_of_memory", "the offer", ENOMEM);
  } else if (!receive_all(connection, job->message, job->bytes)) {
    refuse_take(job, "exchange_failed", "the offer broke off", errno);
  }
  close(connection);
}

static napi_value finish_take(napi_env env, vrx_job *base) {
  take_job *job = (take_job *)base;
  napi_value result;
  TRY(napi_create_object(env, &result));
  if (!vrx_set_number(env, result, "descriptor", job->descriptor) ||
      !vrx_set(env, result, "message", vrx_copy_of(env, job->message, job->bytes)))
    return vrx_unexpected(env);
  job->descriptor = -1; /* the caller's now */
  return result;
}

static void clean_take(vrx_job *base) {
  take_job *job = (take_job *)base;
  close_one(&job->descriptor);
  free(job->message);
}

/* take(path, timeout_ms): a promise of { descriptor, message }. */
napi_value vrx_take_offer(napi_env env, napi_callback_info info) {
  napi_value values[2];
  take_job *job = calloc(1, sizeof *job);
  if (job == NULL) return vrx_refuse(env, "out_of_memory", "the host has no memory for an offer");
  job->address.sun_family = AF_UNIX;
  job->descriptor = -1;
  job->job.run = run_take;
  job->job.finish = finish_take;
  job->job.clean = clean_take;
  if (!vrx_arguments(env, info, 2, values) ||
      !vrx_text(env, values[0], "path", job->address.sun_path, sizeof job->address.sun_path) ||
      !vrx_size(env, values[1], "timeout_ms", &job->timeout_ms)) {
    free(job);
    return NULL;
  }
  return vrx_start(env, &job->job, "vrx take offer");
}
