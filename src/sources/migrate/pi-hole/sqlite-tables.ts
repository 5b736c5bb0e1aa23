/**
 * Reads whole tables of an SQLite database in memory, as Pi-hole's export has one: rows of tables with a rowid, no
 * indexes. https://www.sqlite.org/fileformat.html
 */
export type SqliteValue = number | string | null
export type SqliteRow = Readonly<Record<string, SqliteValue>>

const [INTERIOR, LEAF] = [5, 13]
/** Deepest tree of pages: a table of 2^64 rows has fewer. */
const MAX_DEPTH = 40

export class SqliteTables {
  private readonly octets: Buffer
  private readonly pageSize: number
  private readonly usable: number
  private readonly tables = new Map<
    string,
    { root: number; columns: readonly string[]; rowId: string | undefined }
  >()

  /** @throws Error: not a database */
  constructor(octets: Uint8Array) {
    this.octets = Buffer.from(octets)
    if (this.octets.toString('latin1', 0, 15) !== 'SQLite format 3')
      throw new Error('not an SQLite database')
    const size = this.octets.readUInt16BE(16)
    this.pageSize = size === 1 ? 65_536 : size
    this.usable = this.pageSize - this.octets[20]!
    if (this.usable < 480) throw new Error('the database is damaged')
    for (const [, values] of this.records(1, 0)) {
      const [type, name, , root, sql] = values
      if (type === 'table' && typeof sql === 'string') {
        this.tables.set(String(name), { root: Number(root), ...columnsOf(sql) })
      }
    }
  }

  has(table: string): boolean {
    return this.tables.has(table)
  }

  /** @throws Error: the database is damaged */
  *rows(table: string): Generator<SqliteRow> {
    const found = this.tables.get(table)
    if (found === undefined) return
    const { root, columns, rowId } = found
    for (const [id, values] of this.records(root, 0)) {
      const row = Object.fromEntries(columns.map((column, i) => [column, values[i] ?? null]))
      // The column that is an alias of the rowid is NULL in the record.
      yield rowId === undefined ? row : { ...row, [rowId]: row[rowId] ?? id }
    }
  }

  private *records(
    page: number,
    depth: number
  ): Generator<readonly [number, readonly SqliteValue[]]> {
    if (depth > MAX_DEPTH || page < 1) throw new Error('the database is damaged')
    const start = (page - 1) * this.pageSize
    const head = page === 1 ? start + 100 : start
    const kind = this.octets.readUInt8(head)
    const cells = this.octets.readUInt16BE(head + 3)
    const isLeaf = kind === LEAF
    if (!isLeaf && kind !== INTERIOR) throw new Error('the database is damaged')
    const pointers = head + (isLeaf ? 8 : 12)
    for (let i = 0; i < cells; i++) {
      const cell = start + this.octets.readUInt16BE(pointers + 2 * i)
      if (isLeaf) yield this.readCell(cell)
      else yield* this.records(this.octets.readUInt32BE(cell), depth + 1)
    }
    if (!isLeaf) yield* this.records(this.octets.readUInt32BE(head + 8), depth + 1)
  }

  private readCell(at: number): readonly [number, readonly SqliteValue[]] {
    const [size, afterSize] = this.varint(this.octets, at)
    const [id, start] = this.varint(this.octets, afterSize)
    return [id, this.values(this.payload(start, size))]
  }

  /** §1.6: what does not fit on the page is in a chain of overflow pages. */
  private payload(start: number, size: number): Buffer {
    const most = this.usable - 35
    if (size <= most) return this.octets.subarray(start, start + size)
    const least = Math.floor(((this.usable - 12) * 32) / 255) - 23
    const spread = least + ((size - least) % (this.usable - 4))
    const local = spread <= most ? spread : least
    const parts = [this.octets.subarray(start, start + local)]
    let [left, page] = [size - local, this.octets.readUInt32BE(start + local)]
    while (left > 0) {
      if (page < 1 || page * this.pageSize > this.octets.length)
        throw new Error('the database is damaged')
      const at = (page - 1) * this.pageSize
      const length = Math.min(left, this.usable - 4)
      parts.push(this.octets.subarray(at + 4, at + 4 + length))
      left -= length
      page = this.octets.readUInt32BE(at)
    }
    return Buffer.concat(parts)
  }

  /** §2.1: a header of types, then the values. */
  private values(record: Buffer): readonly SqliteValue[] {
    const [headerSize, first] = this.varint(record, 0)
    const values: SqliteValue[] = []
    let [at, body] = [first, headerSize]
    while (at < headerSize) {
      const [type, next] = this.varint(record, at)
      const length = lengthOf(type)
      values.push(valueOf(record, body, type, length))
      at = next
      body += length
    }
    return values
  }

  /** @returns the number and the position after it */
  private varint(octets: Buffer, at: number): readonly [number, number] {
    let value = 0
    for (let i = 0; i < 8; i++) {
      const octet = octets.readUInt8(at + i)
      value = value * 128 + (octet & 0x7f)
      if (octet < 0x80) return [value, at + i + 1]
    }
    return [value * 256 + octets.readUInt8(at + 8), at + 9]
  }
}

const INTEGERS = [0, 1, 2, 3, 4, 6, 8] as const
const DOUBLE = 7

function lengthOf(type: number): number {
  if (type >= 12) return (type - (type % 2 === 0 ? 12 : 13)) / 2
  return INTEGERS[type] ?? (type === DOUBLE ? 8 : 0)
}

function valueOf(record: Buffer, at: number, type: number, length: number): SqliteValue {
  if (type === 0) return null
  if (type === 8 || type === 9) return type - 8
  if (type === DOUBLE) return record.readDoubleBE(at)
  if (type === 6) return Number(record.readBigInt64BE(at))
  if (type < 6) return record.readIntBE(at, length)
  return record.toString('utf8', at, at + length)
}

/** Columns of `CREATE TABLE`, and the one that is the rowid. */
function columnsOf(sql: string): { columns: readonly string[]; rowId: string | undefined } {
  const body = sql.slice(sql.indexOf('(') + 1, sql.lastIndexOf(')')).replace(/--[^\n]*/g, '')
  const parts: string[] = []
  let [depth, part] = [0, '']
  for (const sign of body) {
    depth += sign === '(' ? 1 : sign === ')' ? -1 : 0
    if (sign === ',' && depth === 0) {
      parts.push(part)
      part = ''
    } else part += sign
  }
  parts.push(part)
  const columns = parts
    .map(text => text.trim())
    .filter(text => !/^(PRIMARY|UNIQUE|FOREIGN|CHECK|CONSTRAINT)\b/i.test(text))
  const nameOf = (text: string): string => /^["'`[]?([^\s"'`\]]+)/.exec(text)?.[1] ?? ''
  const key = columns.find(text => /\bINTEGER\s+PRIMARY\s+KEY\b/i.test(text))
  return { columns: columns.map(nameOf), rowId: key === undefined ? undefined : nameOf(key) }
}
