import { QUERY_FIELDS, SCHEMA_VERSION } from '../record/schema.js'
import { identifier } from './lookups-sql.js'

/** Version and time are generated, because the columns follow the current schema. */
const HEAD = `'{"v":${SCHEMA_VERSION},"time":"' || strftime(time, '%Y-%m-%dT%H:%M:%S.%g') || 'Z"'`

/**
 * SQL that formats lookups as JSON lines like the recorder's, except for the escaping of some
 * characters: one column, without line ends. Fields that a lookup does not have are omitted.
 */
export const SELECT_JSON_LINES = `SELECT ${[HEAD, ...fields()].join(' || ')} || '}' FROM lookups`

function fields(): string[] {
  const remaining = Object.entries(QUERY_FIELDS).filter(
    ([field]) => field !== 'v' && field !== 'time'
  )
  return remaining.map(([field, type]) => {
    const column = identifier(field)
    const value = type === 'integer' ? column : `to_json(${column})::VARCHAR`
    return `coalesce(',"${field}":' || ${value}, '')`
  })
}
