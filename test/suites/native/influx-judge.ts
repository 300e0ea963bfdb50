// Judges what the reader in C makes of lines of InfluxDB's protocol, for influx-fuzz.c: by a slow reader in TypeScript.

import { judgeBatches, type Told } from './judging.js'
import { lineOptionsOf, readLines } from './slow-lines.js'
import { compare, toldReading } from './told-reading.js'

judgeBatches(judge)

function judge(told: Told): void {
  const { body, variant, fault, records, firstRejections } = toldReading(told)
  // Of lines that come to too much, the bound is the reader's own.
  if (fault === 'size') return
  compare(body, { ...records, firstRejections }, readLines(body, lineOptionsOf(variant)), 'TypeScript')
}
