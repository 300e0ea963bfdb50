// Packs the collector as it is compiled here, with all that it depends on, for machines without a compiler or a registry:
// npm run prebuilt. The binding of node-rdkafka is for one major version of Node, so a package is, too;
// npm run prebuilt -- node22.tgz node24.tgz makes one of several, which has the bindings of all and else what the first has.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'

type Versions = Record<string, string>
type Manifest = { version: string; engines?: { node: string }; dependencies: Versions; optionalDependencies: Versions }

const platform = `${process.platform}-${process.arch}`
const rdkafka = 'node_modules/node-rdkafka'
/** Where the package "bindings" looks for a binding by the Node that runs, when node-gyp has built none. */
const bindings = `${rdkafka}/lib/binding`
/** uWebSockets.js for one major version of Node each. */
const uWebSockets = 'node_modules/@uwsjs'
/** Source maps and types, and uWebSockets.js for other platforms. */
const needless = new RegExp(`\\.map$|\\.[cm]?ts$|/uws_(?!${process.platform}_${process.arch}_)\\w+\\.node$`)

const { positionals: tarballs } = parseArgs({ allowPositionals: true })
const work = mkdtempSync(join(tmpdir(), 'vantage-prebuilt-'))
process.on('exit', () => rmSync(work, { recursive: true }))
const stage = join(work, 'package')
if (tarballs.length === 0) packCompiled()
else merge(tarballs)
const name = `vantage-collector-${readManifest(stage).version}-${platform}.tgz`
run('tar', '--create', '--gzip', '--owner=0', '--group=0', '--file', name, '--directory', work, 'package')
process.stdout.write(`${name}\n`)

function packCompiled(): void {
  const packed = run('npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', work)
  unpack(join(work, packed), work)
  for (const folder of run('npm', 'ls', '--omit=dev', '--all', '--parseable').split('\n').slice(1)) copyPackage(folder)
  copyCompiled()
  const { optionalDependencies, ...manifest } = readManifest(stage)
  const [major] = process.versions.node.split('.')
  writeManifest(stage, {
    ...manifest,
    engines: { node: `${major}.x` },
    os: [process.platform],
    cpu: [process.arch],
    libc: ['glibc'],
  })
  bundle(optionalDependencies)
}

function merge([first = '', ...others]: string[]): void {
  unpack(first, work)
  for (const tarball of others) {
    const other = unpack(tarball, mkdtempSync(join(work, 'other-')))
    const isAdded = (source: string) => !source.startsWith(join(other, bindings, 'deps'))
    for (const folder of [bindings, uWebSockets].filter((folder) => existsSync(join(other, folder))))
      cpSync(join(other, folder), join(stage, folder), { recursive: true, filter: isAdded })
    const { engines, dependencies } = readManifest(other)
    const manifest = readManifest(stage)
    writeManifest(stage, { ...manifest, engines: { node: `${manifest.engines?.node} || ${engines?.node}` } })
    bundle(dependencies)
  }
}

/** Makes dependencies of what is in the package of `optional`, and all of them parts of it, so that npm fetches none. */
function bundle(optional: Versions): void {
  const manifest = readManifest(stage)
  const present = Object.entries(optional).filter(([name]) => existsSync(join(stage, 'node_modules', name)))
  const dependencies = { ...manifest.dependencies, ...Object.fromEntries(present) }
  writeManifest(stage, { ...manifest, dependencies, bundleDependencies: Object.keys(dependencies) })
  // Each is for one major version of Node, and npm would warn of the others.
  for (const [name] of present.filter(([name]) => name.startsWith('@uwsjs/'))) {
    const { engines, ...rest } = readManifest(join(stage, 'node_modules', name))
    writeManifest(join(stage, 'node_modules', name), rest)
  }
}

function copyPackage(folder: string): void {
  const path = relative('.', folder)
  // Of node-rdkafka, what it loads: of 500 MB, most is librdkafka's sources and what the compiler left.
  const parts = path === rdkafka ? ['lib', 'librdkafka.js', 'package.json', 'LICENSE.txt'] : ['.']
  const filter = (source: string) => !needless.test(source) && !relative(path, source).startsWith('node_modules')
  for (const part of parts) cpSync(join(path, part), join(stage, path, part), { recursive: true, filter })
}

function copyCompiled(): void {
  const binding = `${bindings}/node-v${process.versions.modules}-${platform}/node-librdkafka.node`
  const addons = readdirSync('build/Release').filter((name) => name.endsWith('.node'))
  const files: [from: string, to: string][] = [
    ...addons.map((name): [string, string] => [`build/Release/${name}`, `build/Release/${name}`]),
    [`${rdkafka}/build/Release/node-librdkafka.node`, binding],
    // The binding looks for them in ../deps.
    [`${rdkafka}/build/deps/librdkafka.so.1`, `${bindings}/deps/librdkafka.so.1`],
    [`${rdkafka}/build/deps/librdkafka++.so.1`, `${bindings}/deps/librdkafka++.so.1`],
  ]
  for (const [from, to] of files) {
    cpSync(from, join(stage, to))
    run('strip', '--strip-unneeded', join(stage, to))
  }
  cpSync(`${rdkafka}/deps/librdkafka/LICENSES.txt`, join(stage, bindings, 'deps/LICENSES.txt'))
  // npm compiles a package that has a binding.gyp or an install script.
  rmSync(join(stage, 'binding.gyp'))
  writeManifest(join(stage, rdkafka), readManifest(join(stage, rdkafka)))
}

function unpack(tarball: string, folder: string): string {
  run('tar', '--extract', '--file', tarball, '--directory', folder)
  return join(folder, 'package')
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** Without its scripts. */
function writeManifest(folder: string, manifest: object): void {
  const text = JSON.stringify({ ...manifest, gypfile: false, scripts: {}, devDependencies: {} }, undefined, 2)
  writeFileSync(join(folder, 'package.json'), `${text}\n`)
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 24 }).trim()
}
