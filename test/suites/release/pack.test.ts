import { execFile, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { plainly } from '../../support/plainly.js'

const run = promisify(execFile)
const expected =
  /^(dist\/(bin|lib|bench\/load)\/[\w/.-]+\.(js|css|html|svg|txt)|docs\/[\w/.-]+\.(md|svg|png)|binding\.gyp|lib\/(delivery|ingest|shared|worker)\/native\/[\w-]+\.(c|cc|h)|scripts\/(prune\.js|requirements\/(check\.js|packages?\.json))|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/

test('the package holds what it runs, and nothing else', async (t) => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'])
  const [{ files }]: [{ files: { path: string }[] }] = JSON.parse(stdout)
  const paths = new Set(files.map(({ path }) => path))
  t.same(
    [...paths].filter((path) => !expected.test(path)),
    [],
    'nothing that is not expected',
  )
  for (const path of ['dist/bin/vantage-collector.js', 'docs/errors.md', 'LICENSE']) t.ok(paths.has(path), path)
  const missing = []
  for (const path of paths) {
    if (!path.endsWith('.js')) continue
    const source = await readFile(path, 'utf8')
    const imports = source.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)
    for (const [, target = ''] of imports) {
      const file = join(dirname(path), target)
      if (!paths.has(file)) missing.push(`${path} imports ${file}`)
    }
  }
  t.same(missing, [], 'each module that is imported is there')
})

test('installed from its tarball in an empty folder and pruned, it takes 100 MB, runs by npx and answers 202', async (t) => {
  const folder = t.testdir({ 'package.json': '{"private": true}' })
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
  const [{ filename }]: [{ filename: string }] = JSON.parse(stdout)
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await run(...plainly('npm', ['install', ...flags, `./${filename}`]), { cwd: folder })
  // What node-rdkafka's install script makes, as npm ci compiled it here: compiling it again would take three minutes.
  const librdkafka = 'node_modules/node-rdkafka/build'
  await cp(resolve(librdkafka), join(folder, librdkafka), { recursive: true })
  await run(...plainly('npm', ['rebuild', 'vantage-collector']), { cwd: folder })
  const installed = join(folder, 'node_modules/vantage-collector')
  await run(...plainly('npm', ['--prefix', installed, 'run', 'prune']))
  const { stdout: size } = await run('du', ['-sm', folder])
  t.ok(Number.parseInt(size, 10) < 100, size)
  const others = new RegExp(`^uws_(?!${process.platform}_${process.arch}_)`)
  t.same(
    filesBelow(folder).filter((path) => others.test(basename(path)) || /\.(map|[ao]|tsbuildinfo)$/.test(path)),
    [],
  )

  const port = await freePort()
  const env = { ...process.env, VANTAGE_API_PORT: String(port), VANTAGE_API_WORKERS: '1' }
  const npx = spawn(...plainly('npx', ['--no-install', 'vantage-collector', '--dev']), {
    cwd: folder,
    env,
    detached: true,
  })
  t.teardown(() => npx.pid !== undefined && npx.exitCode === null && process.kill(-npx.pid, 'SIGKILL'))
  const post = () =>
    fetch(`http://127.0.0.1:${port}/v1/metrics`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(batchOf(1)),
    }).catch(() => undefined)
  const reply = await waitFor(post, 'an answer')
  t.equal(reply.status, 202)
  t.match(await reply.json(), { status: 'accepted', durability: 'kafka' })
})

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

test('npm ci takes the lock file', async (t) => {
  await t.resolves(run(...plainly('npm', ['ci', '--dry-run', '--ignore-scripts', '--offline', '--no-audit'])))
})

test('package, lockfile, changelog and chart are of one version', async (t) => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  t.equal(JSON.parse(await readFile('package-lock.json', 'utf8')).version, version)
  const changelog = await readFile('CHANGELOG.md', 'utf8')
  t.match(changelog, /^## Unreleased$/m)
  const [latest] = changelog.match(/(?<=^## )\d+\.\d+\.\d+(?= - \d{4}-\d\d-\d\d$)/m) ?? []
  t.ok(latest === undefined || latest === version, 'the newest release of the changelog is the version of the package')
  if (process.env.npm_lifecycle_event !== undefined) t.match(version, /^\d+\.\d+\.\d+$/)
})
