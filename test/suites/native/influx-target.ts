import type { Target } from './fuzz-target.js'

const parts = ['influx.c', 'influx-line.c', 'tags.c', 'reading.c', 'hash.c', 'protobuf.c', 'writer.c', 'number.cc']

/** Does the reader in C make of lines what a slow one in TypeScript makes of them? */
export function influxTarget(): Target {
  return {
    name: 'influx',
    longest: 300,
    sources: ['test/suites/native/influx-fuzz.c', ...parts.map((name) => `lib/ingest/native/${name}`)],
    seeds: lines.map((line) => Buffer.from(line)),
    words: words.map((word) => Buffer.from(word)),
    judge: `exec ${process.execPath} dist/test/suites/native/influx-judge.js`,
  }
}

const lines = [
  'cpu,host=h1,region=eu usage=1.5,idle=98i,value=-0.25e1 1701878400123456789\n',
  'mem,service=s,host=h free=18446744073709551615u,ok=t,no=F 1701878400\r\n\r\nmem used=1e300',
  '# a comment\n  a\\,b\\ c,k\\==v\\  f\\,="text \\"quoted\\" \\\\\nmore",g="" 1701878400000\n',
  'm f=1\nm,a f=1\nm g=-9223372036854775808i\nm h=9223372036854775807i -1',
  `m,é=${'ü'.repeat(100)} ${'n'.repeat(150)}=1,v=.5,w=5.`,
]

const words = [
  ...[',', '=', ' ', '\n', '\r', '\r\n', '\\', '\\,', '\\=', '\\ ', '\\"', '"', '#', 'i', 'u', '-', '.', 'e', '+'],
  ...[
    'host=',
    ',service=',
    'value=',
    'true',
    'False',
    '="',
    ' 1701878400',
    '000',
    '1e400',
    '1e-400',
    'NaN',
    'é',
    '\u0000',
  ],
]
