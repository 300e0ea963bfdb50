import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { test } from 'tap'

const run = promisify(execFile)

test('the addons are compiled so that an overrun buffer ends the process instead of running foreign code', async (t) => {
  const addons = (await readdir('build/Release')).filter((name) => name.endsWith('.node'))
  t.ok(addons.length >= 3)
  for (const addon of addons) {
    const { stdout } = await run('readelf', [
      '--wide',
      '--dynamic',
      '--segments',
      '--symbols',
      `build/Release/${addon}`,
    ])
    t.match(stdout, /\bBIND_NOW\b/, `${addon}: all of its calls are bound when it is loaded`)
    t.match(stdout, /\bGNU_RELRO\b/, `${addon}: and cannot be bound anew`)
    t.match(stdout, /\b__stack_chk_fail\b/, `${addon}: returns are guarded`)
  }
})
