import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { messageOf } from './errors.js'

/** Paths of PEM files; '' for none. */
export type TlsFiles = { tlsCertFile: string; tlsKeyFile: string; tlsCaFile: string }

const certFile = 'VANTAGE_TLS_CERT_FILE'
const keyFile = 'VANTAGE_TLS_KEY_FILE'
const caFile = 'VANTAGE_TLS_CA_FILE'

const certificateBlock = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** A text for each thing for which TLS could not be served with these files. */
export function tlsMistakes({ tlsCertFile, tlsKeyFile, tlsCaFile }: TlsFiles): string[] {
  if (tlsCertFile === '' && tlsKeyFile === '') return tlsCaFile === '' ? [] : [`${caFile} needs ${certFile}`]
  if (tlsKeyFile === '') return [`${certFile} needs ${keyFile}`]
  if (tlsCertFile === '') return [`${keyFile} needs ${certFile}`]
  const mistakes: string[] = []
  const attempt = <T>(variable: string, path: string, read: (path: string) => T): T | undefined => {
    try {
      return read(path)
    } catch (error) {
      mistakes.push(`${variable}=${path} ${messageOf(error)}`)
      return undefined
    }
  }
  const [certificate] = attempt(certFile, tlsCertFile, readCertificates) ?? []
  const key = attempt(keyFile, tlsKeyFile, readKey)
  if (tlsCaFile !== '') attempt(caFile, tlsCaFile, readCertificates)
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    mistakes.push(`${keyFile}=${tlsKeyFile} is not the key of the first certificate in ${certFile}=${tlsCertFile}`)
  }
  return mistakes
}

/**
 * When the first of the collector's certificates expires, those of its chain included.
 *
 * @throws {Error} where `tlsMistakes` has something to say of the file
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
