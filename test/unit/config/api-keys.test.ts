import { createHash } from 'node:crypto'
import { test } from 'tap'
import { createApiKey, digestOf, parseApiKeys } from '../../../lib/config/api-keys.js'

const digest = createHash('sha256').update('secret').digest('hex')

test('a key file names keys, what they may do, and comments', async (t) => {
  const { keys, mistakes } = parseApiKeys(`# agents\n\nfleet-a:${digest}\r\n  looker:${digest.toUpperCase()}:read\n`)
  t.same(mistakes, [])
  t.same(
    keys.map(({ name, scopes }) => [name, [...scopes]]),
    [
      ['fleet-a', ['ingest', 'read']],
      ['looker', ['read']],
    ],
  )
  t.ok(keys.every((key) => key.digest.equals(digestOf('secret'))))
})

test('each wrong line is told by its number, and none is shown: it may hold a secret', async (t) => {
  const lines = [
    'plainsecret',
    `a b:${digest}`,
    'a:plainsecret',
    `a:${digest}:write`,
    `a:${digest}:`,
    `a:${digest}:read:x`,
  ]
  const { keys, mistakes } = parseApiKeys(lines.join('\n'))
  t.same(keys, [])
  t.same(
    mistakes.map((mistake) => mistake.slice(0, 7)),
    lines.map((_, index) => `line ${index + 1}:`),
  )
  t.notMatch(mistakes.join(), 'plainsecret')
})

test('there may be 1000 keys', async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, n) => `key-${n}:${digest}`).join('\n')
  t.same(parseApiKeys(lines(1000)).mistakes, [])
  t.same(parseApiKeys(lines(1001)).mistakes, ['1001 keys; there may be 1000'])
})

test('a new key has 256 random bits, and its line holds', async (t) => {
  const { key, line } = createApiKey('fleet-a', new Set(['ingest']))
  t.match(key, /^vck_[\w-]{43}$/)
  t.not(createApiKey('fleet-a', new Set(['ingest'])).key, key)
  const [parsed] = parseApiKeys(line).keys
  t.match(parsed, { name: 'fleet-a', digest: digestOf(key) })
  t.same([...(parsed?.scopes ?? [])], ['ingest'])
})
