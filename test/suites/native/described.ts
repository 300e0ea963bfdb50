import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs'

const lengthWire = 2
const groupWire = 3
const longestInteger = 10
const basicWires: Readonly<Record<string, number>> = protobuf.types.basic

/** Whether bytes are a message in which each field that is known is of its type, and no more than once where that matters; texts are UTF-8. */
export function isAsDescribed(bytes: Buffer, type: protobuf.Type): boolean {
  try {
    return followsType(bytes, type)
  } catch {
    return false
  }
}

function followsType(bytes: Buffer, type: protobuf.Type): boolean {
  const reader = protobuf.Reader.create(bytes)
  const met = new Set<protobuf.OneOf | protobuf.Field>()
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const field = type.fieldsById[tag >>> 3]
    const wire = tag & 7
    if (tag < 8 || wire === groupWire) return false
    const once = field && onceOnly(field)
    if (once !== undefined) {
      if (met.has(once)) return false
      met.add(once)
    }
    if (field === undefined) skip(reader, wire)
    else if (!isField(reader, field, wire)) return false
  }
  return reader.pos === reader.len
}

function skip(reader: protobuf.Reader, wire: number): void {
  const start = reader.pos
  reader.skipType(wire)
  // protobufjs skips longer ones, too.
  if (wire === 0 && reader.pos - start > longestInteger) throw new Error('a number has more than 10 bytes')
}

/** What a field is, or is one of, that may be there once: readers differ in which of two messages they take, or whether both. */
function onceOnly(field: protobuf.Field): protobuf.OneOf | protobuf.Field | undefined {
  if (field.partOf != null && !field.options?.proto3_optional) return field.partOf
  return !field.repeated && field.resolve().resolvedType instanceof protobuf.Type ? field : undefined
}

function isField(reader: protobuf.Reader, field: protobuf.Field, wire: number): boolean {
  const message = field.resolve().resolvedType
  if (message instanceof protobuf.Type) return wire === lengthWire && followsType(Buffer.from(reader.bytes()), message)
  if (field.repeated && wire === lengthWire && field.type in protobuf.types.packed)
    return isPacked(Buffer.from(reader.bytes()), basicWires[field.type])
  if (wire !== (message === null ? basicWires[field.type] : 0)) return false
  if (field.type === 'string') return isUtf8(reader.bytes())
  skip(reader, wire)
  return true
}

function isPacked(bytes: Buffer, wire = 0): boolean {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) skip(reader, wire)
  return reader.pos === reader.len
}
