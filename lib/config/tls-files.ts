import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { messageOf } from '../shared/errors.js'

/** A PEM file, and the variable that names it; the path is '' where there is none. */
export type PemFile = { variable: string; path: string }

const certificateBlock = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** A text for each thing for which this could not be shown to the other side: a certificate and its key, or neither. */
export function identityMistakes(cert: PemFile, key: PemFile): string[] {
  if (cert.path === '' && key.path === '') return []
  if (key.path === '') return [`${cert.variable} needs ${key.variable}`]
  if (cert.path === '') return [`${key.variable} needs ${cert.variable}`]
  const mistakes: string[] = []
  const [certificate] = attempt(cert, readCertificates, mistakes) ?? []
  const privateKey = attempt(key, readKey, mistakes)
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey)) {
    mistakes.push(`${nameOf(key)} is not the key of the first certificate in ${nameOf(cert)}`)
  }
  return mistakes
}

/** What is wrong with a file of CA certificates, if there is one. */
export function caMistakes(ca: PemFile): string[] {
  const mistakes: string[] = []
  if (ca.path !== '') attempt(ca, readCertificates, mistakes)
  return mistakes
}

function attempt<T>(file: PemFile, read: (path: string) => T, mistakes: string[]): T | undefined {
  try {
    return read(file.path)
  } catch (error) {
    mistakes.push(`${nameOf(file)} ${messageOf(error)}`)
    return undefined
  }
}

function nameOf({ variable, path }: PemFile): string {
  return `${variable}=${path}`
}

/**
 * When the first of the collector's certificates expires, those of its chain included.
 *
 * @throws {Error} where `identityMistakes` has something to say of the file
 */
export function certificateExpiry(tlsCertFile: string): Date {
  return new Date(Math.min(...readCertificates(tlsCertFile).map(({ validTo }) => Date.parse(validTo))))
}

/** @throws {Error} whose message goes on after the path of the file */
function readCertificates(path: string): X509Certificate[] {
  const blocks = readText(path).match(certificateBlock)
  if (blocks === null) throw new Error('is no certificate in PEM: there is no BEGIN CERTIFICATE in it')
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch (error) {
      throw new Error(`has a certificate that cannot be read, the ${index + 1}. one: ${messageOf(error)}`)
    }
  })
}

/** @throws {Error} whose message goes on after the path of the file */
function readKey(path: string): KeyObject {
  const text = readText(path)
  if (!text.includes('PRIVATE KEY-----'))
    throw new Error('is no private key in PEM: there is no BEGIN PRIVATE KEY in it')
  try {
    return createPrivateKey(text)
  } catch (error) {
    if (text.includes('ENCRYPTED'))
      throw new Error('is encrypted; `openssl pkey -in FILE` writes it without a passphrase')
    throw new Error(`is a private key that cannot be read: ${messageOf(error)}`)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot be read: ${messageOf(error)}`)
  }
}
