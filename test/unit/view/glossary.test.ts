import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { topCommand } from '../../../lib/commands/top.js'
import { statsSchema } from '../../../lib/telemetry/stats-schema.js'
import { glossary, meaningOf } from '../../../lib/view/glossary.js'

test('each word stands in the glossary once', async (t) => {
  const words = glossary.map(({ word }) => word)
  t.same([...new Set(words)], words)
})

test('the glossary explains each figure of the ledger that the status page and top show', async (t) => {
  const figures = Object.keys(statsSchema.properties.ledger.properties).filter((name) => name !== 'difference')
  for (const name of figures) {
    const word = name.replaceAll('_', ' ')
    t.type(meaningOf(word), 'string', word)
    t.match(topCommand.usage, `      ${word} `, `top --help explains ${word}`)
  }
})

test('the status page asks for the meaning of words that there are', async (t) => {
  const page = readFileSync('lib/pages/status.html', 'utf8')
  const words = [...page.matchAll(/data-word="([^"]+)"/g)].map(([, word = '']) => word)
  t.ok(words.length >= 5)
  for (const word of words) t.type(meaningOf(word), 'string', word)
})

/** Words that are of no use for anything else on these pages; others, such as message, have a meaning of their own there. */
const shunned = /\b(books?|sent back|delivered|refusals?)\b/i

test('the status page and top use no word for what another word stands for', async (t) => {
  const shown = ['lib/pages', 'lib/view', 'lib/commands/top'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.(ts|html)$/.test(name) && name !== 'glossary.ts')
      .map((name) => join(folder, name)),
  )
  for (const path of shown) {
    const lines = readFileSync(path, 'utf8').split('\n')
    t.same(
      lines.filter((line) => shunned.test(line)),
      [],
      path,
    )
  }
  t.notMatch(topCommand.usage, shunned)
})
