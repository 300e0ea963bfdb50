import { test } from 'tap'
import { countOf, difference, emptyHistogram, observe, quantile } from '../../../lib/telemetry/histogram.js'

const bounds = [1, 2, 4]

function histogramOf(...values: number[]) {
  const counts = emptyHistogram(bounds)
  for (const value of values) observe(bounds, counts, value)
  return counts
}

test('an observation lies in the first bucket that is not below it, and in the sum', async (t) => {
  t.same(histogramOf(0.5, 1, 1.5, 3, 100), [2, 1, 1, 1, 106])
  t.equal(countOf(histogramOf(0.5, 1, 100)), 3)
})

test('quantiles are interpolated within a bucket, and end at the last bound', async (t) => {
  t.equal(quantile(bounds, emptyHistogram(bounds), 0.5), undefined)
  t.equal(quantile(bounds, histogramOf(1.5, 1.5), 0.5), 1.5)
  t.equal(quantile(bounds, histogramOf(0.1, 0.1, 0.1, 3), 0.99), 3.92)
  t.equal(quantile(bounds, histogramOf(100), 0.5), 4)
})

test('the difference is what came between, or all there is when the counts began anew', async (t) => {
  t.same(difference(histogramOf(1, 3), histogramOf(1)), [0, 0, 1, 0, 3])
  t.same(difference(histogramOf(3), histogramOf(1, 1)), [0, 0, 1, 0, 3])
  t.same(difference(histogramOf(3), undefined), [0, 0, 1, 0, 3])
})
