/* Bounds of exponential buckets, and counts of buckets added up. */
#ifndef VANTAGE_BOUNDS_H
#define VANTAGE_BOUNDS_H

#include "writer.h"

/* To 12 digits: what goes beyond is not the same on every machine. */
double rounded_bound(double bound);

/* base ^ index, base being 2 ^ (2 ^ -scale), rounded. */
double bound_at(int32_t scale, double index);

/* Many counts, which 64 bits may not hold. */
typedef unsigned __int128 total;

void put_total(writer *writer, total value);

#endif
