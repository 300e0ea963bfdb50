import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { plainly } from '../../support/plainly.js'

const run = promisify(execFile)
const npmFlags = ['--prefer-offline', '--no-audit', '--no-fund']

/** The environment of a machine whose compiler cannot link these libraries, and which has no pkg-config. */
function machineWithout(t: Test, ...links: string[]): NodeJS.ProcessEnv {
  const bin = t.testdir({ checkout: {} })
  const refused = links.map((link) => `*" ${link} "*`).join(' | ')
  const cc = `#!/bin/sh\ncase " $* " in ${refused}) exit 1 ;; esac\nexec /usr/bin/cc "$@"\n`
  writeFileSync(join(bin, 'cc'), cc, { mode: 0o755 })
  writeFileSync(join(bin, 'pkg-config'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  // Not the settings of the npm that runs these tests, which may be silent.
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))
  return { ...Object.fromEntries(env), PATH: bin + delimiter + process.env.PATH }
}

/** Runs it to its end, of which only the failure is of interest. */
async function fail(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv) {
  const result = await run(...plainly(command, args), { cwd, env }).catch((error) => error)
  return { code: Number(result.code ?? 0), stderr: String(result.stderr) }
}

const compiledOnes = ['node-rdkafka', 'bindings', 'file-uri-to-path', 'nan', 'vantage-requirements']

/** Of a manifest, the dependencies that are compiled: installing all of them would take a minute. */
function few({ dependencies, devDependencies }: Record<'dependencies' | 'devDependencies', object>) {
  return {
    dependencies: pick(dependencies, compiledOnes),
    devDependencies: pick(devDependencies, compiledOnes),
    optionalDependencies: {},
  }
}

function pick(members: object, names: string[]): object {
  return Object.fromEntries(Object.entries(members).filter(([name]) => names.includes(name)))
}

test('npm ci in a checkout without the headers of zlib says so before it compiles anything', async (t) => {
  const env = machineWithout(t, '-lz')
  const checkout = join(t.testdirName, 'checkout')
  for (const path of ['.npmrc', 'scripts/requirements']) cpSync(path, join(checkout, path), { recursive: true })
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  writeFileSync(join(checkout, 'package.json'), JSON.stringify({ ...manifest, ...few(manifest) }))
  const packages = {
    ...pick(
      lock.packages,
      compiledOnes.map((name) => `node_modules/${name}`),
    ),
    '': few(manifest),
  }
  writeFileSync(join(checkout, 'package-lock.json'), JSON.stringify({ ...lock, packages }))
  const { code, stderr } = await fail('npm', ['ci', ...npmFlags], checkout, env)
  t.equal(code, 1)
  t.match(stderr, /zlib\.h, Debian's package zlib1g-dev: gzip.*\n.*apt-get install zlib1g-dev\n/)
  t.notMatch(stderr, 'gyp')
})

test('npm install of the package without the headers of OpenSSL says so before it compiles anything', async (t) => {
  const env = machineWithout(t, '-lssl')
  const folder = join(t.testdirName, 'folder')
  mkdirSync(folder)
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [{ filename }]: [{ filename: string }] = JSON.parse((await run('npm', pack)).stdout)
  const { code, stderr } = await fail('npm', ['install', ...npmFlags, `./${filename}`], folder, env)
  t.equal(code, 1)
  t.match(stderr, /openssl\/ssl\.h, Debian's package libssl-dev: TLS.*\n.*apt-get install libssl-dev\n/)
  t.notMatch(stderr, 'gyp')
})

test('the check names all that is missing at once; what may be missing is told, and no obstacle', async (t) => {
  const check = (env: NodeJS.ProcessEnv) => fail(process.execPath, ['scripts/requirements/check.js'], '.', env)
  t.same(await check(process.env), { code: 0, stderr: '' })
  const withoutZstd =
    "librdkafka is compiled without zstd compression, since zstd.h is missing (Debian's package libzstd-dev).\n"
  t.same(await check(machineWithout(t, '-lzstd')), { code: 0, stderr: withoutZstd })
  const bare = await check({ ...machineWithout(t, '-lz', '-lssl', '-lzstd'), MAKE: '/nowhere/make' })
  t.equal(bare.code, 1)
  t.ok(bare.stderr.startsWith(withoutZstd))
  t.ok(bare.stderr.endsWith('apt-get install make zlib1g-dev libssl-dev\n'), bare.stderr)
})
