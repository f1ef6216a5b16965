// Loaded before all other libraries (LD_PRELOAD), it adds to every look at the time of day what a
// mapped file says. Nothing here allocates, locks or opens anything after the start: PostgreSQL
// looks at the clock in a signal's handler, in the middle of malloc, too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// A moment of the clock that goes since the machine was started is never so late, one of a calendar
// since 2001 never so early.
#define CALENDAR 1000000000L

typedef struct timespec const* Moment;

static int64_t const present = 0;
static int64_t const* seconds_ahead = &present;

static int (*next_clock_gettime)(clockid_t, struct timespec*);
static int (*next_clock_nanosleep)(clockid_t, int, Moment, struct timespec*);
static int (*next_timedwait)(pthread_cond_t*, pthread_mutex_t*, Moment);
static int (*next_clockwait)(pthread_cond_t*, pthread_mutex_t*, clockid_t, Moment);
static int (*next_timedlock)(pthread_mutex_t*, Moment);
static int (*next_sem_timedwait)(sem_t*, Moment);

static int64_t ahead(void) { return __atomic_load_n(seconds_ahead, __ATOMIC_RELAXED); }

__attribute__((constructor)) static void begin(void) {
  next_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  next_clock_nanosleep = dlsym(RTLD_NEXT, "clock_nanosleep");
  next_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");  // not the oldest
  if (!next_timedwait) next_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  next_clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  next_timedlock = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
  next_sem_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
  char const* const file = getenv("SHOWN_TIME_FILE");
  if (!file) return;
  int const descriptor = open(file, O_RDONLY | O_CLOEXEC);
  void* const mapped =
      descriptor < 0 ? MAP_FAILED
                     : mmap(NULL, sizeof *seconds_ahead, PROT_READ, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) {
    // Who is to live by another time never lives by the machine's unnoticed.
    perror(file);
    _exit(127);
  }
  close(descriptor);
  seconds_ahead = mapped;
}

static int is_calendar(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  int const result = next_clock_gettime ? next_clock_gettime(clock, time)
                                        : (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && is_calendar(clock)) time->tv_sec += ahead();
  return result;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  (void)zone;
  struct timespec now;
  int const result = clock_gettime(CLOCK_REALTIME, &now);
  if (result == 0) {
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
  }
  return result;
}

time_t time(time_t* result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec* time, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

// Waits until a moment: the kernel knows the machine's only.
static struct timespec for_machine(Moment moment) {
  struct timespec machines = *moment;
  if (machines.tv_sec >= CALENDAR) machines.tv_sec -= ahead();
  return machines;
}

int clock_nanosleep(clockid_t clock, int flags, Moment moment, struct timespec* left) {
  struct timespec const machines =
      (flags & TIMER_ABSTIME) && is_calendar(clock) ? for_machine(moment) : *moment;
  return next_clock_nanosleep(clock, flags, &machines, left);
}

// Which clock a condition goes by is known only to itself.
int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           struct timespec const* restrict moment) {
  struct timespec const machines = for_machine(moment);
  return next_timedwait(condition, mutex, &machines);
}

int pthread_cond_clockwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           clockid_t clock, struct timespec const* restrict moment) {
  struct timespec const machines = is_calendar(clock) ? for_machine(moment) : *moment;
  return next_clockwait(condition, mutex, clock, &machines);
}

int pthread_mutex_timedlock(pthread_mutex_t* restrict mutex,
                            struct timespec const* restrict moment) {
  struct timespec const machines = for_machine(moment);
  return next_timedlock(mutex, &machines);
}

int sem_timedwait(sem_t* restrict semaphore, struct timespec const* restrict moment) {
  struct timespec const machines = for_machine(moment);
  return next_sem_timedwait(semaphore, &machines);
}
