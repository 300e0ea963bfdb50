#include "bounds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Beyond this scale all buckets are one, or no double can tell their bounds apart. */
enum { largest_scale = 2000 };

double rounded_bound(double bound) {
  char text[longest_scientific];
  if (!isfinite(bound)) return bound;
  snprintf(text, sizeof text, "%.12g", bound);
  return strtod(text, NULL);
}

double bound_at(int32_t scale, double index) {
  const int bounded = scale > largest_scale ? largest_scale : scale < -largest_scale ? -largest_scale : scale;
  return rounded_bound(exp2(ldexp(index, -bounded)));
}

void put_total(writer *writer, total value) {
  if (value > UINT64_MAX)
    put_number(writer, (double)value);
  else
    put_uint64(writer, (uint64_t)value);
}
