import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { makeDirectory } from './directory.js'

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

const dayMs = 86_400_000

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

  /** A certificate for localhost and 127.0.0.1 that is valid for `days` from now; below 0, one that expired so long ago. */
  async issue(name: string, { days = 1 } = {}): Promise<Identity> {
    const [cert, key, request, config, index] = ['pem', 'key', 'csr', 'cnf', 'index'].map((type) =>
      join(this.#directory, `${name}.${type}`),
    ) as [string, string, string, string, string]
    writeFileSync(config, configOf(this.#directory, index))
    writeFileSync(index, '')
    await run('openssl', ['req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`])
    // Of openssl's commands, only `ca` takes both dates in OpenSSL 3.0 and in 3.5, which refuses `x509 -days -1`.
    const end = Date.now() + days * dayMs
    const validity = ['-startdate', asn1Time(Math.min(Date.now(), end - dayMs)), '-enddate', asn1Time(end)]
    const signer = ['-config', config, '-cert', this.cert, '-keyfile', this.#key]
    await run('openssl', ['ca', '-batch', '-notext', ...signer, ...validity, '-in', request, '-out', cert])
    return { cert, key }
  }

  /** Writes a key once more, under a passphrase. */
  async encrypt(key: string, to: string): Promise<void> {
    await run('openssl', ['pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', to])
  }
}

/** What `openssl ca` needs to know; the index, its list of what it has signed, is of one certificate. */
function configOf(directory: string, index: string): string {
  return `
[ca]
default_ca = test_ca
[test_ca]
database = ${index}
new_certs_dir = ${directory}
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = DNS:localhost,IP:127.0.0.1
`
}

/** As YYYYMMDDHHMMSSZ. */
function asn1Time(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$|[-:T]/g, '')
    .concat('Z')
}

/** Puts an identity in the place of another, as an operator renews a certificate. */
export function install(from: Identity, to: Identity): void {
  writeFileSync(to.cert, readFileSync(from.cert))
  writeFileSync(to.key, readFileSync(from.key))
}
