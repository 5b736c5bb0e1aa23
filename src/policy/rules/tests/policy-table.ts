import { readAddress, showAddress, type Address } from '../../../base/values/address.js'
import { failureAt, InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { Seconds } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { BAN_EDE } from '../../../wire/dns/registry/ede.js'
import { readRrtype, RRTYPE } from '../../../wire/dns/registry/rrtype.js'
import { didYouMean } from '../../yaml/closest.js'
import { mismatch, type Path } from '../../yaml/issues.js'
import { showPath } from '../../yaml/issues.js'
import type { ParsedYaml } from '../../yaml/read.js'
import {
  COLUMNS,
  EXPECTED,
  type Column,
  type PolicyTable,
  type PolicyTestsFile,
  type Expectation
} from '../schema/policy-tests-schema.js'
import { dateHint } from '../../../base/time/date-hint.js'
import { INSTANT, readInstant } from '../../../base/time/instant.js'

/** One row of a table: a query and the expected result. */
export interface PolicyTest {
  readonly client: Address
  /** For display: `phone (10.20.1.1)`. */
  readonly clientText: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly qtype: number
  readonly protocol: (typeof PROTOCOLS)[number]
  /** Undefined: now. */
  readonly at: Seconds | undefined
  /** The expected values of the row, as written. */
  readonly expected: Expectation
  /** `tests[0].rows[2]` */
  readonly path: string
  /** Position of an expected value; of the row, if the value is given for all rows. */
  readonly positionOf: (column: keyof Expectation) => Position
}

/** The text of a cell, or of a value for all rows. */
interface Cell {
  readonly text: string
  readonly path: Path
}

type Cells = ReadonlyMap<Column, Cell>

/** Reads the tables of one file of policy tests, and collects the errors. */
export class TableReader {
  readonly errors: InterdictError[] = []

  constructor(
    private readonly parsed: ParsedYaml<PolicyTestsFile>,
    private readonly timeZone: string
  ) {}

  /** The valid rows. @param path of the table */
  readTable(table: PolicyTable, path: Path): PolicyTest[] {
    const { columns, rows } = table
    const before = this.errors.length
    for (const [i, column] of columns.entries()) {
      const at = [...path, 'columns', i]
      if (columns.indexOf(column) < i) this.reportError(at, `duplicate column ${column}`)
      if (table[column] === undefined) continue
      this.reportError([...path, column], 'already a column of this table; give it once')
    }
    if (this.errors.length > before) return []
    return rows.flatMap((row, i) => this.row(table, row, [...path, 'rows', i]) ?? [])
  }

  private row(table: PolicyTable, row: Row, path: Path): PolicyTest | undefined {
    const { columns } = table
    if (row.length !== columns.length) {
      const expected = `${columns.length} cells (${columns.join(', ')})`
      this.reportError(path, `expected ${expected}, found ${row.length}`)
      return undefined
    }
    const test = this.test(cellsOf(table, row, path), path)
    return test === undefined ? undefined : { ...test, path: showPath(path) }
  }

  private test(cells: Cells, path: Path): Omit<PolicyTest, 'path'> | undefined {
    const before = this.errors.length
    const { clients } = this.parsed.value
    const client = this.readCell(cells, 'client', text =>
      Object.hasOwn(clients, text) ? clients[text] : tryRead(readAddress, text)
    )
    const name = this.readCell(cells, 'name', text => tryRead(readName, text))
    const qtype = this.readCell(cells, 'type', readRrtype) ?? RRTYPE.A
    const protocol = this.readCell(cells, 'protocol', oneOf(PROTOCOLS)) ?? 'udp'
    const at = this.readCell(cells, 'at', text => readInstant(text, this.timeZone))
    const expect = this.readCell(cells, 'expect', oneOf(EXPECTED))
    const ede = this.readCell(cells, 'ede', oneOf(EDES))
    for (const column of ['client', 'name', 'expect'] as const) {
      if (!cells.has(column))
        this.reportError(path, `missing ${column}; expected ${EXPECTED_CELL[column]}`)
    }
    if (client === undefined || name === undefined || expect === undefined) return undefined
    if (this.errors.length > before) return undefined
    const text = cells.get('client')!.text
    const address = showAddress(client)
    const clientText = Object.hasOwn(clients, text) ? `${text} (${address})` : address
    const others = (['rule', 'app', 'list', 'network'] as const).flatMap(column => {
      const cell = cells.get(column)
      return cell === undefined ? [] : [[column, cell.text] as const]
    })
    const expected = { expect, ...(ede && { ede }), ...Object.fromEntries(others) }
    const positionOf: PolicyTest['positionOf'] = column => {
      const own = cells.get(column)?.path ?? path
      return this.parsed.positionOf(own.length > path.length ? own : path)
    }
    return { client, clientText, name, qtype, protocol, at, expected, positionOf }
  }

  /** The parsed value of a cell; undefined if it is missing, or invalid, which is an error. */
  private readCell<T>(
    cells: Cells,
    column: Column,
    read: (text: string) => T | undefined
  ): T | undefined {
    const cell = cells.get(column)
    if (cell === undefined) return undefined
    const value = read(cell.text)
    if (value !== undefined) return value
    const clients = Object.keys(this.parsed.value.clients)
    const known = column === 'client' ? clients : column === 'expect' ? EXPECTED : []
    const problem = mismatch(EXPECTED_CELL[column], cell.text)
    const hint = column === 'at' ? dateHint(cell.text) : didYouMean(cell.text, known)
    this.reportError(cell.path, `${problem}${hint}`)
    return undefined
  }

  private reportError(path: Path, problem: string): void {
    const at = this.parsed.positionOf(path)
    this.errors.push(failureAt(at, 'DOCUMENT_INVALID', showPath(path), problem))
  }
}

type Row = PolicyTable['rows'][number]

/** As in the query log. */
const PROTOCOLS = ['udp', 'tcp', 'dot', 'doh'] as const
const EDES = Object.keys(BAN_EDE) as readonly (keyof typeof BAN_EDE)[]

const EXPECTED_CELL: Readonly<Record<Column, string>> = {
  client: 'an IP address, or a key of clients',
  name: 'a domain name',
  type: 'a query type such as AAAA, HTTPS or TYPE65280',
  protocol: `one of ${PROTOCOLS.join(', ')}`,
  at: INSTANT,
  expect: `one of ${EXPECTED.join(', ')}`,
  rule: 'the id of a rule',
  app: 'the id of an app',
  list: 'the id of a list',
  ede: `one of ${EDES.join(', ')}`,
  network: 'the id of a network'
}

/** The cells of a row, with the values for all rows. */
function cellsOf(table: PolicyTable, row: Row, path: Path): Cells {
  const cells = new Map<Column, Cell>()
  const put = (column: Column, text: string | null | undefined, at: Path): void => {
    if (text != null) cells.set(column, { text, path: at })
  }
  for (const column of COLUMNS) {
    if (table[column] !== undefined) put(column, table[column], [...path.slice(0, -2), column])
  }
  for (const [i, column] of table.columns.entries()) put(column, row[i], [...path, i])
  return cells
}

function oneOf<T extends string>(words: readonly T[]): (text: string) => T | undefined {
  return text => words.find(word => word === text)
}

function tryRead<T>(read: (text: string) => T, text: string): T | undefined {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
