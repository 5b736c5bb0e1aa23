import { QUERY_FIELDS, SCHEMA_VERSION } from '../record/schema.js'
import { identifier } from './lookups-sql.js'

/** These are written anew: the columns are those of this version. */
const HEAD = `'{"v":${SCHEMA_VERSION},"time":"' || strftime(time, '%Y-%m-%dT%H:%M:%S.%g') || 'Z"'`

/**
 * SQL for lookups as lines of JSON, as the recorder writes them but for how some letters are escaped:
 * one column, without line ends. What a lookup does not have is not in its line.
 */
export const SELECT_JSON_LINES = `SELECT ${[HEAD, ...fields()].join(' || ')} || '}' FROM lookups`

function fields(): string[] {
  const others = Object.entries(QUERY_FIELDS).filter(([field]) => field !== 'v' && field !== 'time')
  return others.map(([field, type]) => {
    const column = identifier(field)
    const value = type === 'integer' ? column : `to_json(${column})::VARCHAR`
    return `coalesce(',"${field}":' || ${value}, '')`
  })
}
