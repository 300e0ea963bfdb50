import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { makeDirectory } from './directory.js'

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Paths of a certificate and its key, in PEM. */
export type Identity = { cert: string; key: string }

/** A CA of a test's own, made by openssl. */
export class Authority {
  /** Path of its certificate. */
  readonly cert: string
  readonly #key: string
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
    this.cert = join(directory, 'ca.pem')
    this.#key = join(directory, 'ca.key')
  }

  static async create(t: Test): Promise<Authority> {
    const authority = new Authority(await makeDirectory(t))
    const { cert, key } = { cert: authority.cert, key: authority.#key }
    await run('openssl', [
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      '/CN=test CA',
      '-days',
      '2',
    ])
    return authority
  }

  /** A certificate for localhost and 127.0.0.1; `days` below 0 for one that has expired. */
  async issue(name: string, { days = 1 } = {}): Promise<Identity> {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((type) =>
      join(this.#directory, `${name}.${type}`),
    ) as [string, string, string, string]
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    await run('openssl', ['req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`])
    const signer = ['-CA', this.cert, '-CAkey', this.#key, '-CAcreateserial']
    const form = ['-in', request, '-out', cert, '-extfile', extensions, '-days', String(days)]
    await run('openssl', ['x509', '-req', ...signer, ...form])
    return { cert, key }
  }

  /** Writes a key once more, under a passphrase. */
  async encrypt(key: string, to: string): Promise<void> {
    await run('openssl', ['pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', to])
  }
}

/** Puts an identity in the place of another, as an operator renews a certificate. */
export function install(from: Identity, to: Identity): void {
  writeFileSync(to.cert, readFileSync(from.cert))
  writeFileSync(to.key, readFileSync(from.key))
}
