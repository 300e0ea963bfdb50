// Judges what the reader in C makes of requests of remote write, for remote-write-fuzz.c: by protobufjs with Prometheus's .proto files,
// and a slow reader of what that gives.

import protobuf from 'protobufjs'
import { writeRequest } from '../../support/protobuf.js'
import { isAsDescribed } from './described.js'
import { judgeBatches, type Told } from './judging.js'
import { NoSuchSymbol, readRemoteWrite, type WriteRequest } from './slow-remote-write.js'
import { compare, toldReading, wrong } from './told-reading.js'

const types = [first(), second()]

judgeBatches(judge)

function judge(told: Told): void {
  const { body, variant, fault, records } = toldReading(told)
  const type = types[variant >= 2 ? 1 : 0]
  // Of requests that come to too much, the bound is the reader's own.
  if (fault === 'size' || type === undefined) return
  const expected = isAsDescribed(body, type) ? read(body, type, variant % 2 === 0) : undefined
  if ((expected === undefined) !== (fault !== 'none')) throw wrong(body, `the fault is ${fault}, but not by protobufjs`)
  if (expected === undefined) return
  const { received, accepted, values, services, rejections, skips } = records
  compare(body, { received, accepted, values: values.sort(), services, rejections, skips }, expected, 'protobufjs')
}

/** Undefined for what is no such message, or refers to what is not there. */
function read(body: Buffer, type: protobuf.Type, buckets: boolean) {
  const request = decode(body, type)
  try {
    return request && readRemoteWrite(request, buckets)
  } catch (error) {
    if (error instanceof NoSuchSymbol) return undefined
    throw wrong(body, String(error instanceof Error ? error.stack : error))
  }
}

function decode(body: Buffer, type: protobuf.Type): WriteRequest | undefined {
  try {
    return type.toObject(type.decode(body), { longs: String })
  } catch {
    return undefined
  }
}

/** Without what the reader does not look at. */
function first(): protobuf.Type {
  const type = writeRequest(1)
  const { root } = type
  without(root.lookupType('prometheus.MetricMetadata'), 'help', 'unit')
  without(root.lookupType('prometheus.Histogram'), 'resetHint')
  return type
}

/** The same, and with what releases before 2.0-rc.4 had. */
function second(): protobuf.Type {
  const type = writeRequest(2)
  without(type.root.lookupType('io.prometheus.write.v2.Histogram'), 'resetHint')
  const series = type.root.lookupType('io.prometheus.write.v2.TimeSeries')
  series.reserved = []
  series.add(new protobuf.Field('createdTimestamp', 6, 'int64'))
  return type
}

function without(type: protobuf.Type, ...names: string[]): void {
  for (const name of names) type.remove(type.get(name) ?? type)
}
