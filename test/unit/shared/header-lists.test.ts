import { test } from 'tap'
import { membersOf, weightOf } from '../../../lib/shared/header-lists.js'

const lists: [header: string, members: string[]][] = [
  ['', []],
  ['gzip', ['gzip']],
  ['gzip, Identity', ['gzip', 'identity']],
  ['gzip,', ['gzip']],
  [' , ,gzip\t,, br', ['gzip', 'br']],
]

for (const [header, members] of lists) {
  test(`the members of a list are those that are not empty: ${JSON.stringify(header)}`, async (t) => {
    t.same(membersOf(header), members)
  })
}

const weights: [header: string, weight: number][] = [
  ['', 0],
  ['br', 0],
  ['gzip', 1],
  ['br, GZIP', 1],
  ['gzip;q=0', 0],
  ['gzip;q=0.000, br', 0],
  ['gzip ; Q=0', 0],
  ['gzip;q=0.5', 0.5],
  ['gzip;q=0.2, gzip;level=1;q=0.7', 0.7],
  ['gzip;q=2', 0],
  ['gzip;q=none', 0],
  ['x-gzip', 0],
  ['gzipped', 0],
]

for (const [header, weight] of weights) {
  test(`what a client refuses by its weight, or does not name, it does not want: ${JSON.stringify(header)}`, async (t) => {
    t.equal(weightOf(header, 'gzip'), weight)
  })
}
