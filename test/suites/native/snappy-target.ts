import { compress } from 'snappyjs'
import type { Target } from './fuzz-target.js'

/** Is what C inflates of snappy's block format what was compressed? */
export function snappyTarget(): Target {
  const texts = [
    '',
    'a',
    'abc'.repeat(50),
    `${'x'.repeat(70)}y${'x'.repeat(70)}`,
    Array.from({ length: 300 }, (_, n) => n).join(),
  ]
  return {
    name: 'snappy',
    longest: 200,
    sources: ['test/suites/native/snappy-fuzz.c', ...['snappy.c', 'protobuf.c', 'writer.c', 'number.cc'].map(inLib)],
    seeds: texts.map((text) => compress(Buffer.from(text))),
    words: [[0xf0], [0xf4], [0xf8], [0xfc], [0x01, 0x01], [0xfe, 0x08, 0x00], [0xff, 1, 0, 0, 0]].map((word) =>
      Buffer.from(word),
    ),
    judge: `exec ${process.execPath} dist/test/suites/native/snappy-judge.js`,
  }
}

function inLib(name: string): string {
  return `lib/ingest/native/${name}`
}
