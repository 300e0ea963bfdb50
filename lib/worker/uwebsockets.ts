import { createRequire } from 'node:module'
import type * as UWebSockets from 'uws-pack'
import { messageOf } from '../shared/errors.js'
import { dependencies } from '../shared/version.js'

export type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket as ListenSocket } from 'uws-pack'

type Load = (name: string) => typeof UWebSockets | Promise<typeof UWebSockets>

const { platform, arch, versions } = process

/**
 * The packages that may bring uWebSockets.js compiled for this process, the newer one first; docs/decisions/uwebsockets.md
 * tells them apart. The first is CommonJS and must be required: Node 20 ends the process where an imported CommonJS
 * module throws, caught or not.
 */
const packages: Readonly<Record<string, Load>> = {
  [`@uwsjs/${platform}-${arch}-${versions.node.split('.')[0]}`]: createRequire(import.meta.url),
  'uws-pack': (name) => import(name),
}

const { name, module } = await loadFirst()

export const { App, SSLApp, us_listen_socket_close: closeListenSocket } = module

/** The package that this process has loaded, and its version: `@uwsjs/linux-x64-24 20.69.0`. */
export const uWebSocketsBuild = `${name} ${dependencies[name]}`

/** @throws {Error} in words for the operator, where no package has a build for this Node and this C library */
async function loadFirst(): Promise<{ name: string; module: typeof UWebSockets }> {
  const failures: string[] = []
  for (const [name, load] of Object.entries(packages)) {
    try {
      return { name, module: await load(name) }
    } catch (error) {
      failures.push(`${name}: ${messageOf(error).split('\n')[0]}`)
    }
  }
  throw new Error(
    `uWebSockets.js has no build for Node ${versions.node} on ${platform} ${arch} with ${cLibrary()}. ` +
      'Node 20 and 22 need glibc 2.27, Node 24 needs glibc 2.38 (Debian 13, Ubuntu 24.04). Where Node was replaced, ' +
      `npm ci brings the build for it. ${failures.join('; ')}`,
  )
}

function cLibrary(): string {
  const report = process.report.getReport()
  const version = 'header' in report ? Object(report.header).glibcVersionRuntime : undefined
  return version === undefined ? 'another C library than glibc' : `glibc ${version}`
}
