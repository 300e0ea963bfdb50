import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What npm must know to reach its registry from here, and nothing else of a user's configuration. */
const npmSettings = ['registry', 'proxy', 'https-proxy', 'noproxy', 'cafile', 'strict-ssl'] as const
const proxyVariables = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

/** The Debian mirror of this machine's apt, where it has one; debootstrap knows the one for everybody. */
export async function debianMirror(): Promise<string | undefined> {
  const folder = '/etc/apt/sources.list.d'
  const names = await readdir(folder).catch(() => [])
  const paths = ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]
  const sources = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')))
  return /^(?:deb (?:\[.*?\] )?|URIs: *)(\S+\/debian)\/?(?=\s)/m.exec(sources.join('\n'))?.[1]
}

/**
 * Lets apt and npm in the system below `root` reach the registries as this machine's do: proxies, certificates, what apt
 * checks. `prefix` is where Node is installed.
 */
export async function copyClientSettings(root: string, prefix: string): Promise<void> {
  const { stdout: apt } = await run('apt-config', ['dump'])
  await write(join(root, 'etc/apt/apt.conf.d/99client'), linesOf(apt, /^Acquire::(https?|Retries|Check-)/))
  const config = await npmConfig()
  const lines = npmSettings.flatMap((name) => (config[name] == null ? [] : [`${name}=${config[name]}\n`]))
  await write(join(root, prefix, 'etc/npmrc'), lines.join(''))
  if (typeof config.cafile === 'string') await cp(config.cafile, join(root, config.cafile), { dereference: true })
  await cp('/etc/resolv.conf', join(root, 'etc/resolv.conf'), { dereference: true })
}

/** Variables that apt and npm need there. */
export async function clientEnvironment(prefix: string): Promise<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const name of proxyVariables) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  // Where npm names the folder of Node's headers, node-gyp may not be able to download them: they are beside Node there, too.
  if ((await npmConfig()).nodedir !== undefined) env.npm_package_config_node_gyp_nodedir = prefix
  return env
}

async function npmConfig(): Promise<Record<string, unknown>> {
  return JSON.parse((await run('npm', ['config', 'list', '--json'], { cwd: '/' })).stdout)
}

function linesOf(text: string, pattern: RegExp): string {
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .map((line) => `${line}\n`)
    .join('')
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
