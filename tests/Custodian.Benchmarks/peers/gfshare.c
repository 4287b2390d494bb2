/* libgfshare at 32 bytes, 3 of 5, its random bytes by getrandom: prints nanoseconds per split and per combine. */
#include <libgfshare.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { SIZE = 32, SHARES = 5, NEEDED = 3 };

static void fill(unsigned char *buffer, unsigned int count) {
  if (getrandom(buffer, count, 0) != (ssize_t)count) abort();
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  int times = argc > 1 ? atoi(argv[1]) : 100000;
  unsigned char numbers[] = {1, 2, 3, 4, 5}, chosen[] = {2, 3, 5};
  unsigned char secret[SIZE], shares[SHARES][SIZE], combined[SIZE] = {0};
  gfshare_fill_rand = fill;
  for (int i = 0; i < SIZE; i++) secret[i] = i + 1;
  gfshare_ctx *split = gfshare_ctx_init_enc(numbers, SHARES, NEEDED, SIZE);
  double started = now();
  for (int i = 0; i < times; i++) {
    gfshare_ctx_enc_setsecret(split, secret);
    for (int s = 0; s < SHARES; s++) gfshare_ctx_enc_getshare(split, s, shares[s]);
  }
  double middle = now();
  gfshare_ctx *combine = gfshare_ctx_init_dec(chosen, NEEDED, SIZE);
  for (int i = 0; i < times; i++) {
    for (int s = 0; s < NEEDED; s++) gfshare_ctx_dec_giveshare(combine, s, shares[chosen[s] - 1]);
    gfshare_ctx_dec_extract(combine, combined);
  }
  double ended = now();
  if (memcmp(secret, combined, SIZE) != 0) abort();
  printf("%.1f %.1f\n", (middle - started) / times, (ended - middle) / times);
  return 0;
}
