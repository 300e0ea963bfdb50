import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer } from '../../shared/answer.js'
import { Problem } from '../../shared/errors.js'
import { weightOf } from '../../shared/header-lists.js'
import type { Exchange } from './exchange.js'

/** Every file that is served, by its path in lib/; no other can be asked for. */
const served: ReadonlySet<string> = new Set([
  'pages/status.html',
  'pages/status.css',
  'pages/status.js',
  'pages/chart.js',
  'pages/dom.js',
  'pages/docs.html',
  'pages/docs.js',
  'pages/redoc.html',
  'pages/redoc.css',
  'pages/redoc.js',
  'pages/icon.svg',
  'pages/vendor/uPlot.iife.min.js',
  'pages/vendor/uPlot.min.css',
  'pages/vendor/swagger-ui-bundle.js',
  'pages/vendor/swagger-ui.css',
  'pages/vendor/redoc.standalone.js',
  'telemetry/condition.js',
  'telemetry/histogram.js',
  'view/condition.js',
  'view/figures.js',
  'view/glossary.js',
  'view/ledger.js',
  'view/stats-window.js',
  'view/units.js',
])

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const gzipAsync = promisify(gzip)
const folder = new URL('../../', import.meta.url)

type StaticFile = { body: Buffer; compressed: Buffer; etag: string }

/** Files of the package, read and compressed when they are first asked for. */
export class StaticFiles {
  readonly #files = new Map<string, Promise<StaticFile>>()

  /** @throws {Problem} VANTAGE_NOT_FOUND for a name that is not served */
  get(name: string): Promise<StaticFile> {
    if (!served.has(name)) throw new Problem('VANTAGE_NOT_FOUND', 'There is no such file')
    const known = this.#files.get(name) ?? read(name)
    this.#files.set(name, known)
    // What failed may be well the next time: there were too many open files, say.
    known.catch(() => this.#files.delete(name))
    return known
  }
}

async function read(name: string): Promise<StaticFile> {
  const body = await readFile(new URL(name, folder))
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  return { body, compressed: await gzipAsync(body), etag: `"${digest}"` }
}

/** Answers with a file, or 304 to a browser that has it. It asks each time, so an upgrade is seen at once. */
export async function serve(
  files: StaticFiles,
  name: string,
  exchange: Exchange,
  more: Record<string, string>,
): Promise<Answer> {
  // Before the first await: the headers are forgotten then.
  const known = exchange.headerValues('if-none-match').join(',')
  const takesGzip = weightOf(exchange.headerValues('accept-encoding').join(','), 'gzip') > 0
  const { body, compressed, etag } = await files.get(name)
  const headers = {
    ETag: etag,
    'Cache-Control': 'no-cache',
    Vary: 'Accept, Accept-Encoding',
    ...more,
  }
  if (isKnown(etag, known)) return { status: 304, headers }
  const type = types[extname(name)] ?? 'application/octet-stream'
  return takesGzip
    ? { status: 200, headers: { ...headers, 'Content-Type': type, 'Content-Encoding': 'gzip' }, body: compressed }
    : { status: 200, headers: { ...headers, 'Content-Type': type }, body }
}

/** If-None-Match is * or a list, and compares weakly (RFC 9110, 13.1.2): a proxy that compresses makes tags weak. */
function isKnown(etag: string, known: string): boolean {
  return known.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
