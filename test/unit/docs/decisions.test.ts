import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'

test('the compiled files of uWebSockets.js are those that docs/decisions/uwebsockets.md lists by their hash', async (t) => {
  const page = readFileSync('docs/decisions/uwebsockets.md', 'utf8')
  const listed = [...page.matchAll(/^\| `(\S+\.node)`.* \| `([0-9a-f]{40})` \|$/gm)]
  const installed = listed.flatMap(([, name = '', blob]) => {
    const path = join('node_modules', name)
    return existsSync(path) ? [{ name, blob, found: blobOf(readFileSync(path)) }] : []
  })
  t.ok(installed.length > 0)
  for (const { name, blob, found } of installed) t.equal(found, blob, name)
})

/** The name that git gives a file by its content. */
function blobOf(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}
